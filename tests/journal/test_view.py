import asyncio
import shutil
import sqlite3
from contextlib import closing

import pytest

from smartmeter.journal import JournalError
from smartmeter.journal.view import latest_readings
from tests.journal.made_up import START_US, reading, refusing_disk


async def write(journal, *new):
    for one in new:
        journal.append(one)
    await journal.commit()


async def test_gives_the_newest_value_of_each_measurand_of_each_meter(journal, path):
    await write(
        journal,
        reading(1, time_us=1, values={"voltage_l1": 1.0, "energy_import": 1.0}),
        reading(2, time_us=2, meter="garage", values={"voltage_l1": 2.0}),
        reading(3, time_us=3, values={"voltage_l1": 3.0, "power_total": None}),
        reading(4, time_us=4, values={"voltage_l1": 4.0}),
    )
    assert latest_readings(path) == {
        "house": {"voltage_l1": (4.0, 4), "energy_import": (1.0, 1)},
        "garage": {"voltage_l1": (2.0, 2)},
    }


async def test_what_came_last_is_newest_whatever_the_clock_said(journal, path):
    await write(journal, reading(1, time_us=START_US + 10**15, values={"voltage_l1": 1.0}))
    await write(journal, reading(2, time_us=START_US, values={"voltage_l1": 2.0}))
    assert latest_readings(path) == {"house": {"voltage_l1": (2.0, START_US)}}


async def test_looks_back_a_limited_way(journal, path, monkeypatch):
    monkeypatch.setattr("smartmeter.journal.view.TAIL_ROWS", 3)
    await write(journal, reading(1, meter="garage"), reading(2, values={"energy_import": 5.0}))
    await write(journal, *(reading(number, values={"voltage_l1": 1.0}) for number in (3, 4)))
    assert set(latest_readings(path)["house"]) == {"voltage_l1", "energy_import"}
    assert "garage" not in latest_readings(path)


async def test_an_empty_journal_has_nothing(journal, path):
    assert latest_readings(path) == {}


async def test_sees_each_commit_while_the_daemon_writes(open_journal, path):
    journal = await open_journal(commit_interval_s=0.001)
    seen = []
    for number in range(1, 200):
        journal.append(reading(number, values={"energy_import": float(number)}))
        await asyncio.sleep(0.001)
        seen.append(latest_readings(path).get("house", {}).get("energy_import", (0.0, 0))[0])
    assert seen == sorted(seen)
    assert len(set(seen)) > 10
    assert journal.state.failing is None


async def test_reads_what_a_stopped_daemon_left(open_journal, path):
    journal = await open_journal()
    await write(journal, reading(1))
    await journal.close()
    assert latest_readings(path)["house"]["voltage_l1"] == (230.1, reading(1).time_us)


async def test_reads_where_nothing_can_be_written(open_journal, path):
    journal = await open_journal()
    await write(journal, reading(1))
    await journal.close()
    with refusing_disk():
        assert latest_readings(path)["house"]["voltage_l1"] == (230.1, reading(1).time_us)


async def test_never_shows_the_file_without_its_log(open_journal, path, tmp_path):
    journal = await open_journal()
    await write(journal, reading(1))
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA wal_checkpoint(FULL)")
    await write(journal, reading(2))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name in ("smartmeter.db", "smartmeter.db-wal"):
        shutil.copy(path.with_name(name), elsewhere)
    with refusing_disk(), pytest.raises(JournalError, match="cannot be read"):
        latest_readings(elsewhere / "smartmeter.db")
    assert latest_readings(elsewhere / "smartmeter.db") == latest_readings(path)


def test_says_when_there_is_no_journal(path):
    with pytest.raises(JournalError, match="there is no journal; is smartmeter running"):
        latest_readings(path)


def test_says_when_it_cannot_be_read(path):
    path.write_bytes(b"\xa5" * 5000)
    with pytest.raises(JournalError, match=r"cannot be read: file is not a database \(SQLITE_NOTADB\)"):
        latest_readings(path)
