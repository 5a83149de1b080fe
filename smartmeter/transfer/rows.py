"""Turns the rows of a foreign table into readings."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from math import isfinite
from operator import itemgetter
from zoneinfo import ZoneInfo

from smartmeter.reading import Reading
from smartmeter.transfer.columns import Columns
from smartmeter.transfer.moments import Clock
from smartmeter.transfer.numbers import NAN, number
from smartmeter.transfer.source import Unreadable

# A text, or what a database gives instead; "" is no value.
Cell = str | float

# The boot of what no poller measured.
BOOT = "import"


class RowReader:
    """Reads rows one after the other, in the order in which they stand.

    `meter` is the name of the meter where no column says it. `latest` is for the clock, see there.
    """

    def __init__(
        self,
        columns: Columns,
        meter: str,
        zone: ZoneInfo,
        latest: Mapping[str, int],
        to_number: Callable[[str], float] = number,
    ) -> None:
        self._columns = columns
        self._meter = meter
        self._clock = Clock(zone, latest)
        self._to_number = to_number
        self._ids = tuple(columns.measurands)
        indices = tuple(columns.measurands.values())
        # With one index itemgetter gives no tuple.
        self._pick: Callable[[Sequence[Cell]], Sequence[Cell]] = (
            itemgetter(*indices) if len(indices) > 1 else lambda row: (row[indices[0]],)
        )

    @property
    def latest(self) -> Mapping[str, int]:
        """The last local time of each meter, where times have no zone."""
        return self._clock.latest

    def readings(
        self, rows: Iterable[Sequence[Cell]], kind: str, numbers: Sequence[int]
    ) -> tuple[list[Reading], list[Unreadable]]:
        """The readings of those rows that have any value; what cannot be read is called by kind ("line") and number."""
        readings, unreadable = [], []
        for index, row in enumerate(rows):
            if not row:
                continue
            try:
                reading = self._reading(row)
            except (ValueError, OverflowError) as error:
                unreadable.append(Unreadable(f"{kind} {numbers[index]}", str(error)))
            else:
                if reading.values:
                    readings.append(reading)
        return readings, unreadable

    def _reading(self, row: Sequence[Cell]) -> Reading:
        columns = self._columns
        if len(row) != len(columns.names):
            raise ValueError(f"{len(row)} columns where {len(columns.names)} are named")
        meter = self._meter if columns.meter is None else str(row[columns.meter]) or self._meter
        if not meter:
            raise ValueError("the meter has no name")
        time_us = self._clock.time_us(str(row[columns.time]), meter)
        measured = measured_of(self._ids, self._values(self._pick(row)))
        return Reading(meter, time_us, BOOT, 0, measured)

    def _values(self, picked: Sequence[Cell]) -> list[float]:
        if self._to_number is number:
            # What is written as Python writes it, which is nearly everything, is done here.
            with suppress(ValueError):
                return [float(cell) if cell != "" else NAN for cell in picked]
        values = []
        for cell, index in zip(picked, self._columns.measurands.values(), strict=True):
            try:
                values.append(self._to_number(str(cell)))
            except ValueError as error:
                raise ValueError(f"column {self._columns.names[index]}: {error}") from None
        return values


def measured_of(ids: Sequence[str], values: Sequence[float]) -> dict[str, float]:
    """The values of a reading by id, without those that are no number."""
    pairs = zip(ids, values, strict=True)
    # One NaN or infinity among them makes the sum one: looking at each is only needed then.
    return dict(pairs) if isfinite(sum(values)) else {id_: value for id_, value in pairs if isfinite(value)}
