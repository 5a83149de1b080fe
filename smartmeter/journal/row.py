"""A reading as it waits for its commit: packed, because thousands may wait while the disk is full.

A reading of 68 values takes 3.3 KB as a dict of floats and 0.8 KB like this.
"""

import logging
import math
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from smartmeter.journal.entry import Entry
from smartmeter.reading import Reading

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Row:
    """`values` has one double per measurand of its Packer. NaN is no value: SQLite stores a NaN as NULL
    (https://www.sqlite.org/c3ref/bind_blob.html, sqlite3_bind_double).
    """

    sequence: int
    meter: str
    time_us: int
    boot: str
    monotonic_us: int
    values: "array[float]"


class Packer:
    """Turns readings into rows and back, for a fixed list of measurands."""

    def __init__(self, measurands: Sequence[str]) -> None:
        self._measurands = tuple(measurands)
        self._index = {measurand: index for index, measurand in enumerate(measurands)}
        self._blank = array("d", [math.nan]) * len(self._measurands)
        self._unknown: set[str] = set()

    def pack(self, sequence: int, reading: Reading) -> Row:
        values = self._complete(reading.values) or self._with_holes(reading.values)
        return Row(sequence, reading.meter, reading.time_us, reading.boot, reading.monotonic_us, values)

    def unpack(self, row: Row) -> Entry:
        values = {m: v for m, v in zip(self._measurands, row.values, strict=True) if not math.isnan(v)}
        return Entry(row.sequence, Reading(row.meter, row.time_us, row.boot, row.monotonic_us, values))

    def _complete(self, values: Mapping[str, float | None]) -> "array[float] | None":
        """What has a value for each measurand and no other, in two thirds of the time; None if it is not like that."""
        if len(values) != len(self._measurands):
            return None
        try:
            # What is None makes array raise TypeError.
            complete = cast("Mapping[str, float]", values)
            return array("d", [complete[measurand] for measurand in self._measurands])
        except (KeyError, TypeError):
            return None

    def _with_holes(self, values: Mapping[str, float | None]) -> "array[float]":
        packed = self._blank[:]
        for measurand, value in values.items():
            index = self._index.get(measurand)
            if index is None:
                self._say_unknown(measurand)
            elif value is not None:
                packed[index] = value
        return packed

    def _say_unknown(self, measurand: str) -> None:
        if measurand not in self._unknown:
            self._unknown.add(measurand)
            _log.error("The journal was opened without a column for %s: its values are not kept.", measurand)
