"""The energy of a span by meter: rows, totals, cost, the highest quarter-hour, gaps, and what the guard found."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from smartmeter.energy.site import Site
from smartmeter.energy.tariff import EXPORT, IMPORT, base_cost, currency_of
from smartmeter.history.model import EnergyRow, FlagRow, History
from smartmeter.periods import QUARTER_US, Period, local_time, period_end, period_start
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
    """A row from `start_us` until `end_us`; `amounts` by counter, None where it lies wholly in a gap.

    A counter that had no reading yet, or has none any more, is not in it.
    """

    start_us: int
    end_us: int
    amounts: Mapping[str, Amount | None]


@dataclass(frozen=True, slots=True)
class Gap:
    """A time in which a counter was not read: what it counted is known, not when."""

    measurand: str
    from_us: int
    until_us: int
    energy: float


@dataclass(frozen=True, slots=True)
class Peak:
    """The quarter-hour with the highest mean power, in kW (or kvar, kVA)."""

    measurand: str
    start_us: int
    power: float


@dataclass(frozen=True, slots=True)
class EnergyReport:
    """The report of one meter. `totals` by counter; `before` likewise a year earlier, as long as this span is yet.

    `base_cost` is the base price of the part of the span that is over. `peaks` holds the highest quarter-hour of each
    row of a year, else of the whole span.
    """

    meter: str
    span: Span
    measurands: tuple[str, ...]
    rows: Sequence[Row]
    totals: Mapping[str, Amount]
    before: Mapping[str, float]
    peaks: Sequence[Peak]
    gaps: Sequence[Gap]
    flags: Sequence[FlagRow]
    currency: str | None
    base_cost: float

    @property
    def cost(self) -> float | None:
        """All that has a price, with the base price; None without a tariff."""
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
    measurands, span, now_us = question.measurands, question.span, question.now_us
    period: Period = "1h" if span.kind == "day" else "1d"
    ends = await history.span(meter)
    until_us = min(span.end_us, now_us)
    # A gap that ends after the span began in it: its end is looked for as far as there are readings.
    last_us = span.end_us if ends is None else max(span.end_us, ends[1] + QUARTER_US)
    found = [
        row
        for row in await history.energy(meter, measurands, period, span.start_us, span.end_us)
        # The very first reading may close a period: it is none with energy.
        if ends is not None and period_end(period, row.start_us, span.zone) > ends[0]
    ]
    quarters = await history.energy(meter, measurands, "15m", span.start_us, span.end_us)
    gaps = [*_gaps(quarters), *await _gap_after(history, meter, measurands, span, last_us)]
    earlier = year_before(span)
    # As much of it as is over of this one: hours, or in a year days.
    before_us = min(earlier.end_us, earlier.start_us + until_us - span.start_us)
    before_period: Period = "1d" if span.kind == "year" else "1h"
    before = await history.energy(meter, measurands, before_period, earlier.start_us, before_us)
    return EnergyReport(
        meter=meter,
        span=span,
        measurands=measurands,
        rows=_rows(span, found, gaps, until_us),
        totals=_totals(found, gaps, span),
        before=_sums(before),
        peaks=_peaks(span, quarters),
        gaps=sorted(gaps, key=lambda gap: (gap.from_us, gap.measurand)),
        flags=await history.flags(meter, span.start_us, span.end_us),
        currency=currency_of(site.tariffs, meter),
        base_cost=base_cost(site.tariffs, meter, span.start_us, max(span.start_us, until_us), span.zone),
    )


def _rows(span: Span, found: Iterable[EnergyRow], gaps: Sequence[Gap], until_us: int) -> list[Row]:
    by_row: dict[int, dict[str, list[EnergyRow]]] = defaultdict(lambda: defaultdict(list))
    for row in found:
        by_row[period_start(span.row_kind, row.start_us, span.zone)][row.measurand].append(row)
    rows = []
    for start_us, end_us in span.rows:
        if start_us >= until_us:
            break
        amounts: dict[str, Amount | None] = {
            id_: _amount(parts, gaps, start_us, end_us) for id_, parts in by_row[start_us].items()
        }
        for gap in gaps:
            if gap.measurand not in amounts and gap.from_us <= start_us and end_us <= gap.until_us:
                amounts[gap.measurand] = None
        rows.append(Row(start_us, end_us, amounts))
    return rows


def _amount(parts: Sequence[EnergyRow], gaps: Sequence[Gap], start_us: int, end_us: int) -> Amount:
    id_ = parts[0].measurand
    costs = [part.cost for part in parts if part.cost is not None]
    return Amount(
        energy=sum(part.energy for part in parts),
        gap_energy=sum(
            part.gap_energy for part in parts if part.gap_from_us is not None and part.gap_from_us < start_us
        ),
        is_part=any(
            gap.measurand == id_ and (gap.from_us < start_us < gap.until_us or gap.from_us < end_us < gap.until_us)
            for gap in gaps
        ),
        cost=sum(costs) if costs else None,
        unpriced=sum(part.unpriced for part in parts),
    )


def _totals(found: Iterable[EnergyRow], gaps: Sequence[Gap], span: Span) -> dict[str, Amount]:
    by_measurand = defaultdict(list)
    for row in found:
        by_measurand[row.measurand].append(row)
    return {id_: _amount(parts, gaps, span.start_us, span.end_us) for id_, parts in by_measurand.items()}


def _sums(rows: Iterable[EnergyRow]) -> dict[str, float]:
    sums: dict[str, float] = defaultdict(float)
    for row in rows:
        sums[row.measurand] += row.energy
    return dict(sums)


def _gaps(quarters: Iterable[EnergyRow]) -> list[Gap]:
    """Those that end in one of these quarter-hours."""
    return [
        Gap(row.measurand, row.gap_from_us, row.start_us + QUARTER_US, row.gap_energy)
        for row in quarters
        if row.gap_from_us is not None
    ]


async def _gap_after(history: History, meter: str, measurands: Sequence[str], span: Span, last_us: int) -> list[Gap]:
    """The gap of each counter that begins in the span and ends after it, if there is one."""
    for from_us in (span.end_us, *(range(span.end_us, last_us, _SEARCH_US) if last_us > span.end_us else ())):
        rows = await history.energy(meter, measurands, "15m", from_us, min(from_us + _SEARCH_US, last_us))
        if rows:
            first: dict[str, EnergyRow] = {}
            for row in rows:
                first.setdefault(row.measurand, row)
            return [gap for gap in _gaps(first.values()) if gap.from_us < span.end_us]
    return []


_SEARCH_US = 7 * 86_400_000_000


def _peaks(span: Span, quarters: Iterable[EnergyRow]) -> list[Peak]:
    """What came over a gap tells no power."""
    highest: dict[tuple[str, int], EnergyRow] = {}
    for row in quarters:
        if row.gap_from_us is None and row.measurand in (IMPORT, EXPORT) and row.energy > 0:
            part_us = period_start("1mo", row.start_us, span.zone) if span.kind == "year" else span.start_us
            best = highest.get((row.measurand, part_us))
            if best is None or row.energy > best.energy:
                highest[row.measurand, part_us] = row
    return [
        Peak(row.measurand, row.start_us, row.energy * _QUARTERS_PER_HOUR)
        for _, row in sorted(highest.items(), key=lambda item: (item[0][1], item[0][0] != IMPORT))
    ]


def hour_name(start_us: int, span: Span) -> str:
    """The hour as people write it; the one that comes twice in autumn as A and B, as the energy business does."""
    local = local_time(start_us, span.zone)
    twin = local_time(start_us + _HOUR_US, span.zone)
    if local.fold:
        return f"{local:%H:%M} B"
    return f"{local:%H:%M} A" if twin.fold and twin.hour == local.hour else f"{local:%H:%M}"


_HOUR_US = 3_600_000_000
