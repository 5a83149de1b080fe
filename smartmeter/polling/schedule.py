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
