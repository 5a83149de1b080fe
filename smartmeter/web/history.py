"""Curves of measurands over a span, from the readings or from the roll-ups that fit the span."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from smartmeter.history.columns import aggregates, rollup_column
from smartmeter.history.model import History
from smartmeter.house import House
from smartmeter.measurands import Kind, measurands
from smartmeter.periods import PERIODS, Period
from smartmeter.settings.durations import SECOND_US, UNITS_US
from smartmeter.settings.model import MeterSettings
from smartmeter.settings.words import suggestion
from smartmeter.web.moments import iso, parse_iso
from smartmeter.web.parameters import Parameters, meter_of
from smartmeter.web.problems import bad_request

KNOWN: Final = ("meter", "measurand", "from", "until", "points", "format")
MOST_MEASURANDS: Final = 20
POINTS: Final = 800
FEWEST_POINTS: Final = 10
MOST_POINTS: Final = 5000
# Up to here readings are looked at one by one: 26,000 rows at one every five seconds.
READINGS_US: Final = 36 * UNITS_US["h"]
# An interval that is longer does not make the steps of all others as long.
_LONGEST_STEP_US: Final = UNITS_US["m"] * 15
# Days have 23 to 25 hours.
_WIDTHS_US: Final[Mapping[Period, int]] = {"15m": UNITS_US["m"] * 15, "1h": UNITS_US["h"], "1d": UNITS_US["d"]}
_LONGEST_US: Final[Mapping[Period, int]] = {**_WIDTHS_US, "1d": 25 * UNITS_US["h"]}

Source = Literal["readings", "15m", "1h", "1d"]


@dataclass(frozen=True, slots=True)
class Wish:
    """What to show: measurands (ids) of a meter in a span, in about so many points."""

    meter: str
    ids: tuple[str, ...]
    from_us: int
    until_us: int
    points: int
    longest_interval_us: int


@dataclass(frozen=True, slots=True)
class Curve:
    """A value for each step: None where nothing was read. Of counters `mean` is the last value of the step."""

    mean: Sequence[float | None]
    low: Sequence[float | None] | None
    high: Sequence[float | None] | None


@dataclass(frozen=True, slots=True)
class Curves:
    """Curves by measurand over the same steps; `times_us` are their starts, rising."""

    source: Source
    step_us: int
    times_us: Sequence[int]
    by_id: Mapping[str, Curve]


def wish_of(house: House, parameters: Parameters) -> Wish:
    """What the request asks for. Raises ProblemError."""
    meter = meter_of(house, parameters.one("meter"))
    from_us, until_us = (parse_iso(parameters.one(name), name) for name in ("from", "until"))
    if until_us <= from_us:
        raise bad_request("until must be after from")
    ids = _ids(meter, parameters.all("measurand"))
    return Wish(
        meter=meter.name,
        ids=ids,
        from_us=from_us,
        until_us=until_us,
        points=parameters.number("points", POINTS, FEWEST_POINTS, MOST_POINTS),
        longest_interval_us=max(meter.intervals_us[id_] for id_ in ids),
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
    if span_us <= READINGS_US:
        found = await _from_readings(history, wish)
        if found.times_us:
            return found
    return await _from_rollups(history, wish, _period(span_us, wish.points))


def _period(span_us: int, points: int) -> Period:
    """The finest that gives no more than twice the points."""
    fitting = (period for period in PERIODS if span_us <= 2 * points * _WIDTHS_US[period])
    return next(fitting, PERIODS[-1])


async def _from_readings(history: History, wish: Wish) -> Curves:
    interval_us = min(wish.longest_interval_us, _LONGEST_STEP_US)
    step_us = max(-(-(wish.until_us - wish.from_us) // wish.points), interval_us)
    # Whole intervals: else some steps would have one reading more than others.
    step_us = -(-step_us // interval_us) * interval_us
    rows = await history.means(wish.meter, wish.ids, step_us, wish.from_us, wish.until_us)
    times_us = [row.start_us for row in rows]
    made = {}
    for id_ in wish.ids:
        if measurands()[id_].kind == "counter":
            # It only rises, so the highest is the last.
            made[id_] = Curve([row.maxima.get(id_) for row in rows], None, None)
        else:
            low, high = [row.minima.get(id_) for row in rows], [row.maxima.get(id_) for row in rows]
            made[id_] = Curve([row.means.get(id_) for row in rows], low, high)
    return _with_holes(Curves("readings", step_us, times_us, made), step_us)


async def _from_rollups(history: History, wish: Wish, period: Period) -> Curves:
    columns = [rollup_column(id_, one) for id_ in wish.ids for one in aggregates(measurands()[id_].kind)]
    # The period that has begun before the span reaches into it.
    rows = await history.rollups(wish.meter, columns, period, wish.from_us - _WIDTHS_US[period] + 1, wish.until_us)
    made = {}
    for id_ in wish.ids:
        names = _names(id_, measurands()[id_].kind)
        mean, low, high = ([row.values.get(name) for row in rows] if name else None for name in names)
        made[id_] = Curve(mean or [], low, high)
    times_us = [row.start_us for row in rows]
    return _with_holes(Curves(period, _WIDTHS_US[period], times_us, made), _LONGEST_US[period])


def _names(id_: str, kind: Kind) -> tuple[str, str | None, str | None]:
    if kind == "counter":
        return rollup_column(id_, "last"), None, None
    return rollup_column(id_, "mean"), rollup_column(id_, "min"), rollup_column(id_, "max")


def _with_holes(found: Curves, longest_us: int) -> Curves:
    """The same with an empty step wherever the next one is farther away than a step is long, so that lines break."""
    times_us: list[int] = []
    places: list[int | None] = []
    for place, time_us in enumerate(found.times_us):
        if times_us and time_us - times_us[-1] > longest_us:
            times_us.append(times_us[-1] + found.step_us)
            places.append(None)
        times_us.append(time_us)
        places.append(place)

    def stretched(values: Sequence[float | None]) -> list[float | None]:
        return [None if place is None else values[place] for place in places]

    made = {
        id_: Curve(
            stretched(curve.mean),
            None if curve.low is None else stretched(curve.low),
            None if curve.high is None else stretched(curve.high),
        )
        for id_, curve in found.by_id.items()
    }
    return Curves(found.source, found.step_us, times_us, made)


def curves_json(wish: Wish, found: Curves) -> dict[str, Any]:
    """The curves as the API gives them."""
    return {
        "meter": wish.meter,
        "from": iso(wish.from_us),
        "until": iso(wish.until_us),
        "source": found.source,
        "step_s": found.step_us / SECOND_US,
        "times": [time_us / SECOND_US for time_us in found.times_us],
        "series": {
            id_: {"mean": curve.mean, "min": curve.low, "max": curve.high} for id_, curve in found.by_id.items()
        },
    }


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
