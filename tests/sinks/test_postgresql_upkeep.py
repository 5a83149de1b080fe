"""Roll-ups and energy beside the raw table are what all readings together say, however they came."""

import asyncio
import itertools
import time
from dataclasses import replace
from datetime import date
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smartmeter.energy.site import Site
from smartmeter.energy.tariff import Tariff
from smartmeter.journal.entry import Entry
from smartmeter.periods import PERIODS, QUARTER_US, period_start
from smartmeter.sinks.postgresql.access import find
from smartmeter.sinks.postgresql.expiry import expire
from smartmeter.sinks.postgresql.link import Link
from smartmeter.sinks.postgresql.times import from_us
from smartmeter.sinks.postgresql.upkeep import SLICE_QUARTERS
from smartmeter.sinks.sink import SinkUnavailableError
from tests.fixtures.postgresql import USER
from tests.sinks import oracle
from tests.sinks.beside import (
    BERLIN,
    COUNTER,
    IDS,
    MINUTE_US,
    SITE,
    START_US,
    assert_right,
    batch,
    energy_there,
    flags_there,
    plain_only,
    points,
    reading,
    rollups_there,
    sink_on,
    store,
    us,
)
from tests.sinks.made_up import legacy_table, meter

# What a counter does from one reading to the next: minutes that pass, and what it shows.
EVENTS = st.lists(
    st.tuples(
        st.sampled_from([0.5, 1, 3, 4, 5, 10, 15, 20, 50, 400, 1500]),
        st.sampled_from(["count", "count", "count", "count", "zero", "spike", "jump", "reset", "nothing"]),
    ),
    min_size=1,
    max_size=60,
)


NUMBERS = itertools.count()


def readings_of(events, name="haus"):
    made, time_us, counter = [], START_US, 180.2
    for minutes, what in events:
        time_us += int(minutes * MINUTE_US)
        counter += 0.05 * minutes
        if what == "jump":
            counter += 5000
        elif what == "reset":
            counter = 0.0
        shown = {"zero": 0.0, "spike": counter + 4819.8, "nothing": None}.get(what, counter)
        made.append(reading(time_us, shown, 220 + len(made) % 17, name))
    return made


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=EVENTS, shuffle=st.randoms(use_true_random=False), parts=st.integers(1, 5), again=st.booleans())
def test_whatever_the_order_and_the_batches(postgresql, events, shuffle, parts, again):
    table = f"t{next(NUMBERS)}"
    readings = readings_of(events)
    order = readings[:]
    shuffle.shuffle(order)
    size = -(-len(order) // parts)
    batches = [order[start : start + size] for start in range(0, len(order), size)]
    if again:
        batches.append(batches[0])

    async def each_rolled_up_by_itself():
        for part in batches:
            await store(postgresql.settings(table=table), part)

    asyncio.run(each_rolled_up_by_itself())
    assert_right(postgresql, readings, table=table)
    assert flags_there(postgresql, table) == oracle.flags(points(readings), SITE.limits("haus", COUNTER))


def steady(minutes, name="haus", first=0, step=5):
    """A reading every `step` minutes, 0.1 kWh each."""
    return [
        reading(START_US + minute * MINUTE_US, 100 + 0.02 * minute, 230.0, name)
        for minute in range(first, minutes, step)
    ]


async def test_late_readings_show_a_jump_that_a_later_quarter_hour_showed_too(postgresql):
    """It begins with a state that is not true any more, until the quarter-hour between has been worked out anew."""
    values = {1: 100.0, 2: 5100.0, 8: 5100.1, 13: 5100.2, 20: 5100.3, 35: 5100.4}
    readings = {minute: reading(START_US + minute * MINUTE_US, value) for minute, value in values.items()}
    first, late = [readings[minute] for minute in (1, 2, 20)], [readings[minute] for minute in (8, 13, 35)]
    await store(postgresql.settings(), first)
    await store(postgresql.settings(), late)
    assert_right(postgresql, [*first, *late])
    assert flags_there(postgresql) == {(readings[2].time_us, "jump", 5100.0, 100.0)}


async def test_the_same_batch_again_changes_nothing(postgresql):
    readings = steady(200)
    await store(postgresql.settings(), readings)
    before = [postgresql.rows(f"SELECT * FROM smartmeter_{table} ORDER BY 1, 2, 3") for table in ("15m", "energy_1d")]
    await store(postgresql.settings(), readings, readings[10:20])
    after = [postgresql.rows(f"SELECT * FROM smartmeter_{table} ORDER BY 1, 2, 3") for table in ("15m", "energy_1d")]
    assert after == before


async def test_two_daemons_with_one_meter_and_with_another_each(postgresql):
    settings = postgresql.settings()
    meters = [meter("haus", IDS), meter("garage", IDS)]
    house, garage = steady(600), steady(600, "garage")

    async def ship(readings):
        async with sink_on(settings, meters) as sink:
            for start in range(0, len(readings), 20):
                assert await sink.write(batch(readings[start : start + 20])) == []
                await sink.roll_up()

    await asyncio.gather(ship(house[::2]), ship(house[1::2]), ship(garage))
    # Whoever was busy with a meter has left the other's marks; the next one works them off.
    await store(settings, house[:1], meters=meters)
    assert_right(postgresql, [*house, *garage], "haus")
    assert_right(postgresql, [*house, *garage], "garage")


async def test_a_writer_waits_for_a_mark_that_is_being_worked_off_and_sets_it_again(postgresql):
    """Else its readings, which the other did not see, would never be rolled up."""
    readings = steady(15, first=1, step=1)
    async with sink_on(postgresql.settings()) as sink:
        await sink.write(batch(readings[:5]))
        with postgresql.connect() as other:
            other.autocommit = False
            other.execute("DELETE FROM smartmeter_dirty")
            writing = asyncio.create_task(sink.write(batch(readings[5:])))
            await asyncio.sleep(0.1)
            assert not writing.done()
            await asyncio.to_thread(other.commit)
            assert await writing == []
        assert len(postgresql.rows("SELECT * FROM smartmeter_dirty")) == 1
    assert_right(postgresql, readings)


async def test_marks_survive_a_crash_between_storing_and_rolling_up(postgresql):
    readings = steady(100)
    async with sink_on(postgresql.settings()) as sink:
        await sink.write(batch(readings))
        terminate = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'smartmeter'"
        postgresql.run(terminate, user=None)
    assert postgresql.rows("SELECT count(*) FROM smartmeter_15m") == [(0,)]
    assert len(postgresql.rows("SELECT * FROM smartmeter_dirty")) > 5
    await store(postgresql.settings(), readings[-1:])
    assert_right(postgresql, readings)


async def test_rows_that_go_in_singly_are_rolled_up_too(postgresql):
    readings = steady(100)
    async with sink_on(postgresql.settings()) as sink:
        await sink.write(batch(readings[:10]))
        clash = Entry(99, replace(readings[3], values={COUNTER: 1.0}))
        (refusal,) = await sink.write([clash, *batch(readings)])
        assert refusal.sequence == 99
    assert_right(postgresql, readings)


async def test_the_originals_table_in_german_without_a_meter(postgresql):
    postgresql.run(legacy_table())
    before = postgresql.columns()
    readings = steady(300)
    await store(postgresql.settings(), readings, language="de")
    assert postgresql.columns() == before
    ((n, voltage, first, last),) = postgresql.rows(
        "SELECT sum(n), avg(spannung_l1_mean), min(import_wh_seit_reset_first), max(import_wh_seit_reset_last)"
        " FROM smartmeter_1d WHERE meter = 'haus'"
    )
    assert (n, voltage, first, last) == (60, 230.0, 100.0, pytest.approx(105.9))
    assert sum(energy for energy, *_ in energy_there(postgresql, "1d").values()) == pytest.approx(5.9)


async def test_a_table_that_is_not_managed_gets_nothing_beside_it(postgresql, caplog):
    postgresql.run(legacy_table())
    await store(postgresql.settings(manage_schema=False), steady(30), language="de")
    query = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    assert postgresql.rows(query) == [("smartmeter",)]
    assert caplog.messages == []


async def test_what_was_made_by_hand_is_kept_up_for_a_table_that_is_not_managed(postgresql):
    readings = steady(100)
    await store(postgresql.settings(), readings[:10])
    await store(postgresql.settings(manage_schema=False), readings[10:])
    assert_right(postgresql, readings)


async def test_readings_are_stored_where_nothing_may_be_made_beside_them(postgresql, caplog):
    postgresql.run(
        "CREATE SCHEMA fremd",
        "CREATE TABLE fremd.smartmeter (ts timestamptz, meter text, voltage_l1 float8, PRIMARY KEY (meter, ts))",
        f"ALTER TABLE fremd.smartmeter ADD COLUMN {COUNTER} float8",
        f"GRANT USAGE ON SCHEMA fremd TO {USER}",
        f"GRANT INSERT, SELECT ON fremd.smartmeter TO {USER}",
        user=None,
    )
    await store(postgresql.settings(schema="fremd"), steady(30))
    assert postgresql.rows("SELECT count(*) FROM fremd.smartmeter") == [(6,)]
    (warning,) = caplog.messages
    assert "No roll-ups are kept" in warning
    assert "permission denied for schema fremd" in warning


async def test_a_newer_schema_keeps_readings_waiting(postgresql):
    await store(postgresql.settings(), steady(30))
    postgresql.run("INSERT INTO smartmeter_schema VALUES (99, now())")
    async with sink_on(postgresql.settings()) as sink:
        with pytest.raises(SinkUnavailableError, match="a newer smartmeter made the roll-ups"):
            await sink.write(batch(steady(30)))


async def test_a_table_with_years_in_it_is_worked_off_in_slices(postgresql):
    readings = steady(1000)
    postgresql.run(
        f"CREATE TABLE smartmeter (ts timestamptz, meter text, {COUNTER} float8, voltage_l1 float8,"
        " PRIMARY KEY (meter, ts))"
    )
    with postgresql.connect() as connection:
        connection.cursor().executemany(
            "INSERT INTO smartmeter VALUES (%s, 'haus', %s, %s)",
            [(from_us(each.time_us), each.values[COUNTER], each.values["voltage_l1"]) for each in readings[:-1]],
        )
    async with sink_on(postgresql.settings()) as sink:
        await sink.write(batch(readings[-1:]))
        assert await sink.roll_up()
        # The present first.
        newest = period_start("15m", readings[-1].time_us, BERLIN)
        assert newest in rollups_there(postgresql, "15m")
        assert len(rollups_there(postgresql, "15m")) == SLICE_QUARTERS
    assert_right(postgresql, readings)


async def test_the_background_rolls_up_soon_after_a_batch(postgresql, monkeypatch):
    monkeypatch.setattr("smartmeter.sinks.postgresql.sink.REFRESH_S", 0.01)
    readings = steady(100)
    async with sink_on(postgresql.settings()) as sink, asyncio.timeout(10):
        await sink.write(batch(readings))
        while postgresql.rows("SELECT * FROM smartmeter_dirty"):  # noqa: ASYNC110  the database tells nobody
            await asyncio.sleep(0.02)
        assert_right(postgresql, readings)


@plain_only
async def test_a_row_never_gives_way_to_one_of_fewer_readings(postgresql):
    readings = steady(300)
    await store(postgresql.settings(), [each for each in readings if each is not readings[7]])
    before = {period: (rollups_there(postgresql, period), energy_there(postgresql, period)) for period in ("15m", "1d")}
    # Expired; then a late one comes for a quarter-hour of which all others are gone.
    postgresql.run("DELETE FROM smartmeter WHERE ts < (SELECT max(ts) FROM smartmeter)")
    await store(postgresql.settings(), [readings[7]])
    after = {period: (rollups_there(postgresql, period), energy_there(postgresql, period)) for period in ("15m", "1d")}
    assert after == before


@plain_only
async def test_old_readings_go_and_totals_stay(postgresql):
    now_us = time.time_ns() // 1000
    first_us = now_us - now_us % QUARTER_US - 3 * 96 * QUARTER_US
    readings = [reading(first_us + n * 15 * MINUTE_US, 100 + n / 10) for n in range(3 * 96)]
    await store(postgresql.settings(), readings)
    before = energy_there(postgresql, "1d"), rollups_there(postgresql, "1d")
    await store(postgresql.settings(keep_s=86_400.0), readings[-1:])
    ((oldest, rows),) = postgresql.rows(f"SELECT {us('min(ts)')}, count(*) FROM smartmeter")
    assert 95 <= rows <= 97
    assert oldest >= now_us - 96 * QUARTER_US - QUARTER_US
    assert (energy_there(postgresql, "1d"), rollups_there(postgresql, "1d")) == before


@plain_only
async def test_a_marked_quarter_hour_does_not_expire(postgresql):
    readings = steady(60)
    settings = postgresql.settings()
    await store(settings, readings)
    postgresql.run("INSERT INTO smartmeter_dirty SELECT 'haus', min(ts) FROM smartmeter_15m")
    link = Link(settings)
    try:
        found = await find(await link.connection(), settings, ["haus"], "en")
        while await expire(found.connection, found.store, readings[-1].time_us + QUARTER_US):
            pass
    finally:
        await link.close()
    # Those of the marked one, and the reading on its end, which its energy needs.
    assert postgresql.rows("SELECT count(*) FROM smartmeter") == [(4,)]


def priced(postgresql, period):
    query = f"SELECT {us('ts')}, cost, unpriced FROM smartmeter_energy_{period} ORDER BY ts"
    return postgresql.rows(query)


async def test_costs_follow_the_tariff_and_a_new_one(postgresql):
    readings = steady(24 * 60)
    tariff = Tariff(valid_from=date(2026, 10, 25), price=0.30)
    await store(postgresql.settings(), readings, site=replace(SITE, tariffs=(tariff,)))
    # 23:30 UTC on the 24th is 1:30 on the 25th in Berlin: the tariff holds from the first reading on.
    assert sum(cost for _, cost, _ in priced(postgresql, "1d")) == pytest.approx(0.3 * 0.02 * (24 * 60 - 5))
    assert sum(unpriced for *_, unpriced in priced(postgresql, "1d")) == 0
    dearer = replace(tariff, price=0.40)
    await store(postgresql.settings(), readings[-1:], site=replace(SITE, tariffs=(dearer,)))
    for period in ("15m", "1h", "1d"):
        assert sum(cost for _, cost, _ in priced(postgresql, period)) == pytest.approx(0.4 * 0.02 * (24 * 60 - 5))
    await store(postgresql.settings(), readings[-1:], site=SITE)
    assert {cost for _, cost, _ in priced(postgresql, "1h")} == {None}
    assert sum(unpriced for *_, unpriced in priced(postgresql, "1h")) == pytest.approx(0.02 * (24 * 60 - 5))


async def test_another_zone_has_other_days(postgresql):
    readings = steady(3 * 24 * 60, step=30)
    await store(postgresql.settings(), readings, site=Site(ZoneInfo("Australia/Adelaide")))
    assert rollups_there(postgresql, "1d").keys() != oracle.rollups(readings, "1d", BERLIN).keys()
    await store(postgresql.settings(), readings[-1:])
    assert_right(postgresql, readings)
    assert postgresql.rows("SELECT value FROM smartmeter_meta WHERE key = 'timezone'") == [("Europe/Berlin",)]


async def test_a_reading_of_another_age_is_kept_and_counted_nowhere(postgresql):
    readings = [replace(each, time_us=each.time_us - START_US) for each in steady(10)]
    await store(postgresql.settings(), [*readings, *steady(100)])
    assert_right(postgresql, steady(100))
    assert postgresql.rows("SELECT count(*) FROM smartmeter") == [(22,)]


@plain_only
async def test_a_gap_that_is_filled_late_is_counted_once_also_if_what_follows_has_expired(postgresql):
    settings = postgresql.settings()
    readings = [reading(START_US + minute * MINUTE_US, 100 + minute / 100) for minute in range(400)]
    early, late, expired = readings[:60], readings[60:157], readings[157:]
    await store(settings, [*early, *expired])
    postgresql.run(f"DELETE FROM smartmeter WHERE ts >= to_timestamp({expired[0].time_us / 1e6})")
    await store(settings, late)
    for period in PERIODS:
        rows = energy_there(postgresql, period).values()
        assert sum(energy for energy, *_ in rows) == pytest.approx(3.99)
        assert sum(gap for _, gap, _ in rows) == pytest.approx(0)


@plain_only
async def test_a_reset_in_a_quarter_hour_that_has_expired_stays_what_it_was(postgresql):
    settings = postgresql.settings()
    before = [reading(START_US + minute * MINUTE_US, 100 + minute / 100) for minute in range(150)]
    after = [reading(START_US + minute * MINUTE_US, (minute - 170) / 100) for minute in range(170, 320)]
    await store(settings, before, after)
    kept, flags = energy_there(postgresql, "15m"), flags_there(postgresql)
    assert [kind for _, kind, *_ in flags] == ["reset"]
    postgresql.run(f"DELETE FROM smartmeter WHERE ts > to_timestamp({START_US / 1e6 + 150 * 60})")
    await store(settings, [reading(START_US + 155 * MINUTE_US, 101.55)])
    assert kept.items() <= energy_there(postgresql, "15m").items()
    assert flags_there(postgresql) == flags


@plain_only
@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Pacific/Auckland"])
async def test_no_day_of_the_zone_before_is_left_at_the_beginning(postgresql, zone):
    settings = postgresql.settings()
    moved_to = ZoneInfo(zone)
    begin_us = period_start("1mo", START_US, moved_to) + 60 * MINUTE_US
    readings = [reading(begin_us + minute * MINUTE_US, 100 + minute / 100) for minute in range(120)]
    await store(settings, readings, site=Site(ZoneInfo("UTC"), (), SITE.ratings))
    last = reading(begin_us + 120 * MINUTE_US, 101.2)
    await store(settings, [last], site=Site(moved_to, (), SITE.ratings))
    for period in PERIODS:
        assert sum(n for n, _ in rollups_there(postgresql, period).values()) == 121
        assert sum(energy for energy, *_ in energy_there(postgresql, period).values()) == pytest.approx(1.2)
