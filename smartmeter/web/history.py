"""Curves of measurands over a span, from the readings or from the roll-ups that fit the span."""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median_low
from typing import Final, Literal

from smartmeter.history.columns import aggregates, rollup_column
from smartmeter.history.model import History
from smartmeter.house import House
from smartmeter.measurands import Kind, measurands
from smartmeter.periods import PERIODS, Period
from smartmeter.reports.amounts import DECIMALS
from smartmeter.settings.durations import SECOND_US, UNITS_US
from smartmeter.settings.model import MeterSettings
from smartmeter.settings.words import suggestion
from smartmeter.web.moments import iso, parse_iso
from smartmeter.web.numbers import finite
from smartmeter.web.parameters import Parameters, meter_of
from smartmeter.web.problems import bad_request

KNOWN: Final = ("meter", "measurand", "from", "until", "points", "format")
MOST_MEASURANDS: Final = 20
POINTS: Final = 800
FEWEST_POINTS: Final = 10
MOST_POINTS: Final = 5000
# Points times measurands: what one answer may weigh.
MOST_VALUES: Final = 20_000
# Up to here readings are looked at one by one: 26,000 rows at one every five seconds.
READINGS_US: Final = 36 * UNITS_US["h"]
MOST_READINGS: Final = 100_000
_MORE_DIGITS: Final = 2
# From so many distances one can tell what is usual; where only that tells, one or two may be missing without a gap.
_ENOUGH_TO_TELL: Final = 8
_MISSED: Final = 3
# Days have 23 to 25 hours.
_WIDTHS_US: Final[Mapping[Period, int]] = {"15m": UNITS_US["m"] * 15, "1h": UNITS_US["h"], "1d": UNITS_US["d"]}
_LONGEST_US: Final[Mapping[Period, int]] = {**_WIDTHS_US, "1d": 25 * UNITS_US["h"]}

Source = Literal["readings", "15m", "1h", "1d"]


@dataclass(frozen=True, slots=True)
class Wish:
    """What to show: measurands (ids) of a meter in a span, in about so many points.

    `intervals_us` is how often each measurand is read, `round_us` how often the meter is.
    """

    meter: str
    ids: tuple[str, ...]
    from_us: int
    until_us: int
    points: int
    intervals_us: tuple[int, ...]
    round_us: int


@dataclass(frozen=True, slots=True)
class Curve:
    """A value for each step: None where nothing was read. Of counters `mean` is the last value of the step."""

    mean: Sequence[float | None]
    low: Sequence[float | None] | None
    high: Sequence[float | None] | None


@dataclass(frozen=True, slots=True)
class Curves:
    """Curves by measurand over the same steps; `times_us` are their starts, rising.

    No two starts are further apart than `longest_us`, unless a step without values stands between.
    """

    source: Source
    step_us: int
    longest_us: int
    times_us: Sequence[int]
    by_id: Mapping[str, Curve]


def wish_of(house: House, parameters: Parameters) -> Wish:
    """What the request asks for. Raises ProblemError."""
    meter = meter_of(house, parameters.one("meter"))
    from_us, until_us = (parse_iso(parameters.one(name), name) for name in ("from", "until"))
    if until_us <= from_us:
        raise bad_request("until must be after from")
    ids = _ids(meter, parameters.all("measurand"))
    points = parameters.number("points", POINTS, FEWEST_POINTS, MOST_POINTS)
    return Wish(
        meter=meter.name,
        ids=ids,
        from_us=from_us,
        until_us=until_us,
        points=min(points, MOST_VALUES // len(ids)),
        intervals_us=tuple(meter.intervals_us[id_] for id_ in ids),
        round_us=min(meter.intervals_us.values()),
    )


def _ids(meter: MeterSettings, names: Sequence[str]) -> tuple[str, ...]:
    if not names:
        raise bad_request("measurand is missing; give it once or more")
    if len(names) > MOST_MEASURANDS:
        raise bad_request(f"at most {MOST_MEASURANDS} measurands at once")
    for name in names:
        if name not in meter.intervals_us:
            hint = (
                suggestion(name, list(meter.intervals_us)) if name not in measurands() else "its settings leave it out"
            )
            raise bad_request(f"{name[:60]!r} is not read from meter {meter.name!r}; {hint}")
    return tuple(dict.fromkeys(names))


async def curves(history: History, wish: Wish) -> Curves:
    """The curves; of what was expired as a reading, from the roll-ups. Raises SmartmeterError."""
    span_us = wish.until_us - wish.from_us
    if span_us <= min(READINGS_US, MOST_READINGS * wish.round_us):
        newer = await _from_readings(history, wish)
        if newer.times_us:
            wish = replace(wish, intervals_us=_usual_intervals_us(wish, newer))
            return _with_holes(wish, await _expired(history, wish, newer.times_us[0]), newer)
    period = _period(span_us, wish.points)
    # The period that has begun before the span reaches into it.
    rollups = await _from_rollups(history, wish, period, wish.from_us - _LONGEST_US[period] + 1, wish.until_us)
    return _with_holes(wish, rollups)


def _period(span_us: int, points: int) -> Period:
    """The finest that gives no more than twice the points."""
    fitting = (period for period in PERIODS if span_us <= 2 * points * _WIDTHS_US[period])
    return next(fitting, PERIODS[-1])


async def _from_readings(history: History, wish: Wish) -> Curves:
    interval_us = min(wish.intervals_us)
    step_us = max(-(-(wish.until_us - wish.from_us) // wish.points), interval_us)
    # Whole intervals: else some steps would have one reading more than others.
    step_us = -(-step_us // interval_us) * interval_us
    rows = await history.means(wish.meter, wish.ids, step_us, wish.from_us, wish.until_us)
    made = {}
    for id_ in wish.ids:
        high = _rounded(id_, [row.maxima.get(id_) for row in rows])
        if measurands()[id_].kind == "counter":
            # It only rises, so the highest is the last.
            made[id_] = Curve(high, None, None)
        else:
            low = _rounded(id_, [row.minima.get(id_) for row in rows])
            made[id_] = Curve(_rounded(id_, [row.means.get(id_) for row in rows]), low, high)
    return Curves("readings", step_us, step_us, [row.start_us for row in rows], made)


def _usual_intervals_us(wish: Wish, found: Curves) -> tuple[int, ...]:
    """How often each measurand was read then: years that were imported, or other settings, know another interval."""
    usual = []
    for id_, interval_us in zip(wish.ids, wish.intervals_us, strict=True):
        mean = found.by_id[id_].mean
        times_us = [time_us for time_us, value in zip(found.times_us, mean, strict=True) if value is not None]
        apart_us = [later - earlier for earlier, later in pairwise(times_us)]
        usual_us = median_low(apart_us) if len(apart_us) >= _ENOUGH_TO_TELL else 0
        is_rarer = usual_us > max(interval_us, found.step_us)
        usual.append(_MISSED * usual_us if is_rarer else interval_us)
    return tuple(usual)


async def _expired(history: History, wish: Wish, first_us: int) -> Curves:
    """What the span has of before the first reading that is still there: whole quarter-hours."""
    return await _from_rollups(history, wish, "15m", wish.from_us, first_us - _WIDTHS_US["15m"] + 1)


async def _from_rollups(history: History, wish: Wish, period: Period, begin_us: int, end_us: int) -> Curves:
    """Those periods that begin from `begin_us` until before `end_us`."""
    columns = [rollup_column(id_, one) for id_ in wish.ids for one in aggregates(measurands()[id_].kind)]
    rows = await history.rollups(wish.meter, columns, period, begin_us, end_us) if begin_us < end_us else ()
    made = {}
    for id_ in wish.ids:
        names = _names(id_, measurands()[id_].kind)
        mean, low, high = (_rounded(id_, [row.values.get(name) for row in rows]) if name else None for name in names)
        made[id_] = Curve(mean or [], low, high)
    return Curves(period, _WIDTHS_US[period], _LONGEST_US[period], [row.start_us for row in rows], made)


def _names(id_: str, kind: Kind) -> tuple[str, str | None, str | None]:
    if kind == "counter":
        return rollup_column(id_, "last"), None, None
    return rollup_column(id_, "mean"), rollup_column(id_, "min"), rollup_column(id_, "max")


def _rounded(id_: str, values: Sequence[float | None]) -> list[float | None]:
    """More digits than a meter shows by two: enough for every picture, and a third of the bytes."""
    digits = DECIMALS[measurands()[id_].unit] + _MORE_DIGITS
    return [finite(value, digits) for value in values]


# A step of one of the parts; None for one in which nothing was read.
_Place = tuple[Curves, int] | None


def _with_holes(wish: Wish, *parts: Curves) -> Curves:
    """The parts, one after the other, with an empty step wherever something is missing, so that lines break.

    A measurand that is read more seldom than steps begin keeps its value until it is due again.
    """
    times_us: list[int] = []
    places: list[_Place] = []
    before = parts[0]
    for part in parts:
        for place, time_us in enumerate(part.times_us):
            if times_us:
                missing_us = _missing(wish, before, times_us[-1], time_us)
                times_us += missing_us
                places += [None] * len(missing_us)
            times_us.append(time_us)
            places.append((part, place))
            before = part
    last = parts[-1]
    made = {
        id_: _stretched(id_, [*_held(id_, interval_us, times_us, places)])
        for id_, interval_us in zip(wish.ids, wish.intervals_us, strict=True)
    }
    return Curves(last.source, last.step_us, last.longest_us, times_us, made)


def _missing(wish: Wish, part: Curves, last_us: int, next_us: int) -> list[int]:
    """Between two steps, the moments at which a measurand was due and did not come."""
    widths_us = sorted({max(part.step_us, interval_us) for interval_us in wish.intervals_us})
    return [last_us + width_us for width_us in widths_us if next_us - last_us > max(width_us, part.longest_us)]


def _held(id_: str, interval_us: int, times_us: Sequence[int], places: Sequence[_Place]) -> Iterator[_Place]:
    """For each step, the one that has the measurand's value."""
    newest: tuple[int, _Place] | None = None
    for time_us, place in zip(times_us, places, strict=True):
        if place is not None and place[0].by_id[id_].mean[place[1]] is not None:
            newest = (time_us, place)
        if newest is not None and (newest[0] == time_us or time_us < newest[0] + interval_us):
            yield newest[1]
        else:
            yield None


def _stretched(id_: str, places: Sequence[_Place]) -> Curve:
    def chosen(name: Literal["mean", "low", "high"]) -> list[float | None]:
        found: list[float | None] = []
        for place in places:
            values = None if place is None else getattr(place[0].by_id[id_], name)
            found.append(None if place is None or values is None else values[place[1]])
        return found

    if measurands()[id_].kind == "counter":
        return Curve(chosen("mean"), None, None)
    return Curve(chosen("mean"), chosen("low"), chosen("high"))


def curves_json(wish: Wish, found: Curves) -> bytes:
    """The curves as the API gives them; where each step is of one reading, without minima and maxima."""
    head = {
        "meter": wish.meter,
        "from": iso(wish.from_us),
        "until": iso(wish.until_us),
        "source": found.source,
        "step_s": found.step_us / SECOND_US,
    }
    series = ",".join(f"{json.dumps(id_)}:{_curve_json(curve)}" for id_, curve in found.by_id.items())
    times = ",".join([f"{time_us / SECOND_US:.15g}" for time_us in found.times_us])
    return f'{json.dumps(head, ensure_ascii=False)[:-1]},"times":[{times}],"series":{{{series}}}}}'.encode()


def _curve_json(curve: Curve) -> str:
    low, high = (None, None) if curve.low == curve.mean == curve.high else (curve.low, curve.high)
    return f'{{"mean":{_list_json(curve.mean)},"min":{_list_json(low)},"max":{_list_json(high)}}}'


def _list_json(values: Sequence[float | None] | None) -> str:
    """Not by the library: it holds the interpreter until a list is done, and the line would wait."""
    if values is None:
        return "null"
    return f"[{','.join(['null' if value is None else repr(value) for value in values])}]"


def curves_csv(found: Curves) -> str:
    """A line for each step that has values."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\r\n")
    columns: dict[str, Sequence[float | None]] = {}
    for id_, curve in found.by_id.items():
        named = {"mean": curve.mean, "min": curve.low, "max": curve.high}
        if curve.low is None:
            named = {"last": curve.mean}
        columns |= {rollup_column(id_, name): values for name, values in named.items() if values is not None}  # type: ignore[arg-type]
    lines.writerow(["time", *columns])
    for place, time_us in enumerate(found.times_us):
        row = [values[place] for values in columns.values()]
        if any(value is not None for value in row):
            lines.writerow([iso(time_us), *row])
    return text.getvalue()
