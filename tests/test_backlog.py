"""A week's backlog drains in the background, and measuring goes on unharmed."""

import itertools
import sqlite3
import time
from contextlib import closing

import pytest

from smartmeter.journal import Journal
from smartmeter.reading import Reading
from smartmeter.settings.model import JournalSettings
from smartmeter.simulator import VirtualLine, VirtualMeter
from smartmeter.sinks.postgresql import PostgresqlSink
from tests.fixtures.postgresql import PASSWORD, USER
from tests.test_daemon import LINE, MODEL, VALUES, own_settings, running

WEEK_AT_5_S = 120_960
INTERVAL_US = 5_000_000
COMMIT_EVERY = 5_000


async def fill(path):
    journal = await Journal.open(JournalSettings(path), MODEL.registers, [PostgresqlSink.name])
    start_us = (time.time_ns() // 1000 // INTERVAL_US - 2 * WEEK_AT_5_S) * INTERVAL_US
    for number in range(WEEK_AT_5_S):
        journal.append(Reading("house", start_us + number * INTERVAL_US, "boot", number, VALUES))
        if number % COMMIT_EVERY == 0:
            await journal.commit()
    await journal.close()


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_a_week_drains_while_measuring_goes_on(tmp_path, postgresql):
    await fill(tmp_path / "smartmeter.db")
    more = f"""
[postgresql]
host = "127.0.0.1"
port = {postgresql.server.port}
database = "smartmeter"
user = "{USER}"
password = "{PASSWORD}"
ship_interval = "1s"
"""
    settings = own_settings(tmp_path, interval="0.5s", commit_interval="1s", more=more)

    def shipped():
        try:
            return postgresql.rows("SELECT count(*) FROM smartmeter")[0][0]
        except Exception:  # noqa: BLE001 - the table may not be there yet
            return 0

    with (
        VirtualLine(LINE, [VirtualMeter(MODEL, values=VALUES)], link=tmp_path / "tty", turnaround_s=0.01) as line,
        running(settings) as daemon,
    ):
        daemon.until(lambda: shipped() > WEEK_AT_5_S, within_s=200)
        count = line.counts.requests
        daemon.until(lambda: line.counts.requests >= count + 8)
        assert daemon.end() == 0
    with closing(sqlite3.connect(tmp_path / "smartmeter.db")) as journal:
        times_us = [time_us for (time_us,) in journal.execute("SELECT time_us FROM reading ORDER BY sequence")]
    measured_us = times_us[WEEK_AT_5_S + 1 :]
    assert len(measured_us) >= 4
    gaps_us = {b - a for a, b in itertools.pairwise(measured_us)}
    assert gaps_us == {500_000}, "a round was skipped during the drain"
    stored = postgresql.rows("SELECT count(*), count(DISTINCT ts) FROM smartmeter")[0]
    assert WEEK_AT_5_S < stored[0] == stored[1] <= len(times_us)
