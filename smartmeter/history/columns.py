"""What the columns of a roll-up are called, and what is in them."""

from typing import Literal

from smartmeter.measurands import Kind

Aggregate = Literal["mean", "min", "max", "first", "last"]

_OF_COUNTERS: tuple[Aggregate, ...] = ("first", "last")
_OF_OTHERS: tuple[Aggregate, ...] = ("mean", "min", "max")


def aggregates(kind: Kind) -> tuple[Aggregate, ...]:
    """What a roll-up keeps of a measurand of this kind: of a counter first and last, of others mean, min and max."""
    return _OF_COUNTERS if kind == "counter" else _OF_OTHERS


def rollup_column(column: str, aggregate: Aggregate) -> str:
    """The column of a roll-up for a column of the readings: `voltage_l1_mean`."""
    return f"{column}_{aggregate}"
