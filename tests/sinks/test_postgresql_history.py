"""What lies in PostgreSQL is read under English ids, whatever its columns are called."""

from contextlib import asynccontextmanager

import pytest

from smartmeter.history import EnergyRow, History
from smartmeter.sinks.postgresql.history import BATCH_READINGS, PostgresqlHistory
from smartmeter.sinks.sink import SinkError
from tests.sinks import oracle
from tests.sinks.beside import BERLIN, COUNTER, IDS, MINUTE_US, SITE, START_US, plain_only, points, reading, store
from tests.sinks.made_up import legacy_table, meter

END_US = START_US + 10**14


@asynccontextmanager
async def history_on(settings, meters=None, language="en"):
    history: History = PostgresqlHistory(settings, meters or [meter("haus", IDS)], language)
    try:
        yield history
    finally:
        await history.close()


def two_hours(name="haus"):
    return [reading(START_US + n * MINUTE_US, 100 + n / 50, 220.0 + n % 7, name) for n in range(1, 121)]


@pytest.fixture(params=["ours", "the original's"])
async def kept(request, postgresql):
    """Two hours of readings, in our table or in the original's with its German columns."""
    language = "en" if request.param == "ours" else "de"
    if language == "de":
        postgresql.run(legacy_table())
    await store(postgresql.settings(), two_hours(), language=language)
    async with history_on(postgresql.settings(), language=language) as history:
        yield history


async def test_energy(kept):
    rows = await kept.energy("haus", [COUNTER, "active_energy_export"], "1h", 0, END_US)
    expected = oracle.energy(points(two_hours()), SITE.limits("haus", COUNTER), "1h", BERLIN)
    assert rows == [
        EnergyRow("haus", COUNTER, start, pytest.approx(energy), 0.0, None, None, pytest.approx(energy))
        for start, (energy, *_) in sorted(expected.items())
    ]
    # Of those that begin in the span.
    assert await kept.energy("haus", [COUNTER], "1h", rows[1].start_us, rows[2].start_us) == [rows[1]]


async def test_rollups(kept):
    columns = ["voltage_l1_mean", f"{COUNTER}_last", "frequency_max"]
    rows = await kept.rollups("haus", columns, "15m", 0, END_US)
    expected = oracle.rollups(two_hours(), "15m", BERLIN)
    assert {row.start_us: (row.n, row.values) for row in rows} == {
        start: (n, pytest.approx({name: row[name] for name in columns if name in row}))
        for start, (n, row) in expected.items()
    }


async def test_means_on_a_grid(kept):
    rows = await kept.means("haus", ["voltage_l1", "frequency"], 10 * MINUTE_US, START_US, END_US)
    assert [(row.start_us - START_US) // MINUTE_US for row in rows] == list(range(0, 121, 10))
    values = [each.values["voltage_l1"] for each in two_hours()[9:19]]
    row = rows[1]
    assert (row.n, row.minima["voltage_l1"], row.maxima["voltage_l1"]) == (10, min(values), max(values))
    assert row.means["voltage_l1"] == pytest.approx(sum(values) / 10)
    assert row.means.get("frequency") is None


async def test_readings_in_batches(postgresql):
    readings = [reading(START_US + n, 100.0, 230.0 + n) for n in range(BATCH_READINGS + 5)]
    await store(postgresql.settings(), readings)
    async with history_on(postgresql.settings()) as history:
        batches = [batch async for batch in history.readings("haus", START_US + 1, START_US + len(readings) - 1)]
    assert [len(batch) for batch in batches] == [BATCH_READINGS, 3]
    found = [(each.time_us, each.values) for batch in batches for each in batch]
    assert found == [(each.time_us, each.values) for each in readings[1:-1]]


@plain_only
async def test_meters_and_their_spans_outlive_their_readings(postgresql):
    meters = [meter("haus", IDS), meter("garage", IDS)]
    await store(postgresql.settings(), two_hours(), two_hours("garage"), meters=meters)
    postgresql.run("DELETE FROM smartmeter WHERE meter = 'garage'")
    async with history_on(postgresql.settings(), meters) as history:
        assert await history.meters() == ["garage", "haus"]
        assert await history.span("haus") == (START_US + MINUTE_US, START_US + 120 * MINUTE_US)
        assert await history.span("garage") == (START_US, START_US + 120 * MINUTE_US)
        assert await history.span("keller") is None


async def test_flags(postgresql):
    readings = two_hours()
    readings[50] = reading(readings[50].time_us, 0.0)
    await store(postgresql.settings(), readings)
    async with history_on(postgresql.settings()) as history:
        (flag,) = await history.flags("haus", 0, 2**62)
    assert (flag.time_us, flag.kind, flag.value, flag.measurand) == (readings[50].time_us, "false_value", 0.0, COUNTER)


async def test_without_roll_ups_it_says_how_they_are_made(postgresql):
    postgresql.run(legacy_table())
    async with history_on(postgresql.settings(), language="de") as history:
        assert await history.span("haus") is None
        with pytest.raises(SinkError, match=r"no roll-ups beside table public.smartmeter; make them: smartmeter db"):
            await history.energy("haus", [COUNTER], "1d", 0, 1)


async def test_without_a_table_or_a_server_it_is_one_line(postgresql):
    async with history_on(postgresql.settings()) as history:
        with pytest.raises(SinkError, match="there is no table 'smartmeter'"):
            await history.meters()
    async with history_on(postgresql.settings(port=1)) as history:
        with pytest.raises(SinkError, match="Connection refused") as caught:
            await history.meters()
    assert "\n" not in str(caught.value)
