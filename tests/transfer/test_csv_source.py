import codecs
from zoneinfo import ZoneInfo

import pytest

from smartmeter.transfer import TransferError
from smartmeter.transfer.csv_source import CsvSource

BERLIN = ZoneInfo("Europe/Berlin")
NEW_YEAR_US = 1_704_067_200_000_000


@pytest.fixture
def source(tmp_path):
    """A source on a file with this content."""

    def make(content, meter="house", zone=BERLIN):
        path = tmp_path / "readings.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return CsvSource(path, meter, zone)

    return make


async def everything(source, position=None):
    return [batch async for batch in source.batches(position)]


async def read(source, position=None):
    return [
        (reading.meter, reading.time_us - NEW_YEAR_US, dict(reading.values))
        for batch in await everything(source, position)
        for reading in batch.readings
    ]


async def unreadable(source):
    return [(each.where, each.why) for batch in await everything(source) for each in batch.unreadable]


@pytest.mark.parametrize(
    "content",
    [
        "ts,spannung_l1,strom_l1\n2024-01-01 00:00:00+00,230.1,\n2024-01-01 00:00:01+00,,0\n",
        "TS,Spannung_L1,Strom_L1\r\n2024-01-01T00:00:00Z,230.1,NULL\r\n2024-01-01T00:00:01Z,\\N,0.0\r\n",
        "Zeit;Spannung_L1;Strom_L1\n01.01.2024 01:00:00;230,1;\n01.01.2024 01:00:01;;0\n",
        "sep=;\nZeit;Spannung_L1;Strom_L1\n01.01.2024 01:00:00;230,1;\n01.01.2024 01:00:01;;0\n",
        "time\tvoltage_l1\tcurrent_l1\n1704067200\t230.1\tNaN\n1704067201\tNaN\t0\n",
        'time,"voltage_l1","current_l1"\n"2024-01-01 01:00:00","230,1",""\n2024-01-01 01:00:01,,"0,0"\n',
        codecs.BOM_UTF8 + b"time,voltage_l1,current_l1\n1704067200,230.1,\n1704067201,,0\n",
        "Zeit;Spannung_L1;Strom_L1;gemäß\n1704067200;230,1;;\n1704067201;;0;\n".encode("cp1252"),
    ],
)
async def test_reads_what_the_world_writes(source, content):
    assert await read(source(content)) == [
        ("house", 0, {"voltage_l1": 230.1}),
        ("house", 1_000_000, {"current_l1": 0.0}),
    ]


async def test_a_column_for_the_meter_wins(source):
    content = 'ts,meter,voltage_l1\n1704067200,"garage ""2"", left",1\n1704067200,,2\n'
    assert [meter for meter, _, _ in await read(source(content))] == ['garage "2", left', "house"]


async def test_a_row_without_values_is_no_reading(source):
    (batch,) = await everything(source("ts,voltage_l1\n1704067200,\n\n1704067201,inf\n1704067202,1e999\n"))
    assert (batch.rows, batch.readings, batch.unreadable) == (4, [], [])


async def test_rows_that_cannot_be_read_are_named_and_the_rest_goes_in(source):
    content = "ts,voltage_l1\n1704067200,1\n17,1\n1704067201,x\n1704067202\n1704067203,5,5\n1704067204,6\n"
    assert await unreadable(source(content)) == [
        ("line 3", "'17' is no time"),
        ("line 4", "column voltage_l1: 'x' is no number"),
        ("line 5", "1 columns where 2 are named"),
        ("line 6", "3 columns where 2 are named"),
    ]
    assert len(await read(source(content))) == 2


async def test_a_quotation_mark_too_few_costs_its_own_row_only(source):
    content = 'ts,meter,voltage_l1\n1704067200,"a,1\n1704067201,b,2\n1704067202,c,3\n'
    found = source(content)
    assert [meter for meter, _, _ in await read(found)] == ["b", "c"]
    assert [where for where, _ in await unreadable(found)] == ["line 2"]


async def test_bytes_that_are_no_text_cost_their_own_row_only(source):
    content = b"ts,voltage_l1\n1704067200,1\n\0\xff\xfe\0,\0\n1704067202,3\n"
    assert len(await read(source(content))) == 2


async def test_goes_on_after_each_batch_as_if_it_had_not_stopped(source, monkeypatch):
    monkeypatch.setattr("smartmeter.transfer.csv_source.BATCH_BYTES", 40)
    times = [f"27.10.2024 02:{minute:02}:00" for minute in (*range(0, 60, 7), *range(0, 60, 7))]
    content = "ts;voltage_l1\n" + "".join(f"{time};{index},5\n" for index, time in enumerate(times))
    found = source(content)
    batches = await everything(found)
    assert len(batches) > 5
    whole = await read(found)
    assert [time_us for _, time_us, _ in whole] == sorted({time_us for _, time_us, _ in whole})
    seen = 0
    for batch in batches:
        seen += len(batch.readings)
        assert await read(found, batch.position) == whole[seen:]


async def test_what_is_appended_comes_next(source):
    head = "ts,voltage_l1\n1704067200,1\n"
    first = source(head + "1704067201,2")
    position = (await everything(first))[-1].position
    longer = source(head + "1704067201,23\n1704067202,3\n")
    assert longer.key == first.key
    assert [values for _, _, values in await read(longer, position)] == [{"voltage_l1": 23.0}, {"voltage_l1": 3.0}]


async def test_a_file_that_is_shorter_than_it_was_is_read_from_the_start(source):
    content = "ts,voltage_l1\n1704067200,1\n"
    position = (await everything(source(content + "1704067201,2\n")))[-1].position
    assert len(await read(source(content), position)) == 1


async def test_another_file_of_the_same_name_is_another(source):
    assert source("ts,voltage_l1\n1704067200,1\n").key != source("ts,voltage_l1\n1704067300,1\n").key


async def test_the_outline_tells_first_last_and_how_many(source):
    outline = await source("ts,voltage_l1\n1704067200,1\n1704067201,2\n1704067202,3").outline()
    assert (outline.first, outline.last, outline.rows) == ("1704067200", "1704067202", "3 rows")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "the first line must name the columns"),
        ("2024-01-01,230\n", "no column is called ts"),
        ("ts,comment\n", "no column is called like a measurand"),
        ("ts,voltage_l1\n".encode("utf-16"), "UTF-16"),
        (b"PAR1\0\0", "Parquet"),
    ],
)
def test_what_is_no_table_of_readings_is_refused_in_a_line(source, content, told):
    with pytest.raises(TransferError, match=told) as raised:
        source(content)
    assert "\n" not in str(raised.value)


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(TransferError, match="No such file"):
        CsvSource(tmp_path / "none.csv", "house", BERLIN)
