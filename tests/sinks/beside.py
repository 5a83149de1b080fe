"""A site with two meters, readings of a counter, and what is kept beside the raw table on a test's database."""

from contextlib import asynccontextmanager
from zoneinfo import ZoneInfo

import pytest

from smartmeter.energy.guard import Point
from smartmeter.energy.site import Rating, Site
from smartmeter.journal.entry import Entry
from smartmeter.periods import PERIODS
from smartmeter.reading import Reading
from smartmeter.sinks.postgresql import PostgresqlSink
from tests.sinks import oracle
from tests.sinks.made_up import meter

# For what is about readings that are deleted one by one: TimescaleDB lets whole chunks go.
plain_only = pytest.mark.parametrize("postgresql", ["postgresql"], indirect=True)
BERLIN = ZoneInfo("Europe/Berlin")
SITE = Site(BERLIN, (), {"haus": Rating(100.0, 3), "garage": Rating(100.0, 3)})
COUNTER = "active_energy_import"
IDS = (COUNTER, "voltage_l1")
# An hour before clocks are set back in 2026: 23:30 UTC on 24 October.
START_US = 1_792_884_600_000_000
MINUTE_US = 60_000_000


def reading(time_us, energy, voltage=230.0, name="haus"):
    return Reading(name, time_us, "boot", 0, {COUNTER: energy, "voltage_l1": voltage})


def batch(readings):
    return [Entry(number, each) for number, each in enumerate(readings)]


@asynccontextmanager
async def sink_on(settings, meters=None, language="en", site=SITE):
    sink = PostgresqlSink(settings, meters or [meter("haus", IDS)], language, site)
    try:
        yield sink
    finally:
        await sink.close()


async def store(settings, *batches, **given):
    """Store these batches of readings; when it returns, everything is rolled up."""
    async with sink_on(settings, **given) as sink:
        for readings in batches:
            assert await sink.write(batch(readings)) == []


def us(column):
    return f"(extract(epoch FROM {column}) * 1000000)::int8"


def energy_there(postgresql, period, name="haus", table="smartmeter"):
    query = f"""SELECT {us("ts")}, energy, gap_energy, {us("gap_from")} FROM {table}_energy_{period}
                WHERE meter = %s AND measurand = %s"""
    return {start: tuple(row) for start, *row in postgresql.rows(query, name, COUNTER)}


def rollups_there(postgresql, period, name="haus", table="smartmeter"):
    columns = [column for column in postgresql.columns(f"{table}_{period}") if column not in ("meter", "ts", "n")]
    query = f"SELECT {us('ts')}, n, {', '.join(columns)} FROM {table}_{period} WHERE meter = %s"
    return {
        start: (n, {name: value for name, value in zip(columns, values, strict=True) if value is not None})
        for start, n, *values in postgresql.rows(query, name)
    }


def flags_there(postgresql, table="smartmeter"):
    return set(postgresql.rows(f"SELECT {us('ts')}, kind, value, before FROM {table}_counter_flag"))


def points(readings):
    return [Point(each.time_us, each.values[COUNTER]) for each in readings if each.values[COUNTER] is not None]


def assert_right(postgresql, readings, name="haus", table="smartmeter"):
    own = [each for each in readings if each.meter == name]
    limits = SITE.limits(name, COUNTER)
    assert postgresql.rows(f"SELECT * FROM {table}_dirty") == []
    for period in PERIODS:
        assert rollups_there(postgresql, period, name, table) == {
            start: (n, pytest.approx(row)) for start, (n, row) in oracle.rollups(own, period, BERLIN).items()
        }
        assert energy_there(postgresql, period, name, table) == {
            start: (pytest.approx(energy, abs=1e-9), pytest.approx(gap, abs=1e-9), gap_from)
            for start, (energy, gap, gap_from) in oracle.energy(points(own), limits, period, BERLIN).items()
        }
