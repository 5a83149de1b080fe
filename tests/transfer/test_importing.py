"""An import that is stopped anywhere and taken up again leaves the journal that an uninterrupted one leaves."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from functools import partial
from zoneinfo import ZoneInfo

import pytest

from smartmeter.energy.site import Site
from smartmeter.journal.bulk import JournalImport
from smartmeter.transfer import TransferError
from smartmeter.transfer.apart import read_apart
from smartmeter.transfer.csv_source import CsvSource
from smartmeter.transfer.importing import Summary, import_readings

BERLIN = ZoneInfo("Europe/Berlin")
SMALL_BATCH_BYTES = 200


def content(rows):
    """Local times over the end of summer time, a counter, gaps, and rows that cannot be read."""
    lines = ["ts;spannung_l1;import_wh_seit_reset\n"]
    start_s = 1_729_983_600  # 2024-10-27 01:00 in Berlin
    for row in range(rows):
        local = time.gmtime(start_s + row * 120 + (7200 if row * 120 < 7200 else 3600))
        counted = "x" if row % 50 == 9 else f"{row // 10},{row % 10}"
        lines.append(f"{time.strftime('%d.%m.%Y %H:%M:%S', local)};{230 + row % 7},5;{counted}\n")
    return "".join(lines)


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.setattr("smartmeter.transfer.csv_source.BATCH_BYTES", SMALL_BATCH_BYTES)
    path = tmp_path / "readings.csv"
    path.write_text(content(200), "utf-8")
    return path


def batches(source, position):
    """In this process, so that they can be broken off anywhere."""

    async def read():
        return [batch async for batch in source.batches(position)]

    return asyncio.run(read())


def run(file, journal, stop_after=None):
    """Import the file, or so many batches of it."""
    source = CsvSource(file, "house", BERLIN)
    summary = Summary()
    with JournalImport.for_shipping(journal, source.columns.measurands, Site(zone=BERLIN)) as target:
        found = batches(source, target.position(source.key))
        append = partial(_append, target, source.key)
        import_readings(found[:stop_after], append, summary, lambda *_: None)
        if stop_after is None:
            target.refresh(lambda *_: None)
    return summary


def _append(target, key, readings, position):
    return target.append(readings, key, position)


PERIODS = ("15m", "1h", "1d")
TABLES = ("meter", "reading", *(f"{what}_{each}" for what in ("rollup", "energy") for each in PERIODS), "counter_flag")


def contents(journal):
    """Everything but the clock's time at the import."""
    with closing(sqlite3.connect(journal)) as connection:
        found = {}
        for table in TABLES:
            columns = connection.execute(f"SELECT * FROM {table}").description
            names = [name for name, *_ in columns if name not in ("monotonic_us", "boot_id")]
            found[table] = set(connection.execute(f"SELECT {', '.join(names)} FROM {table}"))
        return found


def test_counts_what_it_met(file, tmp_path):
    summary = run(file, tmp_path / "j.db")
    assert (summary.rows, summary.imported, summary.known, summary.empty, summary.unreadable) == (200, 196, 0, 0, 4)
    assert summary.values == 2 * 196
    assert [row.where for row in summary.first_unreadable] == ["line 11", "line 61", "line 111", "line 161"]
    assert summary.last_us - summary.first_us == 199 * 120_000_000


def test_stopped_after_any_batch_it_goes_on_there(file, tmp_path):
    whole = tmp_path / "whole.db"
    run(file, whole)
    expected = contents(whole)
    assert len(expected["reading"]) == 196
    assert expected["energy_1d"]
    source = CsvSource(file, "house", BERLIN)
    for stop_after in range(0, len(batches(source, None)), 5):
        journal = tmp_path / f"{stop_after}.db"
        first, second = run(file, journal, stop_after), run(file, journal)
        assert contents(journal) == expected
        assert first.rows + second.rows == 200


def test_a_second_import_brings_nothing_twice(file, tmp_path):
    journal = tmp_path / "j.db"
    run(file, journal)
    before = contents(journal)
    again = run(file, journal)
    assert (again.rows, again.imported) == (0, 0)
    copy = file.with_name("copy.csv")
    copy.write_bytes(file.read_bytes())
    elsewhere = run(copy, journal)
    assert (elsewhere.imported, elsewhere.known) == (0, 196)
    assert contents(journal) == before


def test_only_the_first_unreadable_rows_are_kept(file, tmp_path):
    file.write_text("ts,voltage_l1\n" + "x,1\n" * 50)
    summary = run(file, tmp_path / "j.db")
    assert (summary.unreadable, len(summary.first_unreadable)) == (50, 5)


def test_a_process_apart_reads_the_same(file):
    source = CsvSource(file, "house", BERLIN)
    with read_apart(source, None) as found:
        assert list(found) == batches(source, None)


def test_what_goes_wrong_there_is_told_here(file):
    source = CsvSource(file, "house", BERLIN)
    file.unlink()
    with read_apart(source, None) as found, pytest.raises(TransferError, match="No such file"):
        list(found)


def test_it_ends_when_nobody_listens_any_more(file):
    file.write_text(content(20_000), "utf-8")
    source = CsvSource(file, "house", BERLIN)
    with read_apart(source, None) as found:
        assert next(found).rows
    # The block waits for the child: no process is left behind.
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, 0)


SETTINGS = """
timezone = "Europe/Berlin"
[[bus]]
port = "/dev/ttyUSB0"
[[bus.meter]]
name = "house"
model = "SDM530"
address = 1
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_killed_at_any_moment_the_same_command_goes_on(tmp_path, number):
    file = tmp_path / "readings.csv"
    # Several batches.
    file.write_text(content(30_000).replace("\n", f";{'x' * 200}\n"), "utf-8")
    settings = tmp_path / "smartmeter.toml"
    settings.write_text(SETTINGS, "utf-8")
    command = [sys.executable, "-m", "smartmeter", "import", str(file), "-c", str(settings)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert wait_for_rows(tmp_path / "smartmeter.db")
        process.send_signal(number)
        _, told = process.communicate(timeout=30)
    assert process.returncode != 0
    assert b"Traceback" not in told
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=50)
    assert "imported" in done.stdout
    with closing(sqlite3.connect(tmp_path / "smartmeter.db")) as connection:
        counts = connection.execute("SELECT count(*), count(DISTINCT time_us) FROM reading").fetchone()
    assert counts == (29_400, 29_400)


def wait_for_rows(journal):
    """Whether the import has begun to fill the journal within some seconds."""
    for _ in range(1000):
        try:
            with closing(sqlite3.connect(f"{journal.as_uri()}?mode=ro", uri=True)) as connection:
                if connection.execute("SELECT count(*) FROM import_position").fetchone()[0]:
                    return True
        except sqlite3.Error:
            pass
        time.sleep(0.02)
    return False
