"""The whole program as its users run it: a process, a line, a database, and what happens to them."""

import os
import re
import signal
import sqlite3
import struct
import subprocess
import sys
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from smartmeter.measurands import measurands
from smartmeter.memory import known_meters
from smartmeter.modbus.line import SerialFormat
from smartmeter.models import load_model
from smartmeter.simulator import NO_FAULTS, Faults, HoldingQuirks, Quirks, VirtualLine, VirtualMeter
from smartmeter.state import with_state
from tests.fixtures.daemon import own_settings, running
from tests.fixtures.postgresql import PASSWORD, USER
from tests.fixtures.ssh_server import PASSWORD as SSH_PASSWORD
from tests.fixtures.ssh_server import USER as SSH_USER
from tests.sinks.made_up import legacy_table

LINE = SerialFormat(115200, 8, "N", 1)
MODEL = load_model("SDM530")
VALUES = {measurand: register.address + 0.5 for measurand, register in MODEL.registers.items()}
EVERYTHING = frozenset(MODEL.registers)


@pytest.fixture
def meter():
    return VirtualMeter(MODEL, values=VALUES)


@pytest.fixture
def line(tmp_path, meter):
    with VirtualLine(LINE, [meter], link=tmp_path / "tty", turnaround_s=0.001) as line:
        yield line


def legacy_settings(directory, port, ship_interval_s=1, intervals="", tunnel=""):
    """The original's file, as it was documented, with the placeholders filled in."""
    names = [measurands()[id_].german for id_ in MODEL.registers]
    path = directory / "smartmeter_cfg.toml"
    path.write_text(f"""
[modbus]
serial_if="{directory / "tty"}"
serial_if_baud=115200
serial_if_byte=8
serial_if_par="E"
serial_if_stop=1
slave_addr=1

[pg]
ip = "127.0.0.1"
pguser = "{USER}"
pgpw = "{PASSWORD}"
pgport = {port}
db = "smartmeter"
{tunnel}
intervall_daten_senden = {ship_interval_s}
dauer_schnellintervall = 3
schnellintervall = 1

[telegram_bot]
token = "telegramtoken"

[[messintervall]]
{intervals or "".join(f"{name}= 1{chr(10)}" for name in names)}
""")
    return path


def journal_rows(directory, columns="sequence, time_us"):
    path = directory / "smartmeter.db"
    if not path.exists():
        return []
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        try:
            return connection.execute(f"SELECT {columns} FROM reading ORDER BY sequence").fetchall()
        except sqlite3.OperationalError:
            return []


def test_reads_everything_at_once_and_keeps_it_on_the_grid(tmp_path, line):
    with running(own_settings(tmp_path)) as daemon:
        daemon.until(lambda: len(journal_rows(tmp_path)) >= 5)
        assert daemon.end() == 0
    columns = ", ".join(f'"{id_}"' for id_ in VALUES)
    for row in journal_rows(tmp_path, columns):
        assert dict(zip(VALUES, row, strict=True)) == VALUES
    times_us = [time_us for _, time_us in journal_rows(tmp_path)]
    assert all(time_us % 100_000 == 0 for time_us in times_us[1:])


def test_what_was_read_before_sigterm_is_in_the_journal(tmp_path, line):
    with running(own_settings(tmp_path, commit_interval="1h")) as daemon:
        daemon.until(lambda: line.counts.requests >= 5 * 4)
        assert daemon.end() == 0
        rounds = line.counts.requests // 4
    assert rounds - 1 <= len(journal_rows(tmp_path)) <= rounds
    assert "everything that was read is in the journal" in daemon.log
    assert re.search(r"Bus bus1: \d+ requests, \d+ answers\.", daemon.log)
    assert re.search(r"Meter house: \d+ readings", daemon.log)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ends_cleanly(tmp_path, line, how):
    with running(own_settings(tmp_path)) as daemon:
        daemon.until(lambda: line.counts.requests >= 4)
        assert daemon.end(how) == 0
    assert "Traceback" not in daemon.log


def test_what_was_committed_survives_kill_9_and_the_next_start_goes_on(tmp_path, line):
    settings = own_settings(tmp_path)
    counts = [0]
    for _ in range(3):
        with running(settings) as daemon:
            daemon.until(lambda: len(journal_rows(tmp_path)) >= counts[-1] + 3)
            seen = journal_rows(tmp_path)
            daemon.end(signal.SIGKILL)
        assert journal_rows(tmp_path)[: len(seen)] == seen
        counts.append(len(journal_rows(tmp_path)))
    sequences = [sequence for sequence, _ in journal_rows(tmp_path)]
    assert sequences == sorted(set(sequences))


def test_a_port_that_comes_later_is_waited_for(tmp_path):
    with running(own_settings(tmp_path)) as daemon:
        daemon.until(lambda: "there is no such port" in daemon.log)
        with VirtualLine(LINE, [VirtualMeter(MODEL, values=VALUES)], link=tmp_path / "tty", turnaround_s=0.001):
            daemon.until(lambda: len(journal_rows(tmp_path)) >= 2)
        assert daemon.end() == 0
    assert daemon.log.count("there is no such port") == 1


def test_a_silent_meter_is_told_once_and_is_back_at_once(tmp_path, line):
    line.faults = Faults(silent=True)
    with running(own_settings(tmp_path)) as daemon:
        daemon.until(lambda: "is silent" in daemon.log)
        line.faults = NO_FAULTS
        daemon.until(lambda: "answers again" in daemon.log and len(journal_rows(tmp_path)) >= 2)
        assert daemon.end() == 0
    assert daemon.log.count("is silent") == 1


def test_a_second_daemon_on_the_same_journal_is_refused_in_one_line(tmp_path, line):
    settings = own_settings(tmp_path)
    with running(settings) as daemon:
        daemon.until(lambda: len(journal_rows(tmp_path)) >= 1)
        command = [sys.executable, "-m", "smartmeter", "run", "-c", settings]
        second = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
        daemon.end()
    assert second.returncode == 1
    assert "Traceback" not in second.stderr
    assert str(tmp_path / "smartmeter.db") in second.stderr


def test_mistakes_in_the_settings_are_all_told_and_nothing_starts(tmp_path):
    settings = own_settings(tmp_path)
    settings.write_text(settings.read_text().replace("SDM530", "SDM531").replace("address = 1", "address = 300"))
    command = [sys.executable, "-m", "smartmeter", "run", "-c", settings]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 1
    assert "bus[1].meter[1].model" in done.stderr
    assert "bus[1].meter[1].address" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_original_s_file_fills_the_original_s_table(tmp_path, line, postgresql):
    postgresql.run(legacy_table())
    before = postgresql.columns()
    with running(legacy_settings(tmp_path, postgresql.server.port)) as daemon:
        daemon.until(lambda: len(postgresql.rows("SELECT ts FROM smartmeter")) >= 3)
        assert daemon.end() == 0
    assert postgresql.columns() == before
    names = {measurands()[id_].column("de"): value for id_, value in VALUES.items()}
    for row in postgresql.rows(f"SELECT {', '.join(names)} FROM smartmeter"):
        assert dict(zip(names, row, strict=True)) == names
    times = [ts for (ts,) in postgresql.rows("SELECT ts FROM smartmeter ORDER BY ts")]
    assert all(ts.microsecond == 0 for ts in times[1:])
    assert abs((datetime.now(UTC) - times[-1]).total_seconds()) < 20
    assert PASSWORD not in daemon.log
    assert "telegramtoken" not in daemon.log


@pytest.mark.slow
def test_the_original_s_file_with_a_tunnel_pins_the_first_key(tmp_path, line, postgresql, ssh_server):
    postgresql.run(legacy_table())
    tunnel = tmp_path / "ssh_auth.toml"
    tunnel.write_text(
        f'ip_server = "127.0.0.1"\nssh_port = {ssh_server.port}\nuser = "{SSH_USER}"\npw = "{SSH_PASSWORD}"\n'
    )
    settings = legacy_settings(tmp_path, postgresql.server.port, tunnel=f'pfad_zu_ssh_auth = "{tunnel}"')
    with running(settings) as daemon:
        daemon.until(lambda: len(postgresql.rows("SELECT ts FROM smartmeter")) >= 2)
        ssh_server.restart()
        count = len(postgresql.rows("SELECT ts FROM smartmeter"))
        daemon.until(lambda: len(postgresql.rows("SELECT ts FROM smartmeter")) >= count + 2)
        assert daemon.end() == 0
    assert ssh_server.logins >= 2
    assert SSH_PASSWORD not in daemon.log
    assert "SHA256:" in daemon.log


@pytest.mark.slow
def test_sigusr2_reads_and_ships_everything_fast_for_its_time_and_then_as_before(tmp_path, line, postgresql):
    postgresql.run(legacy_table())
    # So long that no moment of their own comes during the test.
    intervals = "Spannung_L1 = 999999\nStrom_L1 = 999999\nGesamtwirkleistung = 999999\n"
    settings = legacy_settings(tmp_path, postgresql.server.port, ship_interval_s=300, intervals=intervals)
    with running(settings) as daemon:
        daemon.until(lambda: len(postgresql.rows("SELECT ts FROM smartmeter")) == 1)
        daemon.tell(signal.SIGUSR2)
        daemon.until(lambda: len(postgresql.rows("SELECT ts FROM smartmeter")) >= 4)
        time.sleep(1.5)
        count = line.counts.requests
        time.sleep(1.2)
        assert line.counts.requests == count
        assert daemon.end() == 0
    columns = "spannung_l1, strom_l1, gesamtwirkleistung"
    rows = postgresql.rows(f"SELECT {columns} FROM smartmeter")
    expected = tuple(VALUES[id_] for id_ in ("voltage_l1", "current_l1", "active_power_demand"))
    assert set(rows) == {expected}
    assert 3 <= len(rows) <= 5


def test_nothing_is_lost_while_the_database_is_away(tmp_path, line, postgresql):
    more = f"""
[postgresql]
host = "127.0.0.1"
port = {postgresql.server.port}
database = "smartmeter"
user = "{USER}"
password = "{PASSWORD}"
ship_interval = "0.2s"
"""
    with running(own_settings(tmp_path, more=more)) as daemon:
        daemon.until(lambda: "smartmeter" in tables(postgresql))
        postgresql.server.stop("immediate")
        try:
            count = len(journal_rows(tmp_path))
            daemon.until(lambda: len(journal_rows(tmp_path)) >= count + 10)
        finally:
            postgresql.server.start()
        daemon.until(lambda: "works again" in daemon.log)
        count = len(journal_rows(tmp_path))
        daemon.until(lambda: len(postgresql.rows("SELECT FROM smartmeter")) >= count)
        assert daemon.end() == 0
    shipped = {ts for (ts,) in postgresql.rows("SELECT (extract(epoch FROM ts) * 1000000)::bigint FROM smartmeter")}
    kept = [time_us for _, time_us in journal_rows(tmp_path)]
    assert set(kept[: len(shipped)]) == shipped
    assert PASSWORD not in daemon.log


def tables(postgresql):
    return {name for (name,) in postgresql.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}


def test_sigusr1_without_a_demand_period_writes_nothing(tmp_path, line):
    with running(own_settings(tmp_path)) as daemon:
        daemon.until(lambda: line.counts.requests >= 4)
        daemon.tell(signal.SIGUSR1)
        daemon.until(lambda: "SIGUSR1: no meter has a demand period" in daemon.log)
        count = line.counts.requests
        daemon.until(lambda: line.counts.requests >= count + 4)
        assert daemon.end() == 0
    assert written_on(line) == []


def with_demand_period(settings, period="15m"):
    settings.write_text(settings.read_text().replace("address = 1\n", f'address = 1\ndemand_period = "{period}"\n'))
    return settings


def written_on(line):
    """Register and data of everything that was written."""
    frames = [request.frame for request in line.requests if request.frame[1] == 16]
    return [(int.from_bytes(frame[2:4], "big"), frame[7:-2]) for frame in frames]


def test_sigusr1_writes_the_demand_period_once_and_reading_goes_on(tmp_path, line):
    with running(with_demand_period(own_settings(tmp_path))) as daemon:
        daemon.until(lambda: line.counts.requests >= 4)
        daemon.tell(signal.SIGUSR1)
        daemon.until(lambda: "Meter house: demand_period 60 min → 15 min, written and read back." in daemon.log)
        daemon.tell(signal.SIGUSR1)
        daemon.until(lambda: "Meter house: the demand period is 15 min already." in daemon.log)
        rows = len(journal_rows(tmp_path))
        daemon.until(lambda: len(journal_rows(tmp_path)) >= rows + 3)
        assert daemon.end() == 0
    assert written_on(line) == [(2, struct.pack(">f", 15))]
    assert "no answer" not in daemon.log


def test_sigusr1_logs_what_goes_wrong_in_one_line(tmp_path, line, meter):
    meter.holding.quirks = HoldingQuirks(cannot_store=True)
    with running(with_demand_period(own_settings(tmp_path))) as daemon:
        daemon.until(lambda: line.counts.requests >= 4)
        daemon.tell(signal.SIGUSR1)
        daemon.until(lambda: "could not store the value (exception 5)" in daemon.log)
        assert daemon.end() == 0
    assert len(written_on(line)) == 1
    assert "Traceback" not in daemon.log


def test_the_original_s_demand_table_is_what_sigusr1_writes(tmp_path, line):
    settings = legacy_settings(tmp_path, 1)
    text = re.sub(r"\[pg\].*?\n\n", "", settings.read_text(), flags=re.DOTALL).partition("[telegram_bot]")
    settings.write_text(f"{text[0]}[demand]\nperiod = 30\n{text[2].partition(chr(10) * 2)[2]}")
    with running(settings) as daemon:
        daemon.until(lambda: line.counts.requests >= 4)
        daemon.tell(signal.SIGUSR1)
        daemon.until(lambda: "Meter smartmeter: demand_period 60 min → 30 min, written and read back." in daemon.log)
        assert daemon.end() == 0


def test_no_secret_is_in_the_process_list(tmp_path, line, postgresql):
    with running(legacy_settings(tmp_path, postgresql.server.port)) as daemon:
        daemon.until(lambda: line.counts.requests >= 4)
        pid = daemon._process.pid  # noqa: SLF001
        shown = Path(f"/proc/{pid}/cmdline").read_bytes() + Path(f"/proc/{pid}/environ").read_bytes()
        daemon.end()
    assert PASSWORD.encode() not in shown
    assert not re.search(rb"telegramtoken", shown)
    assert os.getpid() != pid


def kept_meters(directory):
    path = directory / "smartmeter_state.db"
    return with_state(path, known_meters) if path.exists() else ()


def test_what_was_learned_of_a_meter_survives_a_restart(tmp_path):
    meter = VirtualMeter(MODEL, values=VALUES, quirks=Quirks(max_registers=20), serial_number=4711)
    settings = own_settings(tmp_path)
    with VirtualLine(LINE, [meter], link=tmp_path / "tty", turnaround_s=0.001) as line:
        with running(settings) as daemon:
            daemon.until(lambda: len(journal_rows(tmp_path)) >= 12)
            assert daemon.end() == 0
        [first] = kept_meters(tmp_path)
        refused = line.counts.exceptions
        with running(settings) as daemon:
            daemon.until(lambda: len(journal_rows(tmp_path)) >= 15)
            assert daemon.end() == 0
        [second] = kept_meters(tmp_path)
        assert refused > 0
        assert line.counts.exceptions == refused
    assert (first.bus, first.address, first.serial_number, first.model) == ("bus1", 1, "4711", "SDM530")
    assert 0 < first.learned.longest <= 20
    assert first.learned.turnaround_s is not None
    assert second.since_us == first.since_us
    assert second.learned.refusals == first.learned.refusals


def test_without_a_place_to_keep_it_measuring_goes_on(tmp_path, line):
    (tmp_path / "smartmeter_state.db").mkdir()
    with running(own_settings(tmp_path)) as daemon:
        daemon.until(lambda: len(journal_rows(tmp_path)) >= 5)
        assert daemon.end() == 0
    assert daemon.log.count("What is learned of meters is not kept now: ") == 1
    assert "Traceback" not in daemon.log
