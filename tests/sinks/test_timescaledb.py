"""With TimescaleDB the roll-ups are continuous aggregates. Only where one is at hand: SMARTMETER_TEST_TIMESCALEDB."""

import time
from zoneinfo import ZoneInfo

import pytest

from smartmeter.energy.site import Site
from tests.fixtures.postgresql import TIMESCALEDB
from tests.sinks import oracle
from tests.sinks.beside import BERLIN, IDS, MINUTE_US, assert_right, reading, rollups_there, store
from tests.sinks.made_up import legacy_table, meter

# pytest collects nothing from a module that says it holds no tests.
__test__ = bool(TIMESCALEDB)
pytestmark = pytest.mark.parametrize("postgresql", ["timescaledb"], indirect=True)
PATIENCE_S = 45
DAY_US = 24 * 60 * MINUTE_US


def weeks(count):
    """A reading every quarter of an hour, up to an hour ago, and a bit beside the quarter."""
    now_us = time.time_ns() // 1000 - 60 * MINUTE_US
    first_us = now_us - count * 7 * DAY_US
    return [reading(at, 100 + number / 10) for number, at in enumerate(range(first_us, now_us, 15 * MINUTE_US))]


def kinds(postgresql):
    query = "SELECT view_name FROM timescaledb_information.continuous_aggregates WHERE view_schema = 'public'"
    return {name for (name,) in postgresql.rows(query)}


async def test_roll_ups_are_continuous_aggregates_and_right(postgresql):
    readings = weeks(3)
    for start in range(0, len(readings), 1000):
        await store(postgresql.settings(), readings[start : start + 1000])
    assert kinds(postgresql) == {"smartmeter_15m", "smartmeter_1h", "smartmeter_1d"}
    assert_right(postgresql, readings)


async def test_scheduled_jobs_succeed(postgresql):
    """Some versions of PostgreSQL let every scheduled job of an older TimescaleDB die, while CALL run_job() works."""
    readings = weeks(3)
    for start in range(0, len(readings), 1000):
        await store(postgresql.settings(keep_s=30 * 86_400.0), readings[start : start + 1000])
    own = "hypertable_name = 'smartmeter' OR proc_name = 'policy_refresh_continuous_aggregate'"
    jobs = [job for (job,) in postgresql.rows(f"SELECT job_id FROM timescaledb_information.jobs WHERE {own}")]
    # Compression and retention of the readings, refresh of three aggregates.
    assert len(jobs) == 5
    postgresql.run(*(f"SELECT alter_job({job}, next_start => now())" for job in jobs))
    query = "SELECT job_id FROM timescaledb_information.job_stats WHERE last_run_status = 'Success'"
    give_up_s = time.monotonic() + PATIENCE_S
    while not set(jobs) <= {job for (job,) in postgresql.rows(query)}:
        assert time.monotonic() < give_up_s, postgresql.rows("SELECT * FROM timescaledb_information.job_errors")
        time.sleep(0.5)  # noqa: ASYNC251  nothing else runs
    assert_right(postgresql, readings)
    ((compressed,),) = postgresql.rows(
        "SELECT number_compressed_chunks FROM hypertable_compression_stats('smartmeter')"
    )
    assert compressed >= 1


async def test_new_columns_make_the_aggregates_anew(postgresql):
    readings = weeks(1)
    await store(postgresql.settings(), readings)
    await store(postgresql.settings(), readings[-1:], meters=[meter("haus", (*IDS, "frequency"))])
    assert "frequency_mean" in postgresql.columns("smartmeter_1d")
    assert_right(postgresql, readings)


async def test_another_zone_makes_days_anew(postgresql):
    readings = weeks(1)
    await store(postgresql.settings(), readings, site=Site(ZoneInfo("Australia/Adelaide")))
    await store(postgresql.settings(), readings[-1:])
    assert rollups_there(postgresql, "1d").keys() == oracle.rollups(readings, "1d", BERLIN).keys()
    assert_right(postgresql, readings)


async def test_beside_the_originals_plain_table_they_are_plain_tables(postgresql):
    postgresql.run(legacy_table())
    await store(postgresql.settings(), weeks(1), language="de")
    assert kinds(postgresql) == set()
