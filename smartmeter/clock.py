"""The clocks: the wall clock stamps, the monotonic clock measures, the boot id says which monotonic clock it was."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Clock:
    """Both clocks in microseconds; `wall_us` is UTC since 1970-01-01 and may jump, `monotonic_us` never does."""

    wall_us: Callable[[], int]
    monotonic_us: Callable[[], int]
    boot: str


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment by both clocks: UTC microseconds since 1970-01-01, and a boot with its monotonic microseconds."""

    time_us: int
    boot: str
    monotonic_us: int


def now(clock: Clock) -> Moment:
    """The moment at which it is called."""
    return Moment(clock.wall_us(), clock.boot, clock.monotonic_us())


def elapsed_us(earlier: Moment, later: Moment) -> int:
    """The microseconds from one moment to the other, at least 0.

    Within a boot by the monotonic clock, which no setting of the clock touches; across boots the wall clock is all
    there is.
    """
    if earlier.boot == later.boot:
        return max(0, later.monotonic_us - earlier.monotonic_us)
    return max(0, later.time_us - earlier.time_us)


def system_clock() -> Clock:
    """The clocks of this machine."""
    return Clock(
        wall_us=lambda: time.time_ns() // 1000,
        monotonic_us=lambda: time.monotonic_ns() // 1000,
        boot=_boot_id(),
    )


def _boot_id() -> str:
    try:
        return _BOOT_ID.read_text("ascii").strip()
    except OSError:
        # Elsewhere than on Linux nothing names a boot: each start of the program then counts as one.
        return f"process-{os.getpid()}-{time.time_ns()}"
