import asyncio
import sqlite3
import time
from contextlib import closing

import pytest

from smartmeter.journal import Journal, JournalError
from smartmeter.measurands import measurands
from smartmeter.models import load_model
from smartmeter.settings.model import JournalSettings
from tests.journal.made_up import MEASURANDS, START_US, eventually, numbers, reading, readings, sequences


async def write(journal, *new):
    for one in new:
        journal.append(one)
    await journal.commit()


async def is_waiting(awaitable):
    task = asyncio.ensure_future(awaitable)
    await asyncio.sleep(0.02)
    waiting = not task.done()
    task.cancel()
    return waiting


async def test_gives_back_what_was_appended_in_order(journal):
    written = [
        reading(3),
        reading(1, meter="garage"),
        reading(2, boot="boot-2", monotonic_us=7),
        reading(0, values={"voltage_l1": 230.1, "power_total": 0.1 + 0.2}),
    ]
    await write(journal, *written)
    entries = await journal.entries_after(0, 10)
    assert [entry.reading for entry in entries] == written
    assert sequences(entries) == [1, 2, 3, 4]


async def test_keeps_all_values_of_a_meter_to_the_last_bit(open_journal):
    ids = list(load_model("SDM530").registers)
    values = {id_: 1 / (index + 3) * 10.0**index for index, id_ in enumerate(ids)}
    journal = await open_journal(measurands=measurands())
    await write(journal, reading(1, values=values))
    (entry,) = await journal.entries_after(0, 10)
    assert len(ids) == 68
    assert entry.reading.values == values


async def test_leaves_out_what_has_no_value(journal):
    await write(journal, reading(1, values={"voltage_l1": None, "power_total": 0.0}), reading(2, values={}))
    first, second = await journal.entries_after(0, 10)
    assert first.reading.values == {"power_total": 0.0}
    assert second.reading.values == {}


async def test_gives_at_most_the_limit_and_only_what_is_beyond(journal):
    await write(journal, *readings(1, 9))
    assert sequences(await journal.entries_after(0, 2)) == [1, 2]
    assert sequences(await journal.entries_after(4, 3)) == [5, 6, 7]
    assert sequences(await journal.entries_after(7, 100)) == [8, 9]
    assert await journal.entries_after(9, 100) == []


async def test_gives_only_what_is_committed(journal):
    await write(journal, reading(1))
    journal.append(reading(2))
    assert numbers(await journal.entries_after(0, 10)) == [1]
    assert journal.state.pending == 1
    await journal.commit()
    assert numbers(await journal.entries_after(0, 10)) == [1, 2]
    assert journal.state.pending == 0


async def test_waiting_ends_with_the_commit(journal):
    assert await is_waiting(journal.wait_beyond(0))
    waiter = asyncio.ensure_future(journal.wait_beyond(0))
    journal.append(reading(1))
    assert await is_waiting(journal.wait_beyond(0))
    await journal.commit()
    await asyncio.wait_for(waiter, 1)
    await asyncio.wait_for(journal.wait_beyond(0), 1)
    assert await is_waiting(journal.wait_beyond(1))


async def test_commits_by_itself_after_the_interval(open_journal):
    journal = await open_journal(commit_interval_s=0.1)
    for number in (1, 2):
        started_s = time.monotonic()
        journal.append(reading(number))
        await asyncio.wait_for(journal.wait_beyond(number - 1), 5)
        assert time.monotonic() - started_s >= 0.1


async def test_a_cursor_alone_is_committed_after_the_interval_too(open_journal, path):
    journal = await open_journal(commit_interval_s=0.05, sinks=["postgresql"])
    await write(journal, reading(1))
    await journal.advance("postgresql", 1)
    with closing(sqlite3.connect(path)) as other:
        assert await eventually(lambda: other.execute("SELECT * FROM cursor").fetchall() == [("postgresql", 1)])


async def test_hurries_while_asked_to_and_not_longer(journal):
    until_s = time.monotonic() + 0.2
    journal.hurry(0.02, until_s)
    journal.append(reading(1))
    await asyncio.wait_for(journal.wait_beyond(0), 1)
    assert time.monotonic() < until_s
    await asyncio.sleep(until_s - time.monotonic())
    journal.append(reading(2))
    await asyncio.sleep(0.1)
    assert await is_waiting(journal.wait_beyond(1))


async def test_hurry_reaches_what_waits_already_and_never_slows_down(open_journal):
    journal = await open_journal(commit_interval_s=0.05)
    journal.hurry(3600.0, time.monotonic() + 3600)
    journal.append(reading(1))
    await asyncio.wait_for(journal.wait_beyond(0), 1)
    slow = await open_journal_beside(journal)
    slow.append(reading(1))
    assert await is_waiting(slow.wait_beyond(0))
    slow.hurry(0.02, time.monotonic() + 3600)
    await asyncio.wait_for(slow.wait_beyond(0), 1)
    await slow.close()


async def open_journal_beside(journal):
    beside = journal.path.with_name("beside.db")
    return await Journal.open(JournalSettings(beside, 3600.0, None), MEASURANDS, ())


async def test_does_not_wait_for_the_interval_when_much_has_come(journal):
    for one in readings(1, 1000):
        journal.append(one)
    await asyncio.wait_for(journal.wait_beyond(999), 5)


async def test_cursors_begin_at_0_and_only_go_forward(journal):
    assert await journal.cursor("postgresql") == 0
    await journal.advance("postgresql", 7)
    await journal.advance("postgresql", 5)
    assert await journal.cursor("postgresql") == 7
    assert await journal.cursor("mqtt") == 0


async def test_backlog_is_what_is_beyond_the_cursor(journal):
    await write(journal, *readings(1, 9))
    journal.append(reading(10))
    assert await journal.backlog("postgresql") == 9
    await journal.advance("postgresql", 4)
    assert await journal.backlog("postgresql") == 5
    await journal.advance("postgresql", 9)
    assert await journal.backlog("postgresql") == 0


async def test_a_large_backlog_is_not_counted_row_by_row(journal, monkeypatch):
    monkeypatch.setattr("smartmeter.journal.journal.COUNTED_BACKLOG", 5)
    await write(journal, *readings(1, 20))
    with closing(sqlite3.connect(journal.path)) as other, other:
        other.execute("DELETE FROM reading WHERE sequence <= 3")
    assert await journal.backlog("postgresql") == 17
    await journal.advance("postgresql", 8)
    assert await journal.backlog("postgresql") == 12


async def test_readings_cursors_and_refusals_are_there_after_a_restart(open_journal, path):
    journal = await open_journal()
    await write(journal, *readings(1, 3))
    await journal.advance("postgresql", 2)
    await journal.set_aside("postgresql", 2, "value out of range")
    journal.append(reading(4))
    await journal.close()
    assert not path.with_name("smartmeter.db-wal").exists()

    journal = await open_journal()
    assert numbers(await journal.entries_after(0, 10)) == [1, 2, 3, 4]
    assert await journal.cursor("postgresql") == 2
    journal.append(reading(5))
    await journal.commit()
    assert sequences(await journal.entries_after(4, 10)) == [5]
    with closing(sqlite3.connect(path)) as other:
        ((sink, sequence, error, at_us),) = other.execute("SELECT * FROM set_aside").fetchall()
    assert (sink, sequence, error) == ("postgresql", 2, "value out of range")
    assert abs(at_us - time.time() * 1e6) < 60e6


async def test_a_refusal_that_is_repeated_is_kept_once(journal):
    for error in ("first", "second"):
        await journal.set_aside("postgresql", 1, error)
        await journal.commit()
    with closing(sqlite3.connect(journal.path)) as other:
        assert other.execute("SELECT sequence, error FROM set_aside").fetchall() == [(1, "second")]


async def test_the_sequence_goes_on_beyond_a_cursor_whose_readings_are_gone(open_journal):
    journal = await open_journal()
    await journal.advance("postgresql", 41)
    await journal.close()
    journal = await open_journal()
    await write(journal, reading(1))
    assert sequences(await journal.entries_after(41, 10)) == [42]


async def test_the_clock_may_repeat_and_go_back(journal):
    stamps = [START_US, START_US, 0, START_US + 10**15, START_US - 1]
    await write(journal, *(reading(number, time_us=stamp) for number, stamp in enumerate(stamps)))
    assert [entry.reading.time_us for entry in await journal.entries_after(0, 10)] == stamps


async def test_a_measurand_that_comes_later_gets_a_column_and_none_loses_its_own(open_journal):
    journal = await open_journal(measurands=["voltage_l1"])
    await write(journal, reading(1, values={"voltage_l1": 1.0}))
    await journal.close()
    journal = await open_journal(measurands=["power_total"])
    await write(journal, reading(2, values={"power_total": 2.0}))
    entries = await journal.entries_after(0, 10)
    assert [entry.reading.values for entry in entries] == [{"voltage_l1": 1.0}, {"power_total": 2.0}]


async def test_a_measurand_without_a_column_is_named_once_and_costs_only_itself(journal, caplog):
    for number in (1, 2):
        journal.append(reading(number, values={"voltage_l1": 1.0, "colour": 5.0}))
    await journal.commit()
    assert [entry.reading.values for entry in await journal.entries_after(0, 10)] == [{"voltage_l1": 1.0}] * 2
    assert [record.getMessage() for record in caplog.records if "colour" in record.getMessage()] == [
        "The journal was opened without a column for colour: its values are not kept."
    ]


async def test_rows_that_someone_deleted_by_hand_do_not_make_readers_spin(journal):
    await write(journal, *readings(1, 5))
    with closing(sqlite3.connect(journal.path)) as other, other:
        other.execute("DELETE FROM reading")
    assert await journal.entries_after(2, 10) == []
    assert await is_waiting(journal.wait_beyond(2))
    await write(journal, reading(6))
    assert sequences(await journal.entries_after(2, 10)) == [6]


async def test_closing_twice_and_using_it_afterwards_does_no_harm(journal):
    await write(journal, reading(1))
    await journal.close()
    await journal.close()
    journal.append(reading(2))
    await asyncio.wait_for(journal.commit(), 1)


async def test_another_process_may_hold_the_write_lock_for_a_while(open_journal, path):
    journal = await open_journal()
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        asyncio.get_running_loop().call_later(0.2, other.execute, "ROLLBACK")
        await write(journal, reading(1))
    assert journal.state.failing is None
    assert numbers(await journal.entries_after(0, 10)) == [1]


async def test_the_event_loop_does_not_wait_for_the_disk(journal):
    with closing(sqlite3.connect(journal.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        journal.append(reading(1))
        commit = asyncio.ensure_future(journal.commit())
        started_s = time.monotonic()
        for number in range(2, 200):
            journal.append(reading(number))
            await asyncio.sleep(0)
        assert time.monotonic() - started_s < 1
        assert not commit.done()
        other.execute("ROLLBACK")
    await commit
    await journal.commit()
    assert len(await journal.entries_after(0, 1000)) == 199


async def test_what_comes_during_a_commit_has_its_own_interval(open_journal, path):
    journal = await open_journal(commit_interval_s=0.05)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        journal.append(reading(1))
        commit = asyncio.ensure_future(journal.commit())
        await asyncio.sleep(0.1)
        journal.append(reading(2))
        other.execute("ROLLBACK")
    await commit
    await asyncio.wait_for(journal.wait_beyond(1), 5)


async def test_closing_during_a_commit_loses_and_repeats_nothing(open_journal, path, caplog):
    journal = await open_journal()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        journal.append(reading(1))
        commit = asyncio.ensure_future(journal.commit())
        await asyncio.sleep(0.05)
        journal.append(reading(2))
        close = asyncio.ensure_future(journal.close())
        await asyncio.sleep(0.05)
        other.execute("ROLLBACK")
    await asyncio.wait_for(asyncio.gather(commit, close), 10)
    assert caplog.records == []
    journal = await open_journal()
    assert numbers(await journal.entries_after(0, 10)) == [1, 2]


@pytest.mark.parametrize("where", ["missing/smartmeter.db", "file/smartmeter.db"])
async def test_says_when_its_directory_is_not_there(tmp_path, where):
    (tmp_path / "file").touch()
    with pytest.raises(JournalError, match=r"^.*/(missing|file)\S*: .*director"):
        await Journal.open(JournalSettings(tmp_path / where), MEASURANDS, ())


async def test_says_when_its_place_is_a_directory(tmp_path):
    (tmp_path / "smartmeter.db").mkdir()
    with pytest.raises(JournalError, match=r"smartmeter\.db: "):
        await Journal.open(JournalSettings(tmp_path / "smartmeter.db"), MEASURANDS, ())
