"""What is due when: the time grid.

Every interval fires at the multiples of itself since 1970-01-01 UTC, so that 10 s fires at :00, :10, … and readings of
different meters share their moments. All times are microseconds.
"""

from collections.abc import Iterable, Mapping


def next_instant_us(after_us: int, intervals_us: Iterable[int]) -> int:
    """The first moment after `after_us` at which at least one of the intervals (at least one, all positive) fires."""
    return min((after_us // interval_us + 1) * interval_us for interval_us in intervals_us)


def due_at(instant_us: int, intervals_us: Mapping[str, int]) -> frozenset[str]:
    """The measurands that are due at this moment of the grid."""
    return frozenset(measurand for measurand, interval_us in intervals_us.items() if instant_us % interval_us == 0)


def count_instants(after_us: int, until_us: int, intervals_us: Iterable[int]) -> int:
    """How often the shortest interval fires after `after_us` up to and including `until_us`."""
    shortest_us = min(intervals_us)
    return max(0, until_us // shortest_us - after_us // shortest_us)


def shortened(intervals_us: Mapping[str, int], to_us: int) -> Mapping[str, int]:
    """The same measurands with no interval longer than `to_us`."""
    return {measurand: min(interval_us, to_us) for measurand, interval_us in intervals_us.items()}


class Grid:
    """The moments at which a meter's measurands are due. What follows from their intervals is worked out once."""

    def __init__(self, intervals_us: Mapping[str, int]) -> None:
        self.intervals_us = intervals_us
        self._distinct_us = tuple(sorted(set(intervals_us.values())))
        self.shortest_us = self._distinct_us[0]
        self._due: dict[tuple[int, ...], frozenset[str]] = {}
        self._shortest: dict[frozenset[str], int] = {}

    def next_instant_us(self, after_us: int) -> int:
        """The first moment after `after_us` at which something is due."""
        return next_instant_us(after_us, self._distinct_us)

    def due_at(self, instant_us: int) -> frozenset[str]:
        """The measurands that are due at this moment of the grid."""
        firing = tuple([interval_us for interval_us in self._distinct_us if instant_us % interval_us == 0])
        due = self._due.get(firing)
        if due is None:
            due = self._due[firing] = due_at(instant_us, self.intervals_us)
        return due

    def shortest_of(self, measurands: frozenset[str]) -> int:
        """The shortest interval of these measurands."""
        shortest_us = self._shortest.get(measurands)
        if shortest_us is None:
            shortest_us = min(self.intervals_us[measurand] for measurand in measurands)
            self._shortest[measurands] = shortest_us
        return shortest_us
