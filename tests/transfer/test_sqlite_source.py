import sqlite3
from contextlib import closing
from zoneinfo import ZoneInfo

import pytest

from smartmeter.journal import Journal
from smartmeter.settings.model import JournalSettings
from smartmeter.transfer import TransferError
from smartmeter.transfer.sqlite_source import SqliteSource, is_sqlite
from tests.journal.made_up import MEASURANDS, readings

UTC = ZoneInfo("UTC")
# As SQLAlchemy makes it, which the original used.
ORIGINAL = "CREATE TABLE sdm530 (ts DATETIME NOT NULL PRIMARY KEY, Spannung_L1 FLOAT, Strom_L1 FLOAT)"


@pytest.fixture
def source(tmp_path):
    """A source on a file that these statements made."""

    def make(*statements, table=None):
        path = tmp_path / "original.db"
        with closing(sqlite3.connect(path)) as connection, connection:
            for statement in statements:
                connection.execute(statement)
        return SqliteSource(path, table, "house", UTC)

    return make


async def everything(source, position=None):
    return [batch async for batch in source.batches(position)]


async def read(source, position=None):
    found = [reading for batch in await everything(source, position) for reading in batch.readings]
    return [(reading.meter, reading.time_us, dict(reading.values)) for reading in found]


async def test_reads_the_originals_table(source):
    found = source(
        ORIGINAL,
        "INSERT INTO sdm530 VALUES ('2024-01-01 00:00:00.000000', 230.1, NULL), ('2024-01-01 00:00:10.5', 0.0, 0)",
        "CREATE TABLE something (else_)",
    )
    assert await read(found) == [
        ("house", 1_704_067_200_000_000, {"voltage_l1": 230.1}),
        ("house", 1_704_067_210_500_000, {"voltage_l1": 0.0, "current_l1": 0.0}),
    ]
    outline = await found.outline()
    assert outline.first == "2024-01-01 00:00:00.000000"
    assert outline.rows == "2 rows"


@pytest.mark.parametrize("time", ["1704067200", "1704067200.0", "'1704067200'", "'2024-01-01T00:00:00Z'"])
async def test_times_may_be_numbers(source, time):
    made = ("CREATE TABLE t (ts, voltage_l1 TEXT)", f"INSERT INTO t VALUES ({time}, '230,1')")
    assert await read(source(*made)) == [("house", 1_704_067_200_000_000, {"voltage_l1": 230.1})]


async def test_rows_that_cannot_be_read_are_named(source):
    found = source("CREATE TABLE t (ts, voltage_l1)", "INSERT INTO t VALUES (NULL, 1), (1704067200, x'ff'), (17, 1)")
    (batch,) = await everything(found)
    assert [each.where for each in batch.unreadable] == ["row 1", "row 2", "row 3"]


@pytest.mark.parametrize("suffix", ["", " WITHOUT ROWID"])
async def test_goes_on_after_each_batch(source, suffix, monkeypatch):
    monkeypatch.setattr("smartmeter.transfer.sqlite_source.BATCH_ROWS", 3)
    found = source(
        f"CREATE TABLE t (ts INTEGER NOT NULL, voltage_l1, PRIMARY KEY (ts)){suffix}",
        *(f"INSERT INTO t VALUES ({1704067200 + index}, {index})" for index in range(10)),
        "DELETE FROM t WHERE voltage_l1 = 4",
    )
    whole = await read(found)
    assert [values["voltage_l1"] for _, _, values in whole] == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    seen = 0
    for batch in await everything(found):
        seen += len(batch.readings)
        assert await read(found, batch.position) == whole[seen:]


async def test_another_journal_is_read_by_its_view(tmp_path):
    path = tmp_path / "other.db"
    journal = await Journal.open(JournalSettings(path), MEASURANDS, [])
    for reading in readings(1, 3):
        journal.append(reading)
    await journal.close()
    found = SqliteSource(path, None, "", UTC)
    expected = [(reading.meter, reading.time_us, reading.values) for reading in readings(1, 3)]
    known = {id_: index for id_, index in found.columns.measurands.items() if id_ in MEASURANDS}
    assert await read(found) == [
        (meter, time_us, {id_: values[id_] for id_ in values if id_ in known}) for meter, time_us, values in expected
    ]


def test_of_several_tables_one_must_be_named(source):
    made = ("CREATE TABLE a (ts, voltage_l1)", "CREATE TABLE b (ts, voltage_l1)")
    with pytest.raises(TransferError, match="--table: a, b"):
        source(*made)


def test_a_table_that_is_not_there_is_told_with_those_that_are(source):
    with pytest.raises(TransferError, match="no table 'sdm630'; there are sdm530"):
        source(ORIGINAL, table="sdm630")


def test_a_file_without_readings_is_told(source):
    with pytest.raises(TransferError, match="no table in it"):
        source("CREATE TABLE a (b)")


def test_a_damaged_file_is_told(tmp_path):
    path = tmp_path / "x.db"
    path.write_bytes(b"SQLite format 3\0" + b"x" * 5000)
    assert is_sqlite(path)
    with pytest.raises(TransferError, match="cannot be read"):
        SqliteSource(path, None, "house", UTC)
