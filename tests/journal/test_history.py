import sqlite3
from contextlib import closing

import pytest

from smartmeter.journal.bulk import JournalImport
from smartmeter.journal.errors import JournalError
from smartmeter.journal.history import JournalHistory
from smartmeter.reading import Reading
from tests.journal.test_upkeep import COUNTER, NIGHT_US, SITE, VOLTAGE

MINUTE_US = 60_000_000
HOUR_US = 60 * MINUTE_US
END_US = NIGHT_US + 48 * HOUR_US


def reading(minute, meter="house", **values):
    given = {COUNTER: 100 + minute / 100, VOLTAGE: 230.0 + minute % 3}
    return Reading(meter, NIGHT_US + minute * MINUTE_US, "boot", 0, given | values)


@pytest.fixture
async def history(path):
    with JournalImport.for_shipping(path, [COUNTER, VOLTAGE], SITE) as journal:
        minutes = [reading(minute) for minute in range(2500) if not 100 < minute < 200]
        minutes[10] = reading(10, **{COUNTER: 7000.0})
        journal.append(minutes, "made up", "end")
        journal.append([reading(0, "pump", **{VOLTAGE: None})], "made up", "end")
        journal.refresh(lambda *_: None)
    opened = JournalHistory(path)
    yield opened
    await opened.close()


async def test_meters_and_their_spans(history):
    assert await history.meters() == ["house", "pump"]
    assert await history.span("house") == (NIGHT_US, NIGHT_US + 2499 * MINUTE_US)
    assert await history.span("nobody") is None


async def test_energy_in_order_of_time_with_gaps_apart(history):
    rows = await history.energy("house", [COUNTER], "1h", NIGHT_US, NIGHT_US + 5 * HOUR_US)
    assert [row.energy for row in rows] == pytest.approx([0.6, 0.4, 0.0 + 1.4, 0.6])
    assert [row.start_us - NIGHT_US for row in rows] == [0, HOUR_US, 3 * HOUR_US, 4 * HOUR_US]
    assert rows[2].gap_energy == pytest.approx(1.0)
    assert rows[2].gap_from_us == NIGHT_US + 100 * MINUTE_US
    assert rows[0].cost is None


async def test_rollups_by_columns(history):
    rows = await history.rollups(
        "house", ["voltage_l1_mean", f"{COUNTER}_last", "nothing_mean"], "1h", NIGHT_US, END_US
    )
    assert rows[0].n == 60
    assert rows[0].values == {"voltage_l1_mean": pytest.approx(231), f"{COUNTER}_last": pytest.approx(100.59)}


async def test_means_on_a_grid(history):
    first, *_ = await history.means("house", [VOLTAGE, "frequency"], 10 * MINUTE_US, NIGHT_US, END_US)
    assert (first.start_us, first.n) == (NIGHT_US, 10)
    assert first.means == {VOLTAGE: pytest.approx(230.9)}
    assert (first.minima, first.maxima) == ({VOLTAGE: 230}, {VOLTAGE: 232})


async def test_readings_come_in_batches_and_in_order(history):
    batches = [batch async for batch in history.readings("house", NIGHT_US + MINUTE_US, NIGHT_US + 2499 * MINUTE_US)]
    times = [one.time_us for batch in batches for one in batch]
    assert len(batches) == 3
    assert times == sorted(set(times))
    assert (len(times), times[0]) == (2500 - 99 - 2, NIGHT_US + MINUTE_US)
    assert [batch async for batch in history.readings("nobody", 0, END_US)] == []


async def test_a_value_that_is_missing_is_left_out(history):
    ((one,),) = [batch async for batch in history.readings("pump", 0, END_US)]
    assert one.values == {COUNTER: 100.0}


async def test_flags(history):
    (flag,) = await history.flags("house", 0, END_US)
    assert (flag.kind, flag.value, flag.time_us) == ("false_value", 7000.0, NIGHT_US + 10 * MINUTE_US)


async def test_a_journal_that_is_not_there_is_named(tmp_path):
    history = JournalHistory(tmp_path / "nothing.db")
    with pytest.raises(JournalError, match=r"nothing\.db: there is no journal"):
        await history.meters()
    await history.close()


async def test_one_of_an_older_version_is_told(path):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE reading (sequence INTEGER PRIMARY KEY)")
    history = JournalHistory(path)
    with pytest.raises(JournalError, match="an older smartmeter"):
        await history.meters()
    await history.close()
