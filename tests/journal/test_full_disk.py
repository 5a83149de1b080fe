import asyncio
import logging
import sqlite3
import threading
from contextlib import closing
from functools import partial

import pytest

from smartmeter.journal import database
from smartmeter.journal.pending import Pending
from smartmeter.journal.reader import JournalReader
from tests.journal.made_up import eventually, numbers, reading, readings, refusing_disk, sequences


async def write(journal, *new):
    for one in new:
        journal.append(one)
    await journal.commit()


def told(caplog):
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.fixture
def small_memory(monkeypatch):
    monkeypatch.setattr("smartmeter.journal.journal.Pending", partial(Pending, capacity=20))
    return 20


@pytest.fixture
def small_disk(monkeypatch):
    """A database that can have 60 pages: SQLite says SQLITE_FULL then, as it does when the disk is full."""
    monkeypatch.setattr(database, "WRITER_PRAGMAS", (*database.WRITER_PRAGMAS, "max_page_count = 60"))


async def test_a_full_disk_stops_neither_measuring_nor_shipping(small_disk, open_journal, path, caplog):
    journal = await open_journal(sinks=["postgresql"])
    last = 0
    while journal.state.failing is None:
        # A meter in each transaction that was not there before, also in the one that fails.
        await write(journal, *(reading(number, meter=f"meter {last}") for number in range(last + 1, last + 51)))
        last += 50
    newest_meter = f"meter {last - 50}"
    assert "SQLITE_FULL" in journal.state.failing
    assert journal.state.pending == journal.state.affected == 50

    for one in readings(last + 1, last + 3):
        journal.append(one)
    last += 3
    entries = await journal.entries_after(0, 10_000)
    assert numbers(entries) == sequences(entries) == list(range(1, last + 1))
    assert await journal.backlog("postgresql") == last
    await journal.advance("postgresql", last)
    assert await journal.backlog("postgresql") == 0
    await journal.commit()
    assert journal.state.pending == journal.state.affected == 53

    with closing(sqlite3.connect(path)) as other, other:
        other.execute("DELETE FROM reading WHERE sequence <= 150")
    await write(journal, reading(last + 1))
    assert journal.state.failing is None
    assert (await journal.entries_after(last - 4, 1))[0].reading.meter == newest_meter
    assert (journal.state.pending, journal.state.affected, journal.state.lost) == (0, 54, 0)
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT max(sequence) FROM reading").fetchone() == (last + 1,)
        assert other.execute("SELECT sequence FROM cursor").fetchone() == (last,)
    begin, end = told(caplog)
    assert str(path) in begin
    assert "database or disk is full" in begin
    assert "only in memory: 54; of these lost: 0." in end


async def test_an_error_of_the_disk_is_like_a_full_one(journal, caplog):
    await write(journal, *readings(1, 5))
    with refusing_disk():
        for number in range(6, 12):
            await write(journal, reading(number))
            assert numbers(await journal.entries_after(3, 10)) == list(range(4, number + 1))
        assert "SQLITE_IOERR" in journal.state.failing
    await journal.commit()
    assert journal.state.failing is None
    assert numbers(await journal.entries_after(0, 100)) == list(range(1, 12))
    assert len(told(caplog)) == 2


async def test_what_moves_to_the_disk_during_a_read_is_not_skipped(journal, monkeypatch):
    has_read, may_go_on = threading.Event(), threading.Event()
    read = JournalReader.entries_after

    def slow_read(*arguments):
        entries = read(*arguments)
        has_read.set()
        may_go_on.wait(5)
        return entries

    await write(journal, *readings(1, 5))
    monkeypatch.setattr(JournalReader, "entries_after", slow_read)
    with refusing_disk():
        await write(journal, *readings(6, 8))
        reading_on = asyncio.ensure_future(journal.entries_after(0, 100))
        assert await eventually(has_read.is_set)
    await journal.commit()
    with refusing_disk():
        await write(journal, reading(9))
        may_go_on.set()
        found = numbers(await reading_on)
        assert found == list(range(1, len(found) + 1))
        assert numbers(await journal.entries_after(0, 100)) == list(range(1, 10))


async def test_waiting_ends_with_what_is_only_in_memory(journal):
    with refusing_disk():
        waiter = asyncio.ensure_future(journal.wait_beyond(0))
        await write(journal, reading(1))
        await asyncio.wait_for(waiter, 1)
        waiter = asyncio.ensure_future(journal.wait_beyond(1))
        await asyncio.sleep(0)
        journal.append(reading(2))
        await asyncio.wait_for(waiter, 1)


async def test_journalling_resumes_by_itself(journal):
    with refusing_disk():
        await write(journal, reading(1))
        assert journal.state.failing
    assert await eventually(lambda: not journal.state.failing)
    assert journal.state.pending == 0


async def test_memory_is_bounded_and_what_is_lost_is_counted(small_memory, journal, caplog):
    with refusing_disk():
        await write(journal, *readings(1, small_memory))
        assert journal.state.lost == 0
        await write(journal, *readings(small_memory + 1, small_memory + 5))
        assert journal.state.lost == 5
        assert journal.state.pending == small_memory
        assert numbers(await journal.entries_after(0, 100)) == list(range(6, small_memory + 6))
    await journal.commit()
    assert numbers(await journal.entries_after(0, 100)) == list(range(6, small_memory + 6))
    _, dropping, end = told(caplog)
    assert "the oldest are dropped" in dropping
    assert f"only in memory: {small_memory + 5}; of these lost: 5." in end
    with refusing_disk():
        await write(journal, reading(100))
    await journal.commit()
    assert "only in memory: 1; of these lost: 0." in told(caplog)[-1]


async def test_what_cannot_be_written_until_the_end_is_named(journal, caplog):
    with refusing_disk():
        journal.append(reading(1))
        journal.append(reading(2))
        await journal.close()
    assert "are lost: 2." in told(caplog)[-1]


async def test_starts_on_a_disk_that_takes_nothing(open_journal, path):
    journal = await open_journal()
    await write(journal, *readings(1, 3))
    await journal.advance("postgresql", 2)
    await journal.close()
    with refusing_disk():
        journal = await open_journal()
        assert journal.state.failing
        assert await journal.cursor("postgresql") == 2
        await write(journal, reading(4))
        assert sequences(await journal.entries_after(0, 10)) == [1, 2, 3, 4]
        assert await journal.backlog("postgresql") == 2
    await journal.commit()
    assert journal.state.failing is None
    assert sequences(await journal.entries_after(0, 10)) == [1, 2, 3, 4]


async def test_begins_on_a_disk_that_takes_nothing(open_journal, path):
    with refusing_disk():
        journal = await open_journal()
        await write(journal, reading(1))
        assert sequences(await journal.entries_after(0, 10)) == [1]
    await journal.commit()
    assert sequences(await journal.entries_after(0, 10)) == [1]


async def test_the_rest_of_a_failed_write_is_not_written_twice(journal, path):
    for number in range(1, 30):
        if number % 3:
            await write(journal, reading(number))
        else:
            with refusing_disk():
                await write(journal, reading(number))
    await journal.commit()
    await journal.close()
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT sequence, energy_import FROM reading").fetchall() == [(n, n) for n in range(1, 30)]
        assert other.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
