"""Queries for what fluctuates: curves over time, means over a span, present values."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from smartmeter.grafana.facts import Facts
from smartmeter.grafana.sql import fill, identifier, listed, literal
from smartmeter.grafana.store import Store

# What gives the column of a measurand, and an expression of such columns.
Column = Callable[[str], str]
Value = Callable[[Column], str]
Extent = Literal["mean", "min", "max"]

# Up to these steps (Grafana's $__interval: the span by the pixels), readings and quarter-hours are worth their while.
READINGS_BELOW_MS = 300_000
QUARTERS_BELOW_MS = 3_600_000

_OF_READINGS = {"mean": "avg", "min": "min", "max": "max"}


@dataclass(frozen=True, slots=True)
class Series:
    """A curve: its name, its value from the `measurands`, and what of it is shown where a point is a span of time."""

    name: str
    measurands: tuple[str, ...]
    value: Value
    extent: Extent = "mean"


def series(name: str, measurand: str, extent: Extent = "mean") -> Series:
    """The curve of one measurand."""
    return Series(name, (measurand,), lambda column: column(measurand), extent)


def curve(store: Store, curves: Sequence[Series]) -> str:
    """The curves of the chosen meter, as readings, quarter-hours or hours, as fine as the picture can show.

    Where readings have expired, quarter-hours stand for them.
    """
    names = [identifier(each.name) for each in curves]
    return fill(
        """
        SELECT {shown} AS "time", {quarters} FROM {rollup_15m} WHERE meter = {meter} AND {in_span}
          AND $__interval_ms < {quarters_below} AND ($__interval_ms >= {readings_below}
            OR {seconds} + 900 <= coalesce({first_s}, {until_s}))
        UNION ALL
        SELECT {shown}, {hours} FROM {rollup_1h} WHERE meter = {meter} AND {in_span}
          AND $__interval_ms >= {quarters_below}
        UNION ALL
        SELECT {grid}, {readings} FROM {rows} WHERE $__interval_ms < {readings_below} GROUP BY 1
        ORDER BY 1
        """,
        shown=store.shown_time,
        quarters=listed([f"{_of_rollup(store, each)} AS {name}" for each, name in zip(curves, names, strict=True)]),
        hours=listed([_of_rollup(store, each) for each in curves]),
        readings=listed([f"{_OF_READINGS[each.extent]}({each.value(store.column)})" for each in curves]),
        rollup_15m=store.rollup("15m"),
        rollup_1h=store.rollup("1h"),
        rows=store.readings(_measurands(curves)),
        grid=store.grid,
        in_span=store.in_span,
        seconds=store.seconds(store.time),
        first_s=store.seconds(store.first_reading),
        until_s=store.until_s,
        readings_below=str(READINGS_BELOW_MS),
        quarters_below=str(QUARTERS_BELOW_MS),
    )


def means(store: Store, curves: Sequence[Series]) -> str:
    """The mean of each curve over the span, in one row."""
    return _over_span(store, curves, lambda name: f"avg({name}) AS {name}")


def shares_within(store: Store, curves: Sequence[Series], least: float, most: float) -> str:
    """The share of quarter-hours (of hours in long spans) in which each curve's value lies between both, in one row."""

    def share(name: str) -> str:
        inside = f"{name} BETWEEN {least:g} AND {most:g}"
        return f"avg(CASE WHEN {inside} THEN 1.0 WHEN {name} IS NOT NULL THEN 0.0 END) AS {name}"

    return _over_span(store, curves, share)


def present(store: Store, curves: Sequence[Series], within_s: int) -> str:
    """The value of each curve at the end of the span, in one row."""
    values = [f"{store.newest(each.value(store.column), within_s)} AS {identifier(each.name)}" for each in curves]
    return fill("SELECT {values} FROM (SELECT {meter} AS meter) AS chosen", values=listed(values))


def total_power(facts: Facts) -> Series | None:
    """The power of a meter; of one with a single phase, which has no total, its. None if it is not measured."""
    name = facts.text("Power", "Leistung")
    single = [
        meter.name
        for meter in facts.meters
        if "active_power_total" not in meter.measurands and "active_power_l1" in meter.measurands
    ]
    if not facts.has("active_power_total"):
        return series(name, "active_power_l1") if single else None
    if not single:
        return series(name, "active_power_total")
    names = listed([literal(each) for each in single])
    return Series(
        name,
        ("active_power_total", "active_power_l1"),
        lambda column: (
            f"CASE WHEN meter IN ({names}) THEN {column('active_power_l1')} ELSE {column('active_power_total')} END"
        ),
    )


def _over_span(store: Store, curves: Sequence[Series], of_column: Callable[[str], str]) -> str:
    names = [identifier(each.name) for each in curves]
    return fill(
        """
        SELECT {results} FROM (
          SELECT {quarters} FROM {rollup_15m} WHERE meter = {meter} AND {in_span} AND $__interval_ms < {quarters_below}
          UNION ALL
          SELECT {hours} FROM {rollup_1h} WHERE meter = {meter} AND {in_span} AND $__interval_ms >= {quarters_below}
        ) AS periods
        """,
        results=listed([of_column(name) for name in names]),
        quarters=listed([f"{_of_rollup(store, each)} AS {name}" for each, name in zip(curves, names, strict=True)]),
        hours=listed([_of_rollup(store, each) for each in curves]),
        rollup_15m=store.rollup("15m"),
        rollup_1h=store.rollup("1h"),
        in_span=store.in_span,
        quarters_below=str(QUARTERS_BELOW_MS),
    )


def _of_rollup(store: Store, each: Series) -> str:
    return each.value(lambda measurand: store.rollup_column(measurand, each.extent))


def _measurands(curves: Sequence[Series]) -> list[str]:
    return list(dict.fromkeys(measurand for each in curves for measurand in each.measurands))
