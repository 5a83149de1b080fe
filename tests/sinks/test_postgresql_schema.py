import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from smartmeter.measurands import measurands
from smartmeter.models import load_model
from smartmeter.sinks.sink import SinkUnavailableError
from tests.fixtures.postgresql import USER
from tests.sinks.made_up import LEGACY_COLUMNS, START_US, entries, legacy_table, meter, reading

DOUBLE = "double precision"


async def test_the_table_is_made_with_a_column_for_each_measurand(postgresql, sink_on):
    async with sink_on(postgresql.settings(), [meter(ids=["voltage_l1", "frequency"])]) as sink:
        await sink.write(entries([1], {"voltage_l1": 230.1}))
    assert postgresql.columns() == {
        "ts": "timestamp with time zone",
        "meter": "text",
        "voltage_l1": DOUBLE,
        "frequency": DOUBLE,
    }
    time = datetime.fromtimestamp(START_US / 1e6, UTC) + timedelta(seconds=5)
    assert postgresql.rows("SELECT ts, meter, voltage_l1, frequency FROM smartmeter") == [(time, "haus", 230.1, None)]


async def test_its_key_is_meter_and_time(postgresql, sink_on):
    async with sink_on(postgresql.settings(), [meter("haus"), meter("garage")]) as sink:
        assert await sink.write([*entries([1], name="haus"), *entries([1], name="garage")]) == []
    query = (
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'p' AND conrelid = 'smartmeter'::regclass"
    )
    assert postgresql.rows(query) == [("PRIMARY KEY (meter, ts)",)]
    assert postgresql.rows("SELECT meter FROM smartmeter ORDER BY meter") == [("garage",), ("haus",)]


async def test_it_becomes_a_hypertable_where_timescaledb_is(postgresql, sink_on):
    async with sink_on(postgresql.settings()) as sink:
        await sink.write(entries([1]))
    installed = postgresql.rows("SELECT FROM pg_extension WHERE extname = 'timescaledb'")
    hypertables = "SELECT hypertable_name FROM timescaledb_information.hypertables"
    assert (postgresql.rows(hypertables) if installed else []) == ([("smartmeter",)] if installed else [])


async def test_columns_are_named_in_the_language_of_the_settings(postgresql, sink_on):
    async with sink_on(postgresql.settings(), language="de") as sink:
        await sink.write(entries([1]))
    assert sorted(postgresql.columns()) == sorted([*LEGACY_COLUMNS, "ts", "meter"])


async def test_schema_and_table_may_have_any_name(postgresql, sink_on):
    postgresql.run('CREATE SCHEMA "Mein ""Haus"""')
    settings = postgresql.settings(schema='Mein "Haus"', table='Zähler; DROP TABLE "x"')
    async with sink_on(settings) as sink:
        assert await sink.write(entries([1, 2])) == []
        assert await sink.write(entries([1, 2, 3])) == []
    assert postgresql.rows('SELECT count(*) FROM "Mein ""Haus"""."Zähler; DROP TABLE ""x"""') == [(3,)]


async def test_a_schema_that_is_not_there_is_named(postgresql, sink_on):
    async with sink_on(postgresql.settings(schema="strom")) as sink:
        with pytest.raises(SinkUnavailableError, match=r'schema "strom" does not exist .*CREATE SCHEMA'):
            await sink.write(entries([1]))


def test_the_originals_table_is_the_vocabularys():
    assert [measurands()[id_].column("de") for id_ in load_model("SDM530").registers] != []
    assert sorted(measurands()[id_].column("de") for id_ in load_model("SDM530").registers) == LEGACY_COLUMNS
    assert len(LEGACY_COLUMNS) == 68


async def test_the_originals_table_is_used_as_it_stands(postgresql, sink_on):
    postgresql.run(legacy_table())
    before = postgresql.columns()
    assert list(before) == ["ts", *LEGACY_COLUMNS]
    async with sink_on(postgresql.settings(), language="de") as sink:
        assert await sink.write(entries([1, 2])) == []
    assert postgresql.columns() == before
    row = postgresql.rows(f"SELECT {', '.join(LEGACY_COLUMNS)} FROM smartmeter ORDER BY ts")[0]
    values = reading(1).values
    german = {measurands()[id_].column("de"): value for id_, value in values.items()}
    assert row == tuple(german[column] for column in LEGACY_COLUMNS)


async def test_further_columns_of_the_originals_table_stay_empty(postgresql, sink_on):
    postgresql.run(legacy_table(), "ALTER TABLE smartmeter ADD COLUMN bemerkung text, ADD COLUMN nummer serial")
    async with sink_on(postgresql.settings()) as sink:
        assert await sink.write(entries([1])) == []
    assert postgresql.rows("SELECT bemerkung, nummer FROM smartmeter") == [(None, 1)]


async def test_the_originals_table_takes_no_second_meter(postgresql, sink_on):
    postgresql.run(legacy_table())
    async with sink_on(postgresql.settings(), [meter("haus"), meter("garage")]) as sink:
        with pytest.raises(SinkUnavailableError, match=r"table public.smartmeter is for one meter") as caught:
            await sink.write(entries([1]))
    assert "\n" not in str(caught.value)
    assert postgresql.rows("SELECT count(*) FROM smartmeter") == [(0,)]


async def test_readings_of_another_meter_are_not_mixed_into_it(postgresql, sink_on):
    postgresql.run(legacy_table())
    async with sink_on(postgresql.settings()) as sink:
        (refusal,) = await sink.write([*entries([1], name="haus"), *entries([2], name="keller")])
    assert (refusal.sequence, "for meter haus alone" in refusal.error) == (2, True)
    assert postgresql.rows("SELECT count(*) FROM smartmeter") == [(1,)]


async def test_missing_columns_are_added_in_the_tables_language(postgresql, sink_on):
    postgresql.run("CREATE TABLE smartmeter (ts timestamptz PRIMARY KEY, spannung_l1 float8)")
    async with sink_on(postgresql.settings(), [meter(ids=["voltage_l1", "frequency"])], "en") as sink:
        await sink.write(entries([1], {"voltage_l1": 230.1, "frequency": 50.02}))
    assert postgresql.rows("SELECT spannung_l1, frequenz FROM smartmeter") == [(230.1, 50.02)]


async def test_a_measurand_that_comes_later_gets_its_column_then(postgresql, sink_on):
    async with sink_on(postgresql.settings(), [meter(ids=["voltage_l1"])]) as sink:
        await sink.write(entries([1], {"voltage_l1": 230.1}))
        await sink.write(entries([2], {"voltage_l1": 230.2, "total_active_energy_import": 1.5} | {"frequency": 50.0}))
    assert "frequency" in postgresql.columns()


async def test_what_may_not_be_managed_is_left_as_it_is(postgresql, sink_on, caplog):
    postgresql.run("CREATE TABLE smartmeter (ts timestamptz PRIMARY KEY, voltage_l1 float8)")
    settings = postgresql.settings(manage_schema=False)
    async with sink_on(settings, [meter(ids=["voltage_l1", "frequency"])]) as sink:
        for number in range(3):
            await sink.write(entries([number], {"voltage_l1": 230.1, "frequency": 50.0}))
    assert list(postgresql.columns()) == ["ts", "voltage_l1"]
    assert postgresql.rows("SELECT count(voltage_l1) FROM smartmeter") == [(3,)]
    (warning,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert "no columns for frequency: these values are left out" in warning


async def test_a_missing_table_that_may_not_be_made_is_an_error_that_says_what_to_do(postgresql, sink_on):
    async with sink_on(postgresql.settings(manage_schema=False)) as sink:
        with pytest.raises(
            SinkUnavailableError, match=r"there is no table 'smartmeter'; create it.*manage_schema = true"
        ):
            await sink.write(entries([1]))
        postgresql.run(legacy_table())
        assert await sink.write(entries([1])) == []


async def test_columns_that_this_user_may_not_add_are_named(postgresql, sink_on):
    postgresql.run(
        "CREATE TABLE smartmeter (ts timestamptz PRIMARY KEY, voltage_l1 float8)",
        f"GRANT INSERT, SELECT ON smartmeter TO {USER}",
        user=None,
    )
    async with sink_on(postgresql.settings(), [meter(ids=["voltage_l1", "frequency"])]) as sink:
        with pytest.raises(
            SinkUnavailableError, match=r"lacks the column frequency, .* ALTER TABLE public.smartmeter OWNER TO"
        ):
            await sink.write(entries([1], {"frequency": 50.0}))


async def test_a_table_that_this_user_may_not_make_is_an_error_that_says_what_to_do(postgresql, sink_on):
    postgresql.run("CREATE SCHEMA fremd", f"GRANT USAGE ON SCHEMA fremd TO {USER}", user=None)
    async with sink_on(postgresql.settings(schema="fremd")) as sink:
        with pytest.raises(SinkUnavailableError, match='GRANT CREATE ON SCHEMA fremd TO "smartmeter"'):
            await sink.write(entries([1]))


async def test_two_that_start_at_once_do_not_fall_over_each_other(postgresql, sink_on):
    async with (
        sink_on(postgresql.settings(), [meter("haus"), meter("garage")]) as one,
        sink_on(postgresql.settings(), [meter("haus"), meter("garage")]) as other,
    ):
        results = await asyncio.gather(one.write(entries([1], name="haus")), other.write(entries([1], name="garage")))
    assert results == [[], []]
    assert postgresql.rows("SELECT count(*) FROM smartmeter") == [(2,)]
