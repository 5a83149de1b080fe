"""The values of a reading that has one for every column, without a dict of its own.

A backlog of a week is 120,960 readings of 68 values each. Building a dict for each and taking it apart again would cost
more than fetching and sending it.
"""

from collections.abc import Iterator, Mapping
from typing import Any


class CompleteValues(Mapping[str, float]):
    """The values in `row` from `start` on, one for each of `measurands`; both are shared, nothing is copied."""

    __slots__ = ("measurands", "row", "start")

    def __init__(self, measurands: tuple[str, ...], row: tuple[Any, ...], start: int) -> None:
        self.measurands = measurands
        self.row = row
        self.start = start

    def __getitem__(self, measurand: str) -> float:
        try:
            value: float = self.row[self.start + self.measurands.index(measurand)]
        except ValueError:
            raise KeyError(measurand) from None
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(self.measurands)

    def __len__(self) -> int:
        return len(self.measurands)

    def __repr__(self) -> str:
        return repr(dict(self))
