"""What the program sees of itself and alarms can be about: what waits for a sink, the disk, the energy of the day."""

import asyncio
import shutil
from pathlib import Path
from zoneinfo import ZoneInfo

from smartmeter.alarms.rules import Rule
from smartmeter.clock import Clock, Moment, elapsed_us, now
from smartmeter.errors import SmartmeterError
from smartmeter.history.model import History
from smartmeter.journal import Journal
from smartmeter.periods import period_end, period_start


async def backlog_age_s(journal: Journal, rule: Rule, started: Moment, clock: Clock) -> float | None:
    """How long the oldest reading that waits for the rule's sink has waited, in seconds; 0 if none does.

    No clock that can be relied on tells how old one of an earlier boot is: it counts from the start of the program, and
    is None until that is beyond the limit.
    """
    entries = await journal.entries_after(await journal.cursor(rule.subject), 1)
    if not entries:
        return 0.0
    reading = entries[0].reading
    if reading.boot == started.boot:
        return elapsed_us(Moment(reading.time_us, reading.boot, reading.monotonic_us), now(clock)) / 1e6
    at_least_s = elapsed_us(started, now(clock)) / 1e6
    return at_least_s if at_least_s > rule.limit else None


async def disk_percent(path: Path) -> float | None:
    """How much of the file's disk is in use, in percent of what its owner can use; None if nobody can tell."""
    try:
        usage = await asyncio.to_thread(shutil.disk_usage, path.parent)
    except OSError:
        return None
    available = usage.used + usage.free
    return 100 * usage.used / available if available else None


async def day_energy(history: History, rule: Rule, zone: ZoneInfo, time_us: int) -> float | None:
    """What the rule's counter has counted on the day of `time_us`, in its unit; None while nothing is known.

    What it counted over a gap that began before that day does not count: it may all be of the days before.
    """
    start_us = period_start("1d", time_us, zone)
    end_us, counters = period_end("1d", start_us, zone), [rule.measurand or ""]
    try:
        rows = await history.energy(rule.subject, counters, "1d", start_us, end_us)
    except SmartmeterError:
        return None
    return sum(row.energy - row.gap_energy for row in rows) if rows else None
