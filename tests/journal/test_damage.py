import asyncio
import logging
import re
import shutil
import sqlite3
import threading
from contextlib import closing, suppress

import pytest

from smartmeter.journal import JournalError
from smartmeter.journal.damage import move_away
from smartmeter.journal.writer import JournalWriter
from tests.journal.made_up import eventually, numbers, reading, readings, sequences

PAGE_BYTES = 2048


def spoil(path, first_page):
    """Overwrites everything from this page on (pages count from 0), in place, also in the log."""
    for file in (path, path.with_name(path.name + "-wal")):
        if file.exists() and file.stat().st_size > first_page * PAGE_BYTES:
            with file.open("r+b", buffering=0) as opened:
                opened.seek(first_page * PAGE_BYTES)
                opened.write(b"\xa5" * (file.stat().st_size - first_page * PAGE_BYTES))


def set_aside(path):
    names = sorted(file.name for file in path.parent.iterdir() if ".damaged-" in file.name)
    return [name for name in names if not name.endswith(("-wal", "-shm"))]


def loud(caplog):
    return [record.getMessage() for record in caplog.records if record.levelno == logging.CRITICAL]


async def fill(journal, last):
    for one in readings(1, last):
        journal.append(one)
    await journal.commit()


def copy_into_database(path):
    """Copies the log into the database, so that spoiling that one takes the readings."""
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA wal_checkpoint(FULL)")


@pytest.mark.parametrize("content", [b"\xa5" * 10_000, b"SQLite format 3\0" + b"\xa5" * 5_000])
async def test_a_file_that_is_no_database_is_set_aside(open_journal, path, caplog, content):
    path.write_bytes(content)
    journal = await open_journal()
    (aside,) = set_aside(path)
    assert re.fullmatch(r"smartmeter\.db\.damaged-\d{8}T\d{6}Z", aside)
    assert path.with_name(aside).read_bytes() == content
    (message,) = loud(caplog)
    assert str(path) in message
    assert aside in message
    await fill(journal, 2)
    assert numbers(await journal.entries_after(0, 10)) == [1, 2]


async def test_cursors_are_saved_from_a_damaged_file(open_journal, path):
    journal = await open_journal()
    await fill(journal, 300)
    await journal.advance("postgresql", 250)
    await journal.close()
    with closing(sqlite3.connect(path)) as other:
        (root,) = other.execute("SELECT rootpage FROM sqlite_master WHERE name = 'reading'").fetchone()
    with path.open("r+b") as file:
        file.seek((root - 1) * PAGE_BYTES)
        file.write(b"\xa5" * PAGE_BYTES)

    journal = await open_journal()
    assert len(set_aside(path)) == 1
    assert await journal.cursor("postgresql") == 250
    journal.append(reading(301))
    await journal.commit()
    # Beyond the cursor, or it would never be shipped.
    assert numbers(await journal.entries_after(250, 10)) == [301]
    await journal.close()
    journal = await open_journal()
    assert await journal.cursor("postgresql") == 250


async def test_numbers_go_on_far_beyond_what_cannot_be_read(open_journal, path):
    path.write_bytes(b"\xa5" * 10_000)
    journal = await open_journal()
    await fill(journal, 1)
    (entry,) = await journal.entries_after(0, 10)
    assert entry.sequence > 10**9


async def test_damage_that_a_reader_finds(journal, path, caplog):
    await fill(journal, 2000)
    await journal.advance("postgresql", 1500)
    copy_into_database(path)
    spoil(path, 8)
    journal.append(reading(2001))

    assert await journal.entries_after(100, 1000) == []
    await asyncio.wait_for(journal.wait_beyond(1500), 5)
    entries = await journal.entries_after(1500, 1000)
    assert (sequences(entries), numbers(entries)) == ([2001], [2001])
    assert len(set_aside(path)) == len(loud(caplog)) == 1
    assert journal.state.failing is None
    assert await journal.backlog("postgresql") == 1


async def test_damage_that_the_writer_finds(journal, path):
    await fill(journal, 2000)
    await journal.advance("postgresql", 1999)
    await journal.commit()
    copy_into_database(path)
    spoil(path, 1)
    # Another connection has written, so what the writer's cache holds is no longer good to it.
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("PRAGMA user_version = 1")
    journal.append(reading(2001))
    await journal.commit()
    assert len(set_aside(path)) == 1
    assert sequences(await journal.entries_after(1999, 10)) == [2001]
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT sequence FROM cursor").fetchall() == [(1999,)]
        assert other.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


async def test_what_is_still_good_can_be_recovered_by_hand(journal, path):
    await fill(journal, 2000)
    copy_into_database(path)
    spoil(path, 30)
    await journal.entries_after(0, 2000)
    await journal.commit()
    (aside,) = set_aside(path)
    with closing(sqlite3.connect(path.with_name(aside))) as other:
        assert other.execute("SELECT count(*) FROM reading WHERE sequence <= 100").fetchone() == (100,)


async def test_a_file_that_keeps_breaking_is_not_replaced_again_and_again(journal, path, caplog):
    for _ in range(3):
        await fill(journal, 2000)
        # The third time it is damaged already.
        with suppress(sqlite3.DatabaseError):
            copy_into_database(path)
        spoil(path, 1)
        await journal.entries_after(journal.state.pending, 5000)
        await journal.commit()
    assert len(set_aside(path)) == 1
    assert "damaged again" in journal.state.failing
    assert journal.state.pending > 0
    assert len(loud(caplog)) == 1


async def test_closing_while_a_file_is_replaced_loses_nothing(open_journal, path, monkeypatch):
    journal = await open_journal()
    await fill(journal, 2000)
    copy_into_database(path)
    spoil(path, 8)
    replacing, may_go_on = threading.Event(), threading.Event()
    move_damaged = JournalWriter.move_damaged

    def slow(*arguments):
        replacing.set()
        may_go_on.wait(5)
        move_damaged(*arguments)

    monkeypatch.setattr(JournalWriter, "move_damaged", slow)
    journal.append(reading(2001))
    await journal.entries_after(0, 1000)
    assert await eventually(replacing.is_set)
    close = asyncio.ensure_future(journal.close())
    await asyncio.sleep(0.01)
    may_go_on.set()
    await close
    monkeypatch.undo()
    journal = await open_journal()
    assert numbers(await journal.entries_after(0, 10)) == [2001]


def test_the_log_goes_with_its_file(path):
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).write_text(suffix)
    aside = move_away(path)
    for suffix in ("", "-wal", "-shm"):
        assert aside.with_name(aside.name + suffix).read_text() == suffix
        assert not path.with_name(path.name + suffix).exists()


async def test_two_in_one_second_get_two_names(path):
    asides = set()
    for content in ("one", "two", "three"):
        path.write_text(content)
        asides.add(move_away(path))
    assert sorted(aside.read_text() for aside in asides) == ["one", "three", "two"]


async def test_a_journal_that_is_deleted_under_way_begins_anew(journal, path, caplog):
    await fill(journal, 3)
    await journal.entries_after(0, 10)
    await journal.advance("postgresql", 2)
    for file in path.parent.iterdir():
        file.unlink()
    journal.append(reading(4))
    await journal.commit()
    entries = await journal.entries_after(2, 10)
    assert (sequences(entries), numbers(entries)) == ([4], [4])
    assert sum("was moved, replaced or deleted" in record.getMessage() for record in caplog.records) == 1
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT sequence FROM reading").fetchall() == [(4,)]


async def test_a_backup_that_is_put_in_its_place_is_gone_on_with(open_journal, path, tmp_path):
    journal = await open_journal()
    await fill(journal, 3)
    await journal.close()
    backup = tmp_path / "backup"
    shutil.copy(path, backup)
    journal = await open_journal()
    journal.append(reading(4))
    await journal.commit()
    backup.replace(path)
    journal.append(reading(5))
    await journal.commit()
    assert numbers(await journal.entries_after(0, 10)) == [1, 2, 3, 5]
    assert list(path.parent.glob("smartmeter.db.left-*-wal"))


async def test_another_programs_database_is_left_alone(open_journal, path):
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("CREATE TABLE photo (id INTEGER)")
    before = path.read_bytes()
    with pytest.raises(JournalError, match="another program's database"):
        await open_journal()
    assert path.read_bytes() == before
