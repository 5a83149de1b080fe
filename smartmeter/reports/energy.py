"""The energy of a span by meter: rows, totals, cost, the highest quarter-hours, gaps, and what the guard found."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from smartmeter.energy.site import Site
from smartmeter.energy.tariff import EXPORT, IMPORT, base_cost, currency_of
from smartmeter.history.model import EnergyRow, FlagRow, History
from smartmeter.periods import period_end, period_start
from smartmeter.reports.gaps import Gap, gap_over, gaps_in, moments_within
from smartmeter.reports.span import Span, year_before

_QUARTERS_PER_HOUR = 4


@dataclass(frozen=True, slots=True)
class Amount:
    """What a counter counted in a row, in its unit.

    `gap_energy` of it came over a gap that began before the row. `is_part`: a gap reaches into or out of the row, so
    that it may have more or less. `cost` is money, negative where earned, None where no price is known; `unpriced` is
    the energy without a price.
    """

    energy: float
    gap_energy: float
    is_part: bool
    cost: float | None
    unpriced: float


@dataclass(frozen=True, slots=True)
class Row:
    """A row from `start_us` until `end_us`; `amounts` by counter, None where it is not known: in a gap.

    Before the first reading of the meter and after its last one there are no amounts.
    """

    start_us: int
    end_us: int
    amounts: Mapping[str, Amount | None]


@dataclass(frozen=True, slots=True)
class Peak:
    """The quarter-hour with the highest mean power, in kW, of the month or span that begins at `of_us`."""

    measurand: str
    of_us: int
    start_us: int
    power: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Energy by counter of a span until `until_us`, and of as much of the one a year before.

    `since_us`: the readings of the year before begin only then; None if they are there from its start.
    """

    until_us: int
    energy: Mapping[str, float]
    before: Mapping[str, float]
    since_us: int | None


@dataclass(frozen=True, slots=True)
class EnergyReport:
    """The report of one meter. There are rows and totals until `until_us`: the end of the span, or now.

    `totals` by counter. `peaks` holds the highest quarter-hour of each month of a year, else of the whole span.
    `readings` are the times of the meter's first and last reading ever. `base_cost` is the base price of the part of
    the span that is over; `currency` is None without a tariff.
    """

    meter: str
    span: Span
    until_us: int
    measurands: tuple[str, ...]
    rows: Sequence[Row]
    totals: Mapping[str, Amount]
    comparison: Comparison | None
    peaks: Sequence[Peak]
    gaps: Sequence[Gap]
    flags: Sequence[FlagRow]
    readings: tuple[int, int] | None
    currency: str | None
    base_cost: float

    @property
    def counters(self) -> Sequence[str]:
        """Those asked for of which something is known."""
        there = {id_ for row in self.rows for id_ in row.amounts} | self.totals.keys()
        return [id_ for id_ in self.measurands if id_ in there]

    @property
    def balance(self) -> float | None:
        """All that has a price, less what was earned, with the base price; None without a tariff."""
        if self.currency is None:
            return None
        return self.base_cost + sum(total.cost for total in self.totals.values() if total.cost is not None)


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: these counters in this span, as far as it is over at `now_us`."""

    measurands: tuple[str, ...]
    span: Span
    now_us: int


async def energy_report(history: History, site: Site, meter: str, question: Question) -> EnergyReport:
    """The report of this meter from what the store keeps. Raises SmartmeterError."""
    measurands, span = question.measurands, question.span
    until_us = max(span.start_us, min(span.end_us, question.now_us))
    readings = await history.span(meter)
    quarters = await history.energy(meter, measurands, "15m", span.start_us, span.end_us)
    kept = quarters
    if span.kept_period != "15m":
        kept = await history.energy(meter, measurands, span.kept_period, span.start_us, span.end_us)
    found: Sequence[EnergyRow] = []
    gaps: list[Gap] = []
    comparison = None
    if readings is not None:
        # The very first reading may close a period: it is none with energy.
        found = [row for row in kept if period_end(span.kept_period, row.start_us, span.zone) > readings[0]]
        gaps = [*gaps_in(quarters), *await gap_over(history, meter, measurands, span.end_us, readings[1])]
        comparison = await _compare(history, meter, question, quarters, readings)
    return EnergyReport(
        meter=meter,
        span=span,
        until_us=until_us,
        measurands=measurands,
        rows=_rows(span, found, gaps, until_us, readings),
        totals=_totals(found, gaps, span),
        comparison=comparison,
        peaks=_peaks(span, quarters),
        gaps=gaps,
        flags=await history.flags(meter, span.start_us, span.end_us),
        readings=readings,
        currency=currency_of(site.tariffs, meter),
        base_cost=base_cost(site.tariffs, meter, span.start_us, until_us, span.zone),
    )


def _rows(
    span: Span, found: Iterable[EnergyRow], gaps: Sequence[Gap], until_us: int, readings: tuple[int, int] | None
) -> list[Row]:
    parts: dict[tuple[int, str], list[EnergyRow]] = defaultdict(list)
    for row in found:
        parts[period_start(span.row_kind, row.start_us, span.zone), row.measurand].append(row)
    known = sorted({id_ for _, id_ in parts} | {id_ for gap in gaps for id_ in gap.energies})
    spans = span.rows
    within_gap = moments_within(gaps, [*(start_us for start_us, _ in spans), span.end_us])
    rows = []
    for start_us, end_us in spans:
        if start_us >= until_us:
            break
        amounts: dict[str, Amount | None] = {}
        for id_ in known:
            if (start_us, id_) in parts:
                is_part = (id_, start_us) in within_gap or (id_, end_us) in within_gap
                amounts[id_] = _amount(parts[start_us, id_], start_us, is_part=is_part)
            elif readings is not None and readings[0] <= start_us and end_us <= readings[1]:
                amounts[id_] = None
        rows.append(Row(start_us, end_us, amounts))
    return rows


def _totals(found: Iterable[EnergyRow], gaps: Sequence[Gap], span: Span) -> dict[str, Amount]:
    parts = defaultdict(list)
    for row in found:
        parts[row.measurand].append(row)
    within_gap = {id_ for id_, _ in moments_within(gaps, [span.start_us, span.end_us])}
    return {id_: _amount(rows, span.start_us, is_part=id_ in within_gap) for id_, rows in parts.items()}


def _amount(parts: Sequence[EnergyRow], start_us: int, *, is_part: bool) -> Amount:
    costs = [part.cost for part in parts if part.cost is not None]
    return Amount(
        energy=sum(part.energy for part in parts),
        gap_energy=sum(
            part.gap_energy for part in parts if part.gap_from_us is not None and part.gap_from_us < start_us
        ),
        is_part=is_part,
        cost=sum(costs) if costs else None,
        unpriced=sum(part.unpriced for part in parts),
    )


async def _compare(
    history: History, meter: str, question: Question, quarters: Iterable[EnergyRow], readings: tuple[int, int]
) -> Comparison | None:
    """Like with like: to the last whole quarter-hour of which there are readings; None if there is nothing before."""
    span = question.span
    until_us = period_start("15m", min(span.end_us, question.now_us, readings[1]), span.zone)
    start_us, end_us = year_before(span, span.start_us), year_before(span, until_us)
    if until_us <= span.start_us or end_us <= readings[0]:
        return None
    last_day_us = period_start("1d", end_us, span.zone)
    days = await history.energy(meter, question.measurands, "1d", start_us, last_day_us)
    rest = await history.energy(meter, question.measurands, "15m", last_day_us, end_us)
    return Comparison(
        until_us=until_us,
        energy=_sums(row for row in quarters if row.start_us < until_us),
        before=_sums([*days, *rest]),
        since_us=readings[0] if readings[0] > start_us else None,
    )


def _sums(rows: Iterable[EnergyRow]) -> dict[str, float]:
    sums: dict[str, float] = defaultdict(float)
    for row in rows:
        sums[row.measurand] += row.energy
    return dict(sums)


def _peaks(span: Span, quarters: Iterable[EnergyRow]) -> list[Peak]:
    """What came over a gap tells no power."""
    highest: dict[tuple[int, str], EnergyRow] = {}
    for row in quarters:
        if row.gap_from_us is None and row.measurand in (IMPORT, EXPORT) and row.energy > 0:
            of_us = period_start("1mo", row.start_us, span.zone) if span.kind == "year" else span.start_us
            best = highest.get((of_us, row.measurand))
            if best is None or row.energy > best.energy:
                highest[of_us, row.measurand] = row
    return [
        Peak(id_, of_us, row.start_us, row.energy * _QUARTERS_PER_HOUR)
        for (of_us, id_), row in sorted(highest.items(), key=lambda item: (item[0][0], item[0][1] != IMPORT))
    ]
