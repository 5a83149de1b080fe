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
