"""The latest value of every measurand, and who wants to hear of new readings."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from smartmeter.reading import Reading


@dataclass(frozen=True, slots=True)
class LatestValue:
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
        values = self._latest.setdefault(reading.meter, {})
        for measurand, value in reading.values.items():
            values[measurand] = LatestValue(value, reading.time_us)
        for listener in self._listeners:
            listener(reading)
