"""Readings for the tests of the journal: each number gives one, and all of it follows from the number."""

import asyncio
import resource
import time
from contextlib import contextmanager

from smartmeter.reading import Reading

MEASURANDS = ("voltage_l1", "power_total", "energy_import")
START_US = 1_790_000_000_000_000
INTERVAL_US = 5_000_000


def reading(number, meter="house", boot="boot-1", **changes):
    fields = {
        "meter": meter,
        "time_us": START_US + number * INTERVAL_US,
        "boot": boot,
        "monotonic_us": 60_000_000 + number * INTERVAL_US,
        "values": {"voltage_l1": 230.1, "power_total": -0.5 * number, "energy_import": float(number)},
    }
    return Reading(**(fields | changes))


def readings(first, last):
    return [reading(number) for number in range(first, last + 1)]


def numbers(entries):
    """Which readings they are, as they were numbered when they were made."""
    return [round(entry.reading.values["energy_import"]) for entry in entries]


def sequences(entries):
    return [entry.sequence for entry in entries]


async def eventually(condition):
    """Whether `condition` comes true within five seconds."""
    deadline_s = time.monotonic() + 5
    while not condition():
        if time.monotonic() > deadline_s:
            return False
        await asyncio.sleep(0.01)
    return True


@contextmanager
def refusing_disk():
    """Within it the kernel lets this process write to no file (EFBIG); reading goes on."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
