"""What a chart shows, read from the history: as fine as its span lets it be."""

import math
import statistics
import time
from collections.abc import Sequence
from itertools import groupby, pairwise
from zoneinfo import ZoneInfo

from smartmeter.bot.chart import ChartOrder
from smartmeter.bot.chart_values import Bar, Bars, Curve, Stretch, extremes_and_mean
from smartmeter.history.columns import rollup_column
from smartmeter.history.model import History
from smartmeter.periods import QUARTER_US, Period, period_end, period_start
from smartmeter.settings.durations import UNITS_US

_SECOND_US, _HOUR_US, _DAY_US = UNITS_US["s"], UNITS_US["h"], UNITS_US["d"]

# Curves of spans up to so long are made of this.
_FROM_READINGS_US = 6 * _HOUR_US
_FROM_QUARTERS_US = 15 * _DAY_US
_FROM_HOURS_US = 92 * _DAY_US
# Those of readings have so many points at most, each of a stretch of one of these widths.
_POINTS = 1000
_FINE_WIDTHS_US = tuple(seconds * _SECOND_US for seconds in (1, 2, 5, 10, 15, 20, 30))
# A hole in a fine line is longer than so many of its steps.
_STEPS_BRIDGED = 3
# Of fewer distances between points nothing can be said of how often a value is read.
_TELLING_DISTANCES = 8
_BARS_OF_QUARTERS_US = 12 * _HOUR_US
_BARS_OF_HOURS_US = 4 * _DAY_US
# Roll-ups lag by a minute: a bar that has ended since may not have everything yet.
_LAG_US = 90 * _SECOND_US

_Span = tuple[int, int]


async def curve_of(history: History, order: ChartOrder) -> Curve:
    """The values of a measurand that is no counter: of readings, quarter-hours, hours or days, by the span's length.

    Raises SmartmeterError if the store cannot be read.
    """
    span, length_us = (order.from_us, order.until_us), order.until_us - order.from_us
    if length_us <= _FROM_READINGS_US:
        width_us = next(width_us for width_us in _FINE_WIDTHS_US if length_us <= _POINTS * width_us)
        stretches = await _of_readings(history, order, width_us, span)
        return Curve(stretches, width_us, _STEPS_BRIDGED * _usual_distance_us(stretches, width_us) - width_us)
    if length_us <= _FROM_QUARTERS_US:
        width_us, stretches = QUARTER_US, await _of_quarters(history, order, span)
    elif length_us <= _FROM_HOURS_US:
        width_us, stretches = _HOUR_US, await _of_longer(history, order, "1h", span)
    else:
        width_us, stretches = _DAY_US, await _of_longer(history, order, "1d", span)
    return Curve(stretches, width_us, _usual_distance_us(stretches, width_us) - width_us)


async def _of_readings(history: History, order: ChartOrder, width_us: int, span: _Span) -> list[Stretch]:
    """Of a grid of this width, those at the ends as far as they lie in the span."""
    from_us, until_us = span
    if from_us >= until_us:
        return []
    id_ = order.measurand
    return [
        Stretch(
            max(row.start_us, from_us),
            min(row.start_us + width_us, until_us),
            row.n,
            row.means[id_],
            row.minima[id_],
            row.maxima[id_],
        )
        for row in await history.means(order.meter, [id_], width_us, from_us, until_us)
        if math.isfinite(row.means.get(id_, math.nan))
    ]


async def _of_quarters(history: History, order: ChartOrder, span: _Span) -> list[Stretch]:
    """Quarter-hours from their roll-ups; those that the span cuts, and the newest, from readings."""
    from_us, until_us = span
    whole_us = min(until_us, -(-from_us // QUARTER_US) * QUARTER_US)
    kept = await _of_rollups(history, order, "15m", (whole_us, until_us))
    if kept and kept[-1].end_us > until_us:
        kept.pop()
    # The last one that was rolled up may have had more readings since.
    fresh_us = kept[-1].start_us if kept else whole_us
    first = await _of_readings(history, order, QUARTER_US, (from_us, whole_us))
    by_start = {stretch.start_us: stretch for stretch in (*first, *kept)}
    for stretch in await _of_readings(history, order, QUARTER_US, (fresh_us, until_us)):
        before = by_start.get(stretch.start_us)
        # Of an old one readings may have expired.
        if before is None or stretch.n >= before.n:
            by_start[stretch.start_us] = stretch
    return list(by_start.values())


async def _of_longer(history: History, order: ChartOrder, period: Period, span: _Span) -> list[Stretch]:
    """Hours or days from their roll-ups; those that the span cuts, and the newest, from quarter-hours."""
    (from_us, until_us), zone = span, ZoneInfo(order.zone)
    start_us = period_start(period, from_us, zone)
    whole_us = from_us if start_us == from_us else min(until_us, period_end(period, start_us, zone))
    kept = await _of_rollups(history, order, period, (whole_us, until_us))
    fresh_us = kept.pop().start_us if kept else whole_us
    return [
        *await _of_quarters_together(history, order, period, (from_us, whole_us)),
        *kept,
        *await _of_quarters_together(history, order, period, (fresh_us, until_us)),
    ]


async def _of_rollups(history: History, order: ChartOrder, period: Period, span: _Span) -> list[Stretch]:
    mean, low, high = (rollup_column(order.measurand, aggregate) for aggregate in ("mean", "min", "max"))
    zone = ZoneInfo(order.zone)
    return [
        Stretch(
            row.start_us,
            period_end(period, row.start_us, zone),
            row.n,
            row.values[mean],
            row.values[low],
            row.values[high],
        )
        for row in await history.rollups(order.meter, [mean, low, high], period, *span)
        if math.isfinite(row.values.get(mean, math.nan))
    ]


async def _of_quarters_together(history: History, order: ChartOrder, period: Period, span: _Span) -> list[Stretch]:
    """Hours or days of quarter-hours, those at the ends as far as they lie in the span."""
    (from_us, until_us), zone = span, ZoneInfo(order.zone)
    together = []
    quarters = await _of_quarters(history, order, span)
    for start_us, group in groupby(quarters, lambda quarter: period_start(period, quarter.start_us, zone)):
        parts = list(group)
        low, mean, high = extremes_and_mean(parts)
        ends_us = max(start_us, from_us), min(period_end(period, start_us, zone), until_us)
        together.append(Stretch(*ends_us, sum(part.n for part in parts), mean, low, high))
    return together


def _usual_distance_us(stretches: Sequence[Stretch], width_us: int) -> int:
    """How far apart stretches begin that follow each other: more than their width where values are read seldom."""
    distances = [after.start_us - before.start_us for before, after in pairwise(stretches)]
    return max(width_us, statistics.median_low(distances)) if len(distances) >= _TELLING_DISTANCES else width_us


async def bars_of(history: History, order: ChartOrder) -> Bars:
    """The energy by a counter in the quarter-hours, hours or days that have something in common with the span.

    Raises SmartmeterError if the store cannot be read.
    """
    length_us, zone = order.until_us - order.from_us, ZoneInfo(order.zone)
    period: Period = "15m" if length_us <= _BARS_OF_QUARTERS_US else "1h" if length_us <= _BARS_OF_HOURS_US else "1d"
    start_us = period_start(period, order.from_us, zone)
    rows = await history.energy(order.meter, [order.measurand], period, start_us, order.until_us)
    readings = await history.span(order.meter)
    if readings is None:
        return Bars((), period)
    first_us, last_us = readings
    known = range(max(order.from_us, first_us), min(order.until_us, last_us, time.time_ns() // 1000 - _LAG_US) + 1)
    gaps_us = [row.gap_from_us for row in rows if row.gap_from_us is not None]
    bars = []
    for row in rows:
        end_us = period_end(period, row.start_us, zone)
        # The very first reading may close a period: it is none with energy.
        if end_us <= first_us:
            continue
        is_cut = any(row.start_us < gap_us < end_us for gap_us in gaps_us)
        whole = row.start_us in known and end_us in known and not is_cut and row.gap_from_us is None
        bars.append(Bar(row.start_us, end_us, row.energy, row.gap_energy, whole))
    return Bars(bars, period)
