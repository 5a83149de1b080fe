"""The loop of one meter: rounds on the time grid, a silent meter asked less and less often."""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, NoReturn

from smartmeter.clock import Clock
from smartmeter.errors import SmartmeterError
from smartmeter.modbus.errors import AnswerError, NoAnswerError, PortError
from smartmeter.modbus.frames import ReadRequest
from smartmeter.polling.acquaintance import Acquaintance
from smartmeter.polling.bus import Bus
from smartmeter.polling.fast import FastInterval
from smartmeter.polling.known import KnownMeter
from smartmeter.polling.learned import UNKNOWN, Learned, describe_news, forget_absent, learn_turnaround
from smartmeter.polling.meter_state import MeterState
from smartmeter.polling.round import RoundResult, read_round
from smartmeter.polling.schedule import Grid, count_instants, shortened
from smartmeter.reading import Reading
from smartmeter.settings.model import MeterSettings

if TYPE_CHECKING:
    from smartmeter.polling.sunspec import Device

# A wall clock that moves by more than this against the monotonic one has been set.
CLOCK_JUMP_US = 1_000_000
# The wall clock is looked at again after so long, so that a jump is noticed during long intervals.
LOOK_AT_CLOCK_S = 30.0
# A round that would start later than this, or than a quarter of its interval, is skipped.
LATEST_START_US = 250_000
FIRST_PROBE_S = 2.0
LAST_PROBE_S = 60.0
# What a meter refused by itself is tried again after so long.
ABSENT_AGAIN_US = 3_600_000_000

log = logging.getLogger(__name__)


class MeterPoller:
    """Reads one meter for ever and hands each reading to `deliver`.

    `meter` is as the settings have it; of a device that describes itself, with the registers that were found in it.
    `known` are the meters of this model that were met at this address before.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what it works with
        self,
        meter: MeterSettings,
        bus: Bus,
        fast: FastInterval,
        clock: Clock,
        deliver: Callable[[Reading], None],
        known: Iterable[KnownMeter] = (),
    ) -> None:
        self.state = MeterState()
        self.meter = meter
        self._wanted = meter
        self._bus = bus
        self._fast = fast
        self._clock = clock
        self._deliver = deliver
        self._fast_us = fast.interval_us
        self._grid = Grid(meter.intervals_us)
        self._fast_grid: Grid | None = None
        # The last moment of the grid that was served or given up, and how far the wall clock was ahead of the other.
        self._served_us = 0
        self._followed = self._grid
        self._offset_us = 0
        self._absent_again_us = 0
        self._trouble = ""
        self._acquaintance = Acquaintance(meter, bus.settings.name, self.state, clock, known)
        # What is absent is tried again and again; that it still is, is no news.
        self._news_told: set[str] = set()

    @property
    def known(self) -> KnownMeter | None:
        """What is known of the meter and worth keeping; None if nothing is, or while it is not clear which it is."""
        return self._acquaintance.known(self.meter.model)

    def forget(self) -> None:
        """Begin to learn anew."""
        self._acquaintance.forget()

    async def run(self) -> NoReturn:
        """Read until cancelled. A port that goes away is waited for."""
        while True:
            await self._bus.open()
            try:
                await self._follow_grid()
            except PortError:
                # The bus has said so, and opens the port again.
                continue

    async def _follow_grid(self) -> NoReturn:
        await self._look_at_device()
        await self._round_of_everything()
        while True:
            await self._identify()
            await self._round(*await self._next_instant())
            if self.state.silent_since_us is not None:
                await self._wait_for_answer()
                # It may be another one.
                self._acquaintance.doubt()
                await self._look_at_device()
                await self._round_of_everything()

    async def _identify(self) -> None:
        unit, model = self.meter.address, self.meter.model
        await self._acquaintance.identify(unit, model, partial(self._bus.read, deadline_s=math.inf))

    async def _look_at_device(self) -> None:
        """Of a device that describes itself, return when its registers are known; it may be another one than before."""
        if not self._wanted.model.sunspec:
            return
        from smartmeter.polling.sunspec import SunSpecError, look_at  # noqa: PLC0415 - most meters are none

        pause_s = FIRST_PROBE_S
        while True:
            deadline_s = time.monotonic() + self._grid.shortest_us / 1e6
            try:
                with self._bus.round():
                    device = await look_at(self._wanted, partial(self._bus.read, deadline_s=deadline_s))
            except NoAnswerError as error:
                self.state.failures[NoAnswerError.__name__] += 1
                self._note_silence(error, self._clock.wall_us())
                await self._wait_for_answer()
            except (AnswerError, SunSpecError) as error:
                self._note_trouble(error)
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, LAST_PROBE_S)
            else:
                self._take(device)
                return

    def _take(self, device: "Device") -> None:
        """From now on read the registers that were found."""
        if device.meter.model is not self.meter.model:
            self.meter, self.state.learned = device.meter, UNKNOWN
            self._grid, self._fast_grid = Grid(device.meter.intervals_us), None
            self._followed = self._grid
        self._acquaintance.take_for(device.identity.serial, device.meter.model)
        told = f"Meter {self.meter.name}: {device}."
        if device.absent:
            told += f" It does not have {', '.join(device.absent)}."
        if told not in self._news_told:
            self._news_told.add(told)
            log.info("%s", told)

    def _grid_now(self) -> Grid:
        if not self._fast.active:
            return self._grid
        if self._fast_grid is None or self._fast_us != self._fast.interval_us:
            self._fast_us = self._fast.interval_us
            self._fast_grid = Grid(shortened(self.meter.intervals_us, self._fast_us))
        return self._fast_grid

    async def _round_of_everything(self) -> None:
        await self._identify()
        # Whatever the grid says: nobody wants to wait 999999 seconds for a first value.
        self._served_us = self._clock.wall_us()
        self._offset_us = self._served_us - self._clock.monotonic_us()
        await self._round(self._served_us // 1000 * 1000, frozenset(self.meter.intervals_us))
        # What fell due meanwhile has been read.
        self._served_us = max(self._served_us, self._clock.wall_us() - _lateness_us(self._grid_now()))

    async def _next_instant(self) -> tuple[int, frozenset[str]]:
        """Wait for the next moment of the grid; gives it and what is due. What has passed is skipped and counted."""
        while True:
            now_us = self._clock.wall_us()
            self._notice_clock_jump(now_us)
            # Taken once: the fast interval may end at any moment.
            grid = self._grid_now()
            if grid is not self._followed:
                self._follow(grid, now_us)
            instant_us = grid.next_instant_us(self._served_us)
            if instant_us + _lateness_us(grid) < now_us:
                self.state.skipped += count_instants(self._served_us, now_us, (grid.shortest_us,))
                self._served_us = now_us
            elif instant_us <= now_us:
                self._served_us = instant_us
                return instant_us, grid.due_at(instant_us)
            else:
                rest_s = (instant_us - now_us) / 1e6
                self._bus.announce(self.meter.name, time.monotonic() + rest_s)
                await self._fast.sleep(min(rest_s, LOOK_AT_CLOCK_S))

    def _follow(self, grid: Grid, now_us: int) -> None:
        self._followed = grid
        if grid is self._fast_grid:
            # Its moments that have passed were never due.
            self._served_us = now_us

    def _notice_clock_jump(self, now_us: int) -> None:
        moved_us = now_us - self._clock.monotonic_us() - self._offset_us
        self._offset_us += moved_us
        if abs(moved_us) > CLOCK_JUMP_US:
            log.warning("The clock was set by %+.1f s.", moved_us / 1e6)
            self._served_us = now_us

    async def _round(self, stamp_us: int, measurands: frozenset[str]) -> None:
        started_us = self._clock.monotonic_us()
        before = learned = self.state.learned
        if started_us >= self._absent_again_us:
            learned = forget_absent(learned, self.meter.model)
            self._absent_again_us = started_us + ABSENT_AGAIN_US
        deadline_s = time.monotonic() + self._grid_now().shortest_of(measurands) / 1e6
        bus, note = self._bus.settings, self._acquaintance.turnarounds.note
        with self._bus.round():
            result = await read_round(
                self.meter,
                bus.format,
                measurands,
                learned,
                partial(self._bus.read, deadline_s=deadline_s, note_turnaround=note),
                partial(self._bus.read_several, deadline_s=deadline_s, note_turnaround=note)
                if bus.pipeline > 1
                else None,
            )
        if self.state.learned is before:
            # Otherwise it was forgotten meanwhile.
            turnaround_s = self._acquaintance.turnarounds.judge(result.learned.turnaround_s)
            self._keep_learned(learn_turnaround(result.learned, turnaround_s))
        self._note(result, stamp_us)
        if result.values:
            self.state.readings += 1
            self._deliver(Reading(self.meter.name, stamp_us, self._clock.boot, started_us, result.values))

    async def _wait_for_answer(self) -> None:
        """Ask the silent meter for one value, less and less often, when nobody else needs the line."""
        register = next(iter(self.meter.model.registers.values()))
        request = ReadRequest(self.meter.address, register.function, register.address, register.count)
        pause_s = FIRST_PROBE_S
        while True:
            await asyncio.sleep(pause_s)
            await self._bus.idle(self._bus.settings.timeout_s, patience_s=pause_s)
            try:
                await self._bus.read(request, deadline_s=math.inf)
            except NoAnswerError:
                self.state.failures[NoAnswerError.__name__] += 1
                pause_s = min(2 * pause_s, LAST_PROBE_S)
            except AnswerError:
                # Whatever it is, the meter is there.
                return
            else:
                return

    def _note(self, result: RoundResult, stamp_us: int) -> None:
        state, name = self.state, self.meter.name
        state.failures.update(type(failure).__name__ for failure in result.failures)
        if result.silent:
            self._note_silence(result.lost[0], stamp_us)
            return
        self._acquaintance.note_answers(self.meter.model)
        if state.silent_since_us is not None:
            log.info("Meter %s answers again, after %.0f s.", name, (stamp_us - state.silent_since_us) / 1e6)
            state.silent_since_us = None
        if result.lost:
            self._note_trouble(result.lost[0])
        elif self._trouble:
            log.info("Meter %s reads without errors again.", name)
            self._trouble = ""

    def _note_silence(self, error: AnswerError, stamp_us: int) -> None:
        if self.state.silent_since_us is None:
            log.warning("Meter %s is silent (%s). It is asked less and less often.", self.meter.name, error)
            self.state.silent_since_us = stamp_us

    def _note_trouble(self, error: SmartmeterError) -> None:
        trouble = type(error).__name__
        if trouble != self._trouble:
            what = "a block was given up" if isinstance(error, AnswerError) else "it cannot be read"
            log.warning("Meter %s: %s (%s).", self.meter.name, what, error)
        self._trouble = trouble

    def _keep_learned(self, learned: Learned) -> None:
        if learned is not self.state.learned:
            self._tell_news(learned)
            self.state.learned = learned

    def _tell_news(self, learned: Learned) -> None:
        news = describe_news(self.state.learned, learned, self.meter.model)
        if news and news not in self._news_told:
            self._news_told.add(news)
            log.warning("Meter %s refused a request; from now on %s.", self.meter.name, news)


def _lateness_us(grid: Grid) -> int:
    """By how much a round may start late."""
    return min(grid.shortest_us // 4, LATEST_START_US)
