"""Nothing twice and nothing missing, whatever dies in between."""

import asyncio
import sqlite3
import subprocess
import sys
import time
from contextlib import asynccontextmanager, closing, suppress

import pytest

from smartmeter.journal import Journal
from smartmeter.polling.fast import FastInterval
from smartmeter.settings.model import FastSettings, JournalSettings
from smartmeter.sinks.postgresql import PostgresqlSink
from smartmeter.sinks.shipper import ship
from tests.sinks.made_up import legacy_table, meter, reading

NO_FAST = FastSettings(interval_us=10**6, duration_s=0)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr("smartmeter.sinks.shipper.backoff_s", lambda _failures, _chance: 0.02)


async def made_journal(path, readings):
    """A journal with so many readings; its owner closes it, or dies."""
    settings = JournalSettings(path, commit_interval_s=0.05)
    journal = await Journal.open(settings, reading(0).values, ["postgresql"])
    for number in range(readings):
        journal.append(reading(number))
        if number % 5000 == 0:
            await journal.commit()
    await journal.commit()
    return journal


async def made_and_closed_journal(path, readings):
    await (await made_journal(path, readings)).close()


@asynccontextmanager
async def shipping(journal, settings, report):
    sink = PostgresqlSink(settings, [meter()], "en")
    task = asyncio.create_task(ship(journal, sink, 10, FastInterval(NO_FAST), report))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(condition):
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.002)  # what the tests wait for has no bell


def cut_connections(postgresql):
    with postgresql.connect(user=None) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'smartmeter'"
        )


def assert_all_there(postgresql, readings, voltage="voltage_l1", frequency="frequency"):
    """Every reading is in the table, with its values, and no other row is."""
    rows = postgresql.rows(
        f"SELECT (extract(epoch FROM ts) * 1000000)::int8, {voltage}, {frequency} FROM smartmeter ORDER BY ts"
    )
    assert len(rows) == readings
    for number, row in enumerate(rows):
        made = reading(number)
        assert row == (made.time_us, made.values["voltage_l1"], made.values["frequency"])


def set_aside(path):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT * FROM set_aside").fetchall()


def stored(postgresql):
    """How many rows there are now; none if there is no table yet."""
    if postgresql.rows("SELECT to_regclass('smartmeter')") == [(None,)]:
        return 0
    ((rows,),) = postgresql.rows("SELECT count(*) FROM smartmeter")
    return rows


@pytest.mark.slow
def test_the_daemon_is_killed_again_and_again(postgresql, tmp_path):
    path = tmp_path / "smartmeter.db"
    asyncio.run(made_and_closed_journal(path, 20_000))
    place = (postgresql.host, str(postgresql.server.port), postgresql.name)
    command = [sys.executable, "-m", "tests.sinks.shipping_program", path, *place]
    before = 0
    # A batch takes about 30 ms: this hits every part of one.
    for delay_s in (0, 0.008, 0.016, 0.024):
        with subprocess.Popen(command, stdout=subprocess.PIPE) as program:
            assert program.stdout.readline() == b"shipping\n"
            while stored(postgresql) == before:
                time.sleep(0.001)
            time.sleep(delay_s)
            program.kill()
        before = stored(postgresql)
        assert before < 20_000
    with subprocess.Popen(command, stdout=subprocess.PIPE) as program:
        assert [program.stdout.readline(), program.stdout.readline()] == [b"shipping\n", b"done\n"]
        program.kill()
    assert_all_there(postgresql, 20_000)
    assert set_aside(path) == []


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["fast", "immediate"])
async def test_the_database_server_crashes_in_the_middle_of_a_drain(postgresql, tmp_path, mode):
    postgresql.run(legacy_table())
    journal = await made_journal(tmp_path / "smartmeter.db", 8_000)
    states = []
    try:
        async with shipping(journal, postgresql.settings(), states.append):
            await until(lambda: states and states[-1].shipped >= 1000)
            await asyncio.to_thread(postgresql.server.stop, mode)
            try:
                await until(lambda: states[-1].error)
            finally:
                await asyncio.to_thread(postgresql.server.start)
            await until(lambda: states[-1].shipped == 8_000)
    finally:
        await journal.close()
    assert_all_there(postgresql, 8_000, "spannung_l1", "frequenz")
    assert set_aside(tmp_path / "smartmeter.db") == []


async def test_connections_are_cut_all_the_time(postgresql, tmp_path):
    journal = await made_journal(tmp_path / "smartmeter.db", 5_000)
    states = []
    try:
        async with shipping(journal, postgresql.settings(), states.append):
            for pause_s in (0, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.10, 0.12):
                await asyncio.sleep(pause_s)
                cut_connections(postgresql)
            await until(lambda: states[-1].shipped == 5_000)
    finally:
        await journal.close()
    assert_all_there(postgresql, 5_000)
    assert set_aside(tmp_path / "smartmeter.db") == []
