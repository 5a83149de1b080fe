"""The latest value of every measurand, and who wants to hear of new readings."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import repeat
from typing import NamedTuple

from smartmeter.reading import Reading


class LatestValue(NamedTuple):
    """A value, None if the meter gave no number, and the UTC time of its round in microseconds since 1970-01-01."""

    value: float | None
    time_us: int


class Live:
    """The latest values by meter and measurand."""

    def __init__(self) -> None:
        self._latest: dict[str, dict[str, LatestValue]] = {}
        self._listeners: list[Callable[[Reading], None]] = []

    @property
    def latest(self) -> Mapping[str, Mapping[str, LatestValue]]:
        """The latest value of each measurand that was ever read, by meter."""
        return self._latest

    def listen(self, listener: Callable[[Reading], None]) -> None:
        """Have `listener` called with every reading from now on; it must be quick and raise nothing."""
        self._listeners.append(listener)

    @contextmanager
    def listening(self, listener: Callable[[Reading], None]) -> Iterator[None]:
        """The same for as long as it lasts."""
        self.listen(listener)
        try:
            yield
        finally:
            self._listeners.remove(listener)

    def publish(self, reading: Reading) -> None:
        """Take in a reading."""
        latest = map(LatestValue._make, zip(reading.values.values(), repeat(reading.time_us), strict=False))
        self._latest.setdefault(reading.meter, {}).update(zip(reading.values, latest, strict=True))
        for listener in self._listeners:
            listener(reading)
