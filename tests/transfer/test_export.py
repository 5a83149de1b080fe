import asyncio
import csv
import os
import sys
import threading
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartmeter.history.model import RollupRow
from smartmeter.measurands import measurands
from smartmeter.reading import Reading
from smartmeter.transfer import TransferError
from smartmeter.transfer.csv_source import CsvSource
from smartmeter.transfer.export import Request, export
from tests.transfer.made_up import NEW_YEAR_US, MadeUpHistory, reading

BERLIN = ZoneInfo("Europe/Berlin")
HOUR_US = 3_600_000_000


def request(**changes):
    given = {
        "what": "readings",
        "format": "csv",
        "meter": None,
        "since_us": None,
        "until_us": None,
        "wanted": None,
        "expected": (),
        "period": "1h",
        "language": "en",
        "zone": BERLIN,
    }
    return Request(**given | changes)


async def exported(history, path, told=None, **changes):
    return await export(history, request(**changes), path, lambda *args: None if told is None else told.append(args))


async def rows(history, path, **changes):
    await exported(history, path, **changes)
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "out.csv"


TWO = [
    reading(0, {"voltage_l1": 230.1, "current_l1": None}),
    reading(1, {"voltage_l1": 0.1 + 0.2}),
    reading(1, {"current_l1": 0.0}, meter='a "b", c'),
]


async def test_readings_go_out_as_rfc_4180(path):
    await exported(MadeUpHistory(TWO), path)
    assert path.read_bytes() == (
        b"time,meter,voltage_l1,current_l1\r\n"
        b"2024-01-01T00:00:00Z,house,230.1,\r\n"
        b"2024-01-01T00:00:01Z,house,0.30000000000000004,\r\n"
        b'2024-01-01T00:00:01Z,"a ""b"", c",,0.0\r\n'
    )


async def test_columns_are_called_as_the_site_calls_them(path):
    assert (await rows(MadeUpHistory(TWO), path, language="de"))[0] == ["time", "meter", "spannung_l1", "strom_l1"]


async def test_progress_is_told(path):
    told = []
    await exported(MadeUpHistory(TWO, batch=1), path, told)
    assert [written for _, written in told] == [1, 2, 3]
    assert sorted(done for done, _ in told) == [done for done, _ in told]
    assert told[-1][0] == pytest.approx(1)


async def test_meter_span_and_measurands_are_chosen(path):
    readings = [reading(number, {"voltage_l1": float(number), "current_l1": 1.0}) for number in range(10)]
    found = await rows(
        MadeUpHistory([*readings, *TWO[2:]]),
        path,
        meter="house",
        since_us=NEW_YEAR_US + 3_000_000,
        until_us=NEW_YEAR_US + 5_000_000,
        wanted=[measurands()["voltage_l1"]],
    )
    assert found[1:] == [["2024-01-01T00:00:03Z", "house", "3.0"], ["2024-01-01T00:00:04Z", "house", "4.0"]]


async def test_what_has_no_column_is_told(path):
    history = MadeUpHistory(TWO, rollups=[])
    found = await exported(history, path, expected=["voltage_l1"])
    assert (found.rows, found.left_out) == (3, {"current_l1"})


async def test_rollups_have_a_column_for_each_aggregate(path):
    made = [
        RollupRow("house", NEW_YEAR_US, 4, {"voltage_l1_mean": 230.0, "voltage_l1_min": 1.0, "voltage_l1_max": 2.0}),
        RollupRow("house", NEW_YEAR_US + HOUR_US, 5, {"active_energy_import_last": 7.5}),
    ]
    wanted = [measurands()["voltage_l1"], measurands()["active_energy_import"]]
    history = MadeUpHistory(
        [reading(number, {"voltage_l1": 1.0}, step_us=HOUR_US) for number in range(3)], rollups=made
    )
    assert await rows(history, path, what="1h", wanted=wanted) == [
        [
            "time",
            "meter",
            "n",
            "voltage_l1_mean",
            "voltage_l1_min",
            "voltage_l1_max",
            "active_energy_import_first",
            "active_energy_import_last",
        ],
        ["2024-01-01T00:00:00Z", "house", "4", "230.0", "1.0", "2.0", "", ""],
        ["2024-01-01T01:00:00Z", "house", "5", "", "", "", "", "7.5"],
    ]


async def test_energy_says_unit_gaps_and_cost(path):
    made = [("house", "active_energy_import", NEW_YEAR_US, 1.5, 0.5, NEW_YEAR_US - HOUR_US, None, 1.5)]
    history = MadeUpHistory([reading(0, {"active_energy_import": 1.0})], energy=made)
    assert await rows(history, path, what="energy", expected=["active_energy_import"], language="de") == [
        ["time", "meter", "measurand", "unit", "energy", "gap_energy", "gap_from", "cost", "unpriced"],
        [
            "2024-01-01T00:00:00Z",
            "house",
            "import_wh_seit_reset",
            "kWh",
            "1.5",
            "0.5",
            "2023-12-31T23:00:00Z",
            "",
            "1.5",
        ],
    ]


async def test_parquet_holds_the_same_with_types_and_units(path, monkeypatch):
    monkeypatch.setattr("smartmeter.transfer.parquet_file.GROUP_ROWS", 2)
    await exported(MadeUpHistory(TWO), path, format="parquet")
    file = pq.ParquetFile(path)
    assert file.num_row_groups == 2
    table = file.read()
    assert [f"{row:%FT%T}" for row in table["time"].to_pylist()] == ["2024-01-01T00:00:00"] + 2 * [
        "2024-01-01T00:00:01"
    ]
    assert table["meter"].to_pylist() == ["house", "house", 'a "b", c']
    assert table["voltage_l1"].to_pylist() == [230.1, 0.1 + 0.2, None]
    assert table.schema.field("voltage_l1").metadata[b"unit"] == b"V"
    assert str(table.schema.field("time").type) == "timestamp[us, tz=UTC]"


async def test_an_interrupted_export_leaves_what_was_there(path):
    path.write_text("before")
    history = MadeUpHistory(TWO, batch=1)
    history.fails_after = 1
    with pytest.raises(KeyboardInterrupt):
        await exported(history, path)
    assert path.read_text() == "before"
    assert list(path.parent.iterdir()) == [path]


async def test_a_link_stays_one(path, tmp_path):
    (tmp_path / "real.csv").write_text("before")
    path.symlink_to("real.csv")
    await exported(MadeUpHistory(TWO), path)
    assert path.is_symlink()
    assert (tmp_path / "real.csv").read_text().startswith("time,")


def test_a_pipe_is_written_to(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    asyncio.run(exported(MadeUpHistory(TWO), pipe))
    reader.join()
    assert read[0].count("\n") == 4


async def test_what_cannot_be_written_is_told(tmp_path):
    with pytest.raises(TransferError, match="cannot be written: No such file"):
        await exported(MadeUpHistory(TWO), tmp_path / "no" / "out.csv")


async def test_no_readings_and_no_such_meter_are_told(path):
    with pytest.raises(TransferError, match="no readings in this span"):
        await exported(MadeUpHistory(TWO), path, until_us=NEW_YEAR_US - 100 * HOUR_US)
    with pytest.raises(TransferError, match="no meter 'hose'; did you mean house"):
        await exported(MadeUpHistory(TWO), path, meter="hose")
    assert not path.exists()


async def test_without_pyarrow_the_way_to_it_is_told(path, monkeypatch):
    monkeypatch.delitem(sys.modules, "smartmeter.transfer.parquet_file", raising=False)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(TransferError, match=r"make extras or pip install 'smartmeter\[parquet\]'") as raised:
        await exported(MadeUpHistory(TWO), path, format="parquet")
    assert "\n" not in str(raised.value)


IDS = sorted(measurands())
NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=8) | st.sampled_from(
    ['a "b"', "a,b", "a;b", "'", '"', "ä|ö", "=1+1"]
)
VALUES = st.dictionaries(st.sampled_from(IDS), st.floats(allow_nan=False, allow_infinity=False) | st.none(), max_size=5)
# Years 1973 to 2100, microseconds included.
TIMES = st.integers(100_000_000_000_000, 4_102_444_800_000_000)


@given(
    st.lists(st.tuples(NAMES, TIMES, VALUES), min_size=1, max_size=8),
    st.sampled_from(["en", "de"]),
    st.sampled_from(["Europe/Berlin", "Asia/Kathmandu", "America/St_Johns"]),
)
def test_what_went_out_comes_back(tmp_path_factory, made, language, zone):
    path = tmp_path_factory.mktemp("trip") / "out.csv"
    readings = [Reading(meter, time_us, "boot", 0, values) for meter, time_us, values in made]

    async def there_and_back():
        await exported(MadeUpHistory(readings), path, expected=IDS, language=language, zone=ZoneInfo(zone))
        source = CsvSource(path, "", ZoneInfo(zone))
        return [batch async for batch in source.batches(None)]

    batches = asyncio.run(there_and_back())
    assert [each for batch in batches for each in batch.unreadable] == []

    def plain(each):
        return each.meter, each.time_us, sorted((id_, value) for id_, value in each.values.items() if value is not None)

    back = [plain(each) for batch in batches for each in batch.readings]
    assert sorted(back) == sorted(plain(each) for each in readings if any(v is not None for v in each.values.values()))
