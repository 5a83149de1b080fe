"""What an export holds: columns, and rows in batches, in order of time for one meter after the other.

Nothing here is as long as the span: years of readings need no more memory than a day.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Literal
from zoneinfo import ZoneInfo

from smartmeter.energy.counters import COUNTERS
from smartmeter.history.columns import aggregates, rollup_column
from smartmeter.history.model import History
from smartmeter.measurands import Language, Measurand, measurands
from smartmeter.periods import Period, period_start

Cell = str | float | int | None
ColumnType = Literal["time", "text", "count", "number"]

_DAY_US = 86_400_000_000
# What is asked for at once: about a thousand periods.
_CHUNK_US: dict[Period, int] = {"15m": 10 * _DAY_US, "1h": 40 * _DAY_US, "1d": 1000 * _DAY_US}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of an export: times are UTC microseconds since 1970-01-01. `unit` "" where there is none."""

    name: str
    type: ColumnType
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """The readings of a meter from a time on, until before another, in UTC microseconds since 1970-01-01."""

    meter: str
    from_us: int
    until_us: int


@dataclass(frozen=True, slots=True)
class Rows:
    """The next rows; `done` is how much of the export is behind them, from 0 to 1."""

    rows: Sequence[Sequence[Cell]]
    done: float


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table to be written."""

    columns: tuple[Column, ...]
    batches: AsyncIterator[Rows]


def readings_sheet(
    history: History, spans: Sequence[Span], wanted: Sequence[Measurand], language: Language, left_out: set[str]
) -> Sheet:
    """The readings themselves. The ids of values that have no column are put into `left_out`."""
    ids = [measurand.id for measurand in wanted]
    known = frozenset(ids)

    async def rows() -> AsyncIterator[Rows]:
        for span, share in _shares(spans):
            async for readings in history.readings(span.meter, span.from_us, span.until_us):
                found: list[list[Cell]] = []
                for reading in readings:
                    values = reading.values
                    if not known.issuperset(values):
                        left_out.update(values.keys() - known)
                    found.append([reading.time_us, reading.meter, *map(values.get, ids)])
                if readings:
                    yield Rows(found, share.at(readings[-1].time_us))

    values = (Column(measurand.column(language), "number", measurand.unit_symbol) for measurand in wanted)
    return Sheet((Column("time", "time"), Column("meter", "text"), *values), rows())


def rollups_sheet(
    history: History, spans: Sequence[Span], wanted: Sequence[Measurand], language: Language, period: Period
) -> Sheet:
    """Mean, min and max of what fluctuates, first and last of counters, in each quarter-hour, hour or day."""
    each = [(measurand, aggregate) for measurand in wanted for aggregate in aggregates(measurand.kind)]
    keys = [rollup_column(measurand.id, aggregate) for measurand, aggregate in each]

    async def rows() -> AsyncIterator[Rows]:
        for span, share in _shares(spans):
            for from_us, until_us in _chunks(span, period):
                found = await history.rollups(span.meter, keys, period, from_us, until_us)
                yield Rows(
                    [[row.start_us, row.meter, row.n, *map(row.values.get, keys)] for row in found], share.at(until_us)
                )

    head = (Column("time", "time"), Column("meter", "text"), Column("n", "count"))
    values = (
        Column(rollup_column(measurand.column(language), aggregate), "number", measurand.unit_symbol)
        for measurand, aggregate in each
    )
    return Sheet((*head, *values), rows())


# Of differences of floats: what lies beyond is no energy.
_DECIMALS = 9


def energy_sheet(
    history: History, spans: Sequence[Span], wanted: Sequence[Measurand], language: Language, period: Period
) -> Sheet:
    """The energy of each quarter-hour, hour or day by each counter, a row each; see `EnergyRow`."""
    counters = [measurand.id for measurand in wanted if measurand.id in COUNTERS]

    async def rows() -> AsyncIterator[Rows]:
        for span, share in _shares(spans):
            for from_us, until_us in _chunks(span, period):
                found = await history.energy(span.meter, counters, period, from_us, until_us)
                cells: list[list[Cell]] = [
                    [
                        row.start_us,
                        row.meter,
                        measurands()[row.measurand].column(language),
                        measurands()[row.measurand].unit_symbol,
                        round(row.energy, _DECIMALS),
                        round(row.gap_energy, _DECIMALS),
                        row.gap_from_us,
                        None if row.cost is None else round(row.cost, _DECIMALS),
                        round(row.unpriced, _DECIMALS),
                    ]
                    for row in found
                ]
                yield Rows(cells, share.at(until_us))

    columns = (
        Column("time", "time"),
        Column("meter", "text"),
        Column("measurand", "text"),
        Column("unit", "text"),
        Column("energy", "number"),
        Column("gap_energy", "number"),
        Column("gap_from", "time"),
        Column("cost", "number"),
        Column("unpriced", "number"),
    )
    return Sheet(columns, rows())


async def spans_of(
    history: History, meters: Sequence[str], from_us: int | None, until_us: int | None, zone: ZoneInfo
) -> list[Span]:
    """What there is of these meters, no more than from `from_us` until before `until_us`."""
    spans = []
    for meter in meters:
        there = await history.span(meter)
        if there is None:
            continue
        # Periods begin before their first reading, and each lies in one day.
        first_us, end_us = period_start("1d", there[0], zone), there[1] + 1
        begin_us = first_us if from_us is None else max(from_us, first_us)
        end_us = end_us if until_us is None else min(until_us, end_us)
        if begin_us < end_us:
            spans.append(Span(meter, begin_us, end_us))
    return spans


async def kept_measurands(history: History, span: Span) -> set[str]:
    """The ids of what has any value in the roll-ups of the span."""
    ids = {rollup_column(id_, aggregates(measurand.kind)[0]): id_ for id_, measurand in measurands().items()}
    found: set[str] = set()
    for from_us, until_us in _chunks(span, "1d"):
        for row in await history.rollups(span.meter, list(ids), "1d", from_us, until_us):
            found.update(ids[column] for column in row.values)
    return found


@dataclass(frozen=True, slots=True)
class _Share:
    """The part of all spans that lies before this one, and how much one microsecond of it is."""

    before: float
    from_us: int
    per_us: float

    def at(self, time_us: int) -> float:
        return min(1.0, self.before + (time_us - self.from_us) * self.per_us)


def _shares(spans: Sequence[Span]) -> list[tuple[Span, _Share]]:
    whole_us = sum(span.until_us - span.from_us for span in spans)
    shares, before_us = [], 0
    for span in spans:
        shares.append((span, _Share(before_us / whole_us, span.from_us, 1 / whole_us)))
        before_us += span.until_us - span.from_us
    return shares


def _chunks(span: Span, period: Period) -> list[tuple[int, int]]:
    width_us = _CHUNK_US[period]
    return [(at, min(at + width_us, span.until_us)) for at in range(span.from_us, span.until_us, width_us)]
