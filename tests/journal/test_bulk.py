import sqlite3
from contextlib import closing

import pytest

from smartmeter.energy.site import Site
from smartmeter.journal.bulk import JournalImport
from smartmeter.journal.errors import JournalError
from smartmeter.journal.status import journal_status
from tests.journal.made_up import INTERVAL_US, MEASURANDS, numbers, reading, readings, sequences

SITE = Site()


def quiet(*_):
    pass


def for_shipping(path):
    return JournalImport.for_shipping(path, MEASURANDS, SITE)


def not_for_shipping(path):
    return JournalImport.not_for_shipping(path, MEASURANDS, SITE)


async def test_what_is_imported_for_shipping_follows_the_newest(open_journal, path):
    journal = await open_journal(sinks=["postgresql"])
    journal.append(reading(1000))
    await journal.advance("postgresql", 1)
    await journal.close()
    with for_shipping(path) as imported:
        assert imported.append(readings(1, 3), "file", "3") == 3
    journal = await open_journal(sinks=["postgresql"])
    assert numbers(await journal.entries_after(await journal.cursor("postgresql"), 10)) == [1, 2, 3]


async def test_what_is_in_a_database_already_is_not_shipped(open_journal, path):
    journal = await open_journal(sinks=["postgresql"])
    journal.append(reading(1000))
    await journal.close()
    with not_for_shipping(path) as imported:
        imported.append(readings(1, 3), "postgresql", "3")
        imported.append(readings(4, 5), "postgresql", "5")
    journal = await open_journal(sinks=["postgresql"])
    assert numbers(await journal.entries_after(0, 10)) == [1000]
    entries = await journal.entries_after(-10, 10)
    assert sequences(entries) == [-4, -3, -2, -1, 0, 1]
    # Rising in each batch.
    assert numbers(entries) == [4, 5, 1, 2, 3, 1000]
    journal.append(reading(1001))
    await journal.commit()
    assert numbers(await journal.entries_after(1, 10)) == [1001]


def test_nothing_is_imported_twice(path):
    with for_shipping(path) as imported:
        assert imported.append([reading(1), reading(2), reading(1)], "file", "2") == 2
        assert imported.append(readings(1, 4), "other file", "4") == 2
        assert imported.append([reading(1, meter="pump")], "other file", "5") == 1
    assert journal_status(path).readings == 5


def test_an_import_goes_on_where_it_was(path):
    with for_shipping(path) as imported:
        assert imported.position("file") is None
        imported.append(readings(1, 2), "file", "line 3")
    with for_shipping(path) as imported:
        assert imported.position("file") == "line 3"


def test_an_append_that_fails_leaves_nothing(path):
    with for_shipping(path) as imported:
        with pytest.raises(JournalError):
            imported.append(readings(1, 2), "file", object())
        assert imported.position("file") is None
        assert imported.append(readings(1, 2), "file", "2") == 2
        imported.refresh(quiet)
    assert journal_status(path).rollups["15m"] == 1
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT DISTINCT meter FROM readings").fetchall() == [("house",)]


@pytest.mark.parametrize("way", [for_shipping, not_for_shipping])
async def test_an_import_of_nothing_lets_nothing_expire(open_journal, path, way):
    keep_s = 1000 * INTERVAL_US / 1e6
    journal = await open_journal(keep_s=keep_s)
    for number in range(1, 301):
        # Of a machine that had run for months.
        journal.append(reading(number, monotonic_us=10**13 + number * INTERVAL_US))
    await journal.close()
    with way(path) as imported:
        imported.append([], "file", "0")
    journal = await open_journal(keep_s=keep_s)
    await journal.advance("postgresql", 1)
    await journal.commit()
    assert journal.state.failing is None
    for number in range(301, 401):
        journal.append(reading(number, boot="boot-2"))
    await journal.commit()
    await journal.roll_up()
    await journal.commit()
    assert len(await journal.entries_after(0, 1000)) == 400


async def test_a_running_daemon_keeps_its_journal(open_journal, path):
    await open_journal()
    with pytest.raises(JournalError, match="another smartmeter"):
        for_shipping(path)


def test_roll_ups_are_made_at_the_end(path):
    told = []
    with for_shipping(path) as imported:
        imported.append(readings(1, 1000), "file", "1000")
        assert journal_status(path).dirty == 7
        imported.refresh(lambda done, total: told.append((done, total)))
    status = journal_status(path)
    assert status.dirty == 0
    assert status.rollups["15m"] == 7
    assert told[-1] == (7, 7)


@pytest.mark.parametrize("way", [for_shipping, not_for_shipping])
async def test_years_that_are_imported_make_nothing_older(open_journal, path, way):
    journal = await open_journal()
    for one in readings(1, 200):
        journal.append(one)
    await journal.close()
    with way(path) as imported:
        imported.append(readings(-500_000, -499_000), "file", "1")
        imported.refresh(quiet)
    keep_s = 1000 * INTERVAL_US / 1e6
    journal = await open_journal(keep_s=keep_s)
    for one in readings(201, 300):
        journal.append(one)
    await journal.commit()
    await journal.roll_up()
    await journal.commit()
    assert numbers(await journal.entries_after(0, 10))[0] == 1


async def test_imported_readings_expire_with_those_that_are_as_old(open_journal, path):
    with not_for_shipping(path) as imported:
        imported.append(readings(-500, -301), "postgresql", "1")
        imported.refresh(quiet)
    journal = await open_journal(keep_s=100 * INTERVAL_US / 1e6)
    for _ in range(2):
        for one in readings(1, 250):
            journal.append(one)
        await journal.commit()
        await journal.roll_up()
    await journal.commit()
    left = numbers(await journal.entries_after(-10_000, 10_000))
    assert min(left) > 0
    assert journal_status(path).rollups["15m"] >= 2
