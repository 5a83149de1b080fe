"""The latest value of every measurand, and who wants to hear of new readings."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

from smartmeter.reading import Reading


class LatestValue(NamedTuple):
    """A value, None if the meter gave no number, and the UTC time of its round in microseconds since 1970-01-01."""

    value: float | None
    time_us: int


class _LatestValues(Mapping[str, LatestValue]):
    """Of each measurand of a meter, the last reading that had it: that is quicker to keep than a value for each."""

    def __init__(self) -> None:
        self._readings: dict[str, Reading] = {}

    def take(self, reading: Reading) -> None:
        self._readings.update(dict.fromkeys(reading.values, reading))

    def __getitem__(self, measurand: str) -> LatestValue:
        reading = self._readings[measurand]
        return LatestValue(reading.values[measurand], reading.time_us)

    def __iter__(self) -> Iterator[str]:
        return iter(self._readings)

    def __len__(self) -> int:
        return len(self._readings)


class Live:
    """The latest values by meter and measurand."""

    def __init__(self) -> None:
        self._latest: dict[str, _LatestValues] = {}
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
        latest = self._latest.get(reading.meter)
        if latest is None:
            latest = self._latest[reading.meter] = _LatestValues()
        latest.take(reading)
        for listener in self._listeners:
            listener(reading)
