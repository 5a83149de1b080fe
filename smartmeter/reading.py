"""A reading: what one round brought from one meter."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reading:
    """The values that one meter gave in one round.

    `time_us` is the UTC time of the round in microseconds since 1970-01-01, by a wall clock that may have been wrong;
    `boot` (the kernel's boot id) and `monotonic_us` (that boot's monotonic clock, in microseconds) are there to put it
    right later. `values` holds what was asked, by measurand id, in the measurand's unit; None where the meter gave an
    answer that is no number. What was not asked, or not answered, is not in it.
    """

    meter: str
    time_us: int
    boot: str
    monotonic_us: int
    values: Mapping[str, float | None]
