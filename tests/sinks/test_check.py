import asyncio

import pytest

from smartmeter.sinks.postgresql import check_postgresql
from smartmeter.sinks.sink import SinkError
from tests.fixtures.postgresql import PASSWORD, USER, free_port
from tests.sinks.made_up import legacy_table, meter

METERS = [meter(ids=["voltage_l1", "frequency"])]


async def check(settings, meters=METERS, language="en"):
    return await check_postgresql(settings, meters, language)


async def fails(settings, match, meters=METERS):
    with pytest.raises(SinkError, match=match) as caught:
        await check(settings, meters)
    assert "\n" not in str(caught.value)
    assert PASSWORD not in str(caught.value)


async def test_it_says_what_the_server_is_and_that_the_table_will_be_made(postgresql):
    server, table, beside = await check(postgresql.settings())
    assert f"PostgreSQL at {postgresql.host}:{postgresql.server.port}" in server
    assert "server version " in server
    assert "TimescaleDB" in server
    assert table.endswith("table smartmeter will be made, with a column for each of 2 measurands")
    assert beside == "roll-ups and energy will be made beside it"


async def test_it_changes_nothing(postgresql):
    await check(postgresql.settings())
    assert postgresql.rows("SELECT to_regclass('smartmeter')") == [(None,)]
    postgresql.run("CREATE TABLE smartmeter (ts timestamptz PRIMARY KEY, voltage_l1 float8)")
    await check(postgresql.settings())
    assert list(postgresql.columns()) == ["ts", "voltage_l1"]


async def test_it_recognizes_the_originals_table(postgresql):
    postgresql.run(legacy_table())
    _, *lines = await check(postgresql.settings(manage_schema=False), [meter()], "de")
    assert lines == [
        "table public.smartmeter: columns for 68 measurands, for meter haus alone",
        "roll-ups and energy are not kept, because manage_schema is false; smartmeter db init makes them",
    ]


async def test_it_names_columns_that_will_be_added(postgresql):
    postgresql.run("CREATE TABLE smartmeter (ts timestamptz, meter text, voltage_l1 float8, PRIMARY KEY (meter, ts))")
    _, *lines = await check(postgresql.settings())
    assert lines == [
        "table public.smartmeter: columns for 1 measurands, for any number of meters",
        "columns that will be added: frequency",
        "roll-ups and energy will be made beside it, from what is in it too",
    ]


async def test_it_names_values_that_will_be_left_out(postgresql):
    postgresql.run("CREATE TABLE smartmeter (ts timestamptz PRIMARY KEY, spannung_l1 float8)")
    *_, line, _ = await check(postgresql.settings(manage_schema=False))
    assert line == "values that will be left out, because they have no column: frequenz"


async def test_a_missing_table_that_may_not_be_made(postgresql):
    await fails(postgresql.settings(manage_schema=False), "there is no table 'smartmeter'")


async def test_a_schema_where_no_table_may_be_made(postgresql):
    postgresql.run("CREATE SCHEMA fremd", f"GRANT USAGE ON SCHEMA fremd TO {USER}", user=None)
    await fails(postgresql.settings(schema="fremd"), "may not make one; GRANT CREATE ON SCHEMA fremd")


@pytest.mark.parametrize(("granted", "lacking"), [("SELECT", "INSERT"), ("INSERT", "SELECT")])
async def test_rights_that_are_missing(postgresql, granted, lacking):
    postgresql.run(legacy_table(), f"GRANT {granted} ON smartmeter TO {USER}", user=None)
    await fails(postgresql.settings(), f'lacks the right {lacking}; GRANT {lacking} ON public.smartmeter TO "{USER}"')


async def test_columns_that_only_the_owner_may_add(postgresql):
    postgresql.run(
        "CREATE TABLE smartmeter (ts timestamptz PRIMARY KEY, voltage_l1 float8)",
        f"GRANT INSERT, SELECT ON smartmeter TO {USER}",
        user=None,
    )
    await fails(postgresql.settings(), "lacks the column frequency, which only its owner may add")
    assert "left out" in (await check(postgresql.settings(manage_schema=False)))[-2]


async def test_a_table_for_one_meter_and_settings_with_two(postgresql):
    postgresql.run(legacy_table())
    await fails(postgresql.settings(), "is for one meter", [meter("haus"), meter("garage")])


async def test_a_server_that_only_reads(postgresql):
    postgresql.run(f"ALTER ROLE {USER} SET default_transaction_read_only = on", user=None)
    try:
        await fails(postgresql.settings(), "the server only reads")
    finally:
        postgresql.run(f"ALTER ROLE {USER} RESET default_transaction_read_only", user=None)


async def test_what_cannot_be_reached(postgresql):
    await fails(postgresql.settings(port=free_port()), "Connection refused")
    await fails(postgresql.settings(password="Sesam"), "password authentication failed")


async def test_through_a_tunnel(postgresql, ssh_server):
    lines = await check(postgresql.settings(ssh=ssh_server.settings()))
    assert f"through SSH server 127.0.0.1:{ssh_server.port}" in lines[0]
    await asyncio.to_thread(ssh_server.stop)
    await fails(postgresql.settings(ssh=ssh_server.settings()), "is not reached: Connect call failed|is not reached")


async def test_a_name_that_leaves_no_room_for_roll_ups_is_no_error(postgresql):
    table = "z" * 50
    postgresql.run(f"CREATE TABLE {table} (ts timestamptz, meter text, voltage_l1 float8, PRIMARY KEY (meter, ts))")
    *_, line = await check(postgresql.settings(table=table))
    assert line.startswith(f"roll-ups and energy are not kept: the name of table '{table}' is too long")
