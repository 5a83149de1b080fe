"""Notes how measuring itself fares, so that it can be looked at later: load and failures of buses, backlog of sinks."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NoReturn

from smartmeter.clock import Clock, Moment, elapsed_us, now
from smartmeter.journal import Health, Journal
from smartmeter.periods import QUARTER_US
from smartmeter.polling.bus import Bus
from smartmeter.polling.poller import MeterPoller

NOTE_EVERY_S = 60.0
# More than there are for the buses and sinks of any site.
_NOTES_OF_A_QUARTER = 10_000


@dataclass(frozen=True, slots=True)
class Counts:
    """What a bus has counted since the start."""

    busy_s: float
    requests: int
    failures: int
    skipped: int


async def note_health(
    journal: Journal, buses: Sequence[Bus], pollers: Sequence[MeterPoller], sinks: Sequence[str], clock: Clock
) -> NoReturn:
    """Note it once a minute, by quarter-hour, until cancelled."""
    notes = HealthNotes(buses, pollers, clock)
    while True:
        await asyncio.sleep(NOTE_EVERY_S)
        backlogs = {sink: await journal.backlog(sink) for sink in sinks}
        journal.note_health([*notes.of_buses(), *notes.of_sinks(backlogs)])


class HealthNotes:
    """Counts since the quarter-hour began, from counts since the start."""

    def __init__(self, buses: Sequence[Bus], pollers: Sequence[MeterPoller], clock: Clock) -> None:
        self._buses = buses
        self._pollers = pollers
        self._clock = clock
        self._quarter_us = self._quarter()
        self._counts = self._last = self._count()
        self._began_s = self._last_s = time.monotonic()

    def of_buses(self) -> Iterator[Health]:
        """What each bus has counted in this quarter-hour; it begins anew with the next.

        What came between the last note and the end of a quarter-hour belongs to the next one's.
        """
        quarter_us = self._quarter()
        if quarter_us != self._quarter_us:
            self._quarter_us = quarter_us
            self._counts = self._last
            self._began_s = self._last_s
        self._last, self._last_s = self._count(), time.monotonic()
        elapsed_s = self._last_s - self._began_s
        for name, count in self._last.items():
            before = self._counts[name]
            if elapsed_s > 0:
                yield Health("bus", name, "load", quarter_us, (count.busy_s - before.busy_s) / elapsed_s)
            yield Health("bus", name, "requests", quarter_us, count.requests - before.requests)
            yield Health("bus", name, "failures", quarter_us, count.failures - before.failures)
            yield Health("bus", name, "skipped", quarter_us, count.skipped - before.skipped)

    def of_sinks(self, backlogs: dict[str, int]) -> Iterator[Health]:
        """How much waits for each sink now."""
        for name, backlog in backlogs.items():
            yield Health("sink", name, "backlog", self._quarter_us, backlog)

    def _quarter(self) -> int:
        now_us = self._clock.wall_us()
        return now_us - now_us % QUARTER_US

    def _count(self) -> dict[str, Counts]:
        skipped = {bus.settings.name: 0 for bus in self._buses}
        bus_of = {meter.name: bus.settings.name for bus in self._buses for meter in bus.settings.meters}
        for poller in self._pollers:
            skipped[bus_of[poller.meter.name]] += poller.state.skipped
        return {
            bus.settings.name: Counts(
                bus.counters.busy_s, bus.counters.requests, bus.counters.failures, skipped[bus.settings.name]
            )
            for bus in self._buses
        }


async def load_of(journal: Journal, bus: Bus, started: Moment, clock: Clock) -> float:
    """The part of the time (1 = all) that the bus is busy: in this quarter-hour, or since the start if that is new."""
    now_us = clock.wall_us()
    for note in reversed(await journal.health_since(now_us - now_us % QUARTER_US, _NOTES_OF_A_QUARTER)):
        if (note.part, note.name, note.quantity) == ("bus", bus.settings.name, "load"):
            return note.value
    return bus.counters.busy_s / max(1e-6, elapsed_us(started, now(clock)) / 1e6)
