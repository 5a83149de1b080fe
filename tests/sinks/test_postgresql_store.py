"""What is made beside the raw table, once, by whoever comes first."""

import asyncio
from zoneinfo import ZoneInfo

import psycopg
import pytest

from smartmeter.sinks.postgresql.catalog import look_at_table
from smartmeter.sinks.postgresql.link import Link
from smartmeter.sinks.postgresql.names import Names
from smartmeter.sinks.postgresql.schema import ensure_table
from smartmeter.sinks.postgresql.steps import STEPS, run_steps, step_there
from smartmeter.sinks.postgresql.store import ensure_store, find_store
from smartmeter.sinks.postgresql.table import TableError, layout_of

BERLIN = ZoneInfo("Europe/Berlin")
IDS = ("voltage_l1", "active_energy_import")
BESIDE = {
    f"smartmeter_{suffix}"
    for suffix in (
        *("15m", "1h", "1d", "energy_15m", "energy_1h", "energy_1d"),
        *("dirty", "counter_flag", "counter_decision", "schema", "meta", "health"),
    )
}


async def made(settings, ids=IDS, meters=("haus",), language="en"):
    """The store on these settings."""
    link = Link(settings)
    try:
        connection = await link.connection()
        table = await ensure_table(connection, settings, ids, language)
        return await ensure_store(connection, table, layout_of(table, meters, language), BERLIN)
    finally:
        await link.close()


def tables(postgresql):
    query = "SELECT relname FROM pg_class WHERE relkind IN ('r', 'v') AND relnamespace = 'public'::regnamespace"
    return {name for (name,) in postgresql.rows(query)}


async def test_it_is_made_beside_the_table(postgresql):
    store = await made(postgresql.settings())
    assert tables(postgresql) == {"smartmeter"} | BESIDE
    assert list(postgresql.columns("smartmeter_15m"))[2:] == [
        "n",
        "voltage_l1_mean",
        "voltage_l1_min",
        "voltage_l1_max",
        "active_energy_import_first",
        "active_energy_import_last",
    ]
    assert store.counters == {"active_energy_import": "active_energy_import"}


async def test_two_at_once_make_it_once(postgresql):
    one, other = await asyncio.gather(made(postgresql.settings()), made(postgresql.settings()))
    assert one == other
    assert postgresql.rows("SELECT step FROM smartmeter_schema") == [(number,) for number in range(1, len(STEPS) + 1)]


async def test_names_are_quoted_whatever_they_are(postgresql):
    postgresql.run('CREATE SCHEMA "Mein ""Haus"""')
    await made(postgresql.settings(schema='Mein "Haus"', table='Zähler; DROP TABLE "x"'))
    assert postgresql.rows('SELECT count(*) FROM "Mein ""Haus"""."Zähler; DROP TABLE ""x""_energy_15m"') == [(0,)]


async def test_a_name_that_is_too_long_is_named(postgresql):
    with pytest.raises(TableError, match="too long for roll-ups"):
        await made(postgresql.settings(table="z" * 50))


async def test_new_columns_of_the_table_get_theirs_in_the_roll_ups(postgresql):
    await made(postgresql.settings())
    await made(postgresql.settings(), (*IDS, "frequency"))
    for period in ("15m", "1h", "1d"):
        assert {"frequency_mean", "frequency_min", "frequency_max"} <= postgresql.columns(f"smartmeter_{period}").keys()


async def test_what_was_in_the_table_before_is_marked(postgresql):
    postgresql.run(
        "CREATE TABLE smartmeter (meter text, ts timestamptz, voltage_l1 float8, PRIMARY KEY (meter, ts))",
        """INSERT INTO smartmeter VALUES ('a', '2026-01-01 00:00+0', 1), ('a', '2026-01-01 00:14+0', 1),
           ('a', '2026-03-01 11:59:59.999999+0', 1), ('b', '2026-02-01 05:07+0', 1), ('b', '1970-01-01 01:00+0', 1),
           ('b', '9999-01-01 01:00+0', 1)""",
    )
    await made(postgresql.settings(), meters=("a", "b"))
    assert postgresql.rows(
        "SELECT meter, to_char(ts AT TIME ZONE 'UTC', 'MM-DD HH24:MI') FROM smartmeter_dirty ORDER BY meter, ts"
    ) == [
        # A reading on the boundary closes the quarter-hour before.
        ("a", "12-31 23:45"),
        ("a", "01-01 00:00"),
        ("a", "03-01 11:45"),
        ("b", "02-01 05:00"),
    ]


async def test_a_newer_schema_is_an_error_that_says_what_to_do(postgresql):
    await made(postgresql.settings())
    postgresql.run("INSERT INTO smartmeter_schema VALUES (99, now())")
    with pytest.raises(TableError, match=r"schema 99, this one knows \d+\); install one as new"):
        await made(postgresql.settings())


async def test_a_step_runs_once_and_a_failing_one_changes_nothing(postgresql):
    settings = postgresql.settings()
    await made(settings)
    link = Link(settings)
    connection = await link.connection()
    try:
        names = Names("public", "smartmeter")
        bad = (*STEPS, lambda _: ("CREATE TABLE half ()", "SELECT 1/0"))
        with pytest.raises(psycopg.errors.DivisionByZero):
            async with connection.transaction():
                await run_steps(connection, names, bad)
        assert await step_there(connection, names) == len(STEPS)
        good = (*STEPS, lambda _: ("CREATE TABLE whole ()",))
        for _ in range(2):
            async with connection.transaction():
                await run_steps(connection, names, good)
        assert await step_there(connection, names) == len(STEPS) + 1
    finally:
        await link.close()
    assert {"whole"} == tables(postgresql) - BESIDE - {"smartmeter"}


async def test_another_table_with_such_a_name_is_left_alone(postgresql):
    postgresql.run("CREATE TABLE smartmeter_1h (mine int)")
    with pytest.raises(psycopg.errors.DuplicateTable):
        await made(postgresql.settings())
    assert tables(postgresql) == {"smartmeter", "smartmeter_1h"}
    assert list(postgresql.columns("smartmeter_1h")) == ["mine"]


async def test_nothing_is_found_where_nothing_was_made(postgresql):
    postgresql.run("CREATE TABLE smartmeter (ts timestamptz PRIMARY KEY, voltage_l1 float8)")
    link = Link(postgresql.settings())
    connection = await link.connection()
    try:
        table = await look_at_table(connection, None, "smartmeter")
        assert await find_store(connection, layout_of(table, ["haus"], "en")) is None
    finally:
        await link.close()
