from contextlib import asynccontextmanager
from zoneinfo import ZoneInfo

import pytest

from smartmeter.sinks.sink import SinkError
from smartmeter.transfer import TransferError
from smartmeter.transfer.postgresql_source import PostgresqlSource
from tests.sinks.made_up import legacy_table

BERLIN = ZoneInfo("Europe/Berlin")


@asynccontextmanager
async def source_on(database, table=None, **changes):
    source = await PostgresqlSource.open(database.settings(**changes), table, "house", BERLIN)
    try:
        yield source
    finally:
        await source.close()


async def everything(source, position=None):
    return [batch async for batch in source.batches(position)]


async def read(source, position=None):
    found = [reading for batch in await everything(source, position) for reading in batch.readings]
    return [(reading.meter, reading.time_us, dict(reading.values)) for reading in found]


async def test_reads_the_originals_table(postgresql):
    postgresql.run(
        legacy_table(),
        "INSERT INTO smartmeter (ts, spannung_l1, import_wh_seit_reset) VALUES"
        " ('2024-01-01 01:00:00+01', 230.1, 1234.5), ('2023-12-31 23:59:50Z', NULL, 'NaN'), ('2024-01-01Z', 0, NULL)"
        " ON CONFLICT DO NOTHING",
    )
    async with source_on(postgresql) as source:
        assert len(source.columns.measurands) == 68
        (one,) = await read(source)
        assert (one[0], one[1], one[2]["voltage_l1"]) == ("house", 1_704_067_200_000_000, 230.1)
        assert 1234.5 in one[2].values()
        outline = await source.outline()
        assert (outline.first, outline.last) == ("2023-12-31 23:59:50+00", "2024-01-01 00:00:00+00")


@pytest.mark.parametrize(
    "key", ["PRIMARY KEY (meter, ts)", "PRIMARY KEY (ts, meter)", "CHECK (true)"], ids=["ours", "turned", "none"]
)
@pytest.mark.parametrize("type_", ["float8", "numeric"], ids=["as numbers", "as texts"])
async def test_goes_on_after_each_batch_and_page(postgresql, monkeypatch, key, type_):
    monkeypatch.setattr("smartmeter.transfer.postgresql_rows.BATCH_ROWS", 2)
    monkeypatch.setattr("smartmeter.transfer.postgresql_source.PAGE_ROWS", 5)
    postgresql.run(
        f"CREATE TABLE smartmeter (meter text, voltage_l1 {type_}, note text, ts timestamptz, {key})",
        "INSERT INTO smartmeter SELECT meter, n, 'x', to_timestamp(1704067200 + n) FROM generate_series(1, 11) AS n,"
        " (VALUES ('a'), ('b \"1\", c')) AS meters (meter)",
    )
    async with source_on(postgresql) as source:
        whole = await read(source)
        assert sorted(whole) == sorted(
            (meter, 1_704_067_200_000_000 + 1_000_000 * n, {"voltage_l1": float(n)})
            for n in range(1, 12)
            for meter in ("a", 'b "1", c')
        )
        assert source.columns.left_out == ("note",)
        seen = 0
        for batch in await everything(source):
            seen += len(batch.readings)
            assert await read(source, batch.position) == whole[seen:]


@pytest.mark.parametrize("type_", ["double precision", "numeric"], ids=["as numbers", "as texts"])
async def test_what_is_no_reading_is_left_out(postgresql, type_):
    postgresql.run(
        f"CREATE TABLE smartmeter (ts timestamptz, meter text, voltage_l1 {type_}, current_l1 {type_})",
        "INSERT INTO smartmeter VALUES ('-infinity', 'a', 1, 1), ('infinity', 'a', 1, 1), (NULL, 'a', 1, 1),"
        " ('2024-01-01 00:00:00.123456Z', 'ä', 'NaN', 0), ('2024-01-01Z', NULL, 1, NULL),"
        " ('2024-01-02Z', 'b', NULL, NULL)",
    )
    async with source_on(postgresql) as source:
        assert await read(source) == [
            ("house", 1_704_067_200_000_000, {"voltage_l1": 1.0}),
            ("ä", 1_704_067_200_123_456, {"current_l1": 0.0}),
        ]


async def test_times_without_a_zone_are_local(postgresql):
    postgresql.run(
        "CREATE TABLE sdm530 (ts timestamp PRIMARY KEY, spannung_l1 real, strom_l1 numeric)",
        "INSERT INTO sdm530 VALUES ('2024-07-01 14:00', 230.1, 1.25)",
    )
    async with source_on(postgresql, "public.sdm530") as source:
        assert await read(source) == [("house", 1_719_835_200_000_000, {"voltage_l1": 230.1, "current_l1": 1.25})]


async def test_a_table_that_is_not_there_is_told(postgresql):
    with pytest.raises(TransferError, match="there is no table other"):
        async with source_on(postgresql, "other"):
            pass


async def test_a_server_that_is_not_there_is_told(postgresql):
    with pytest.raises(SinkError, match="is PostgreSQL running"):
        async with source_on(postgresql, port=1):
            pass
