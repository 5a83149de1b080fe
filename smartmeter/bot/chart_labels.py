"""What is written in a chart: the labels of its axes, its span, and what its line and bars are."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from smartmeter.bot.chart_values import Bars, Curve
from smartmeter.measurands import Language
from smartmeter.periods import QUARTER_US, Calendar, Period, local_time, periods_between
from smartmeter.reports.words import clock, day, month, number
from smartmeter.settings.durations import UNITS_US

_SECOND_US, _MINUTE_US, _HOUR_US, _DAY_US = (UNITS_US[unit] for unit in ("s", "m", "h", "d"))
_PERIODS: Mapping[int, Period] = {QUARTER_US: "15m", _HOUR_US: "1h", _DAY_US: "1d"}

_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "15m": ("per 15 min", "je 15 min"),
    "1h": ("per hour", "je Stunde"),
    "1d": ("per day", "je Tag"),
    "seconds": ("per {seconds} s", "je {seconds} s"),
    "curve": ("means {per} \N{MIDDLE DOT} band: min to max", "Mittel {per} \N{MIDDLE DOT} Band: Min bis Max"),
}

# Spans up to so long have times of day alone; up to so long those and days; longer ones days, weeks or months.
_CLOCKS_ALONE_US = 36 * _HOUR_US
_CLOCKS_US = 84 * _HOUR_US
_CLOCK_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 180, 240, 360, 720)
_LABELS = 9


@dataclass(frozen=True, slots=True)
class TimeAxis:
    """Labels with their places, and where the grid has lines; times in microseconds."""

    labels: Sequence[tuple[float, str]]
    lines_us: Sequence[int]


def value_labels(ticks: Sequence[float], language: Language) -> list[str]:
    """The values of these (evenly spaced) ticks with as many decimals as tell them apart."""
    step = min((after - before for before, after in pairwise(ticks)), default=1.0)
    exact = (decimals for decimals in range(9) if abs(round(step, decimals) - step) < step / 1000)
    decimals = next(exact, 9)
    return [number(tick, decimals, language) for tick in ticks]


def curve_note(curve: Curve, language: Language) -> str:
    """What the line and the band are; nothing where each stretch has one value only, as there is no band."""
    if all(stretch.minimum == stretch.maximum for stretch in curve.stretches):
        return ""
    period = _PERIODS.get(curve.width_us, "seconds")
    return _say("curve", language, per=_say(period, language, seconds=f"{curve.width_us // _SECOND_US}"))


def bars_unit(bars: Bars, unit: str, language: Language) -> str:
    """What the heights of the bars are: the unit, and how long a bar is."""
    return f"{unit} {_say(bars.period, language)}"


def _say(key: str, language: Language, **values: str) -> str:
    english, german = _WORDS[key]
    return (english if language == "en" else german).format(**values)


def span_text(from_us: int, until_us: int, zone: ZoneInfo, language: Language) -> str:
    """From when until when, by local clocks."""
    first, last = local_time(from_us, zone), local_time(until_us, zone)
    begin = f"{day(first, language)} {clock(first)} \N{EN DASH} "
    return begin + (clock(last) if first.date() == last.date() else f"{day(last, language)} {clock(last)}")


def time_axis(from_us: int, until_us: int, zone: ZoneInfo, language: Language) -> TimeAxis:
    """Local times for up to a day and a half; then also days, then days, weeks or months alone, in their middles."""
    length_us = until_us - from_us
    if length_us > _CLOCKS_US:
        return _day_axis(from_us, until_us, zone, language)
    step = next(step for step in _CLOCK_STEPS if length_us <= _LABELS * step * _MINUTE_US)
    labels: list[tuple[float, str]] = []
    for time_us in _on_clock(from_us, until_us, step, zone):
        local = local_time(time_us, zone)
        is_day = length_us > _CLOCKS_ALONE_US and not local.hour and not local.minute
        labels.append((time_us, _short_day(local, language) if is_day else clock(local)))
    return TimeAxis(labels, [int(place) for place, _ in labels])


def _on_clock(from_us: int, until_us: int, step: int, zone: ZoneInfo) -> Iterator[int]:
    """The moments at which local clocks show a multiple of so many minutes."""
    # Every zone in use is a whole number of quarter-hours away from UTC.
    pace_us = math.gcd(step, 15) * _MINUTE_US
    for time_us in range(-(-from_us // pace_us) * pace_us, until_us + 1, pace_us):
        local = local_time(time_us, zone)
        if (60 * local.hour + local.minute) % step == 0:
            yield time_us


def _day_axis(from_us: int, until_us: int, zone: ZoneInfo, language: Language) -> TimeAxis:
    days = list(periods_between("1d", from_us, until_us, zone))
    every: Calendar = "1d" if len(days) <= 3 * _LABELS else "1w" if len(days) <= 7 * _LABELS else "1mo"
    if every == "1w":
        # Its Monday is what stands there.
        spans = [span for span in days if local_time(span[0], zone).weekday() == 0]
    else:
        spans = list(periods_between(every, from_us, until_us, zone))
    labelled = [span for span in spans if _is_mostly(span, from_us, until_us)]
    stride = -(-len(labelled) // _LABELS) or 1
    labelled = labelled[::stride]
    return TimeAxis(
        [
            ((start_us + end_us) / 2, _named(every, local_time(start_us, zone), language))
            for start_us, end_us in labelled
        ],
        [start_us for start_us, _ in (spans if stride == 1 else labelled) if start_us > from_us],
    )


def _is_mostly(span: tuple[int, int], from_us: int, until_us: int) -> bool:
    """Whether the middle of the span lies within, with room for its label."""
    start_us, end_us = span
    return from_us + (end_us - start_us) / 4 <= (start_us + end_us) / 2 <= until_us - (end_us - start_us) / 4


def _named(every: Calendar, local: datetime, language: Language) -> str:
    return f"{month(local, language)[:3]}\n{local.year}" if every == "1mo" else _short_day(local, language)


def _short_day(local: datetime, language: Language) -> str:
    """Weekday and, in a line below, the date without the year."""
    weekday = day(local, language).partition(" ")[0]
    if language == "de":
        return f"{weekday}\n{local:%d.%m.}"
    return f"{weekday}\n{local.day} {month(local, language)[:3]}"
