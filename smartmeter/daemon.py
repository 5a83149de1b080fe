"""The daemon: builds everything from the settings and runs it. Nothing else wires the parts together."""

import asyncio
import gc
import importlib
import logging
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, NoReturn

from smartmeter import __version__, systemd
from smartmeter.clock import now, system_clock
from smartmeter.health import NOTE_EVERY_S, note_health
from smartmeter.journal import Journal
from smartmeter.live import Live
from smartmeter.memory import Memory, met_there
from smartmeter.polling.bus import Bus
from smartmeter.polling.fast import FastInterval
from smartmeter.polling.poller import MeterPoller
from smartmeter.polling.summary import describe_line, describe_meter
from smartmeter.reading import Reading
from smartmeter.settings.model import PostgresqlSettings, Settings
from smartmeter.settings.site import site_of
from smartmeter.sinks.driver import DriverError, require_driver

if TYPE_CHECKING:
    from smartmeter.house import House
    from smartmeter.sinks.shipper import ShipperState

# How long another thread may hold the interpreter while the line waits: shipping must not delay requests.
SWITCH_INTERVAL_S = 0.0005
# So many new objects, and garbage is looked for. The rounds of a thousand meters, under way at once, are none; they
# reach Python's own 700 about 40 times a second, which costs a seventh of the processor's time.
LOOK_FOR_GARBAGE_AFTER = 20_000
# After an error that nobody foresaw a part is started again after so long.
RESTART_S = 10.0
# What went wrong on the lines is summed up that often.
TELL_TROUBLE_S = 3600.0
# While the file with alarms and chats cannot be had, it is tried again that often.
TRY_STATE_AGAIN_S = 60.0

# More are not named one by one when it starts.
METERS_NAMED = 20

log = logging.getLogger(__name__)


class Daemon:
    """The running program. `live` and `fast` are for those who look at it and who shorten the interval."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.live = Live()
        self.fast = FastInterval(settings.fast)
        self.buses = tuple(Bus(bus) for bus in settings.buses)
        self.pollers: list[MeterPoller] = []
        self._journal: Journal | None = None
        self._clock = system_clock()
        self._started = now(self._clock)
        self._shippers: dict[str, ShipperState] = {}
        self._demand_wanted = asyncio.Event()
        self._memory = Memory(settings.journal.state_path)

    async def run(self) -> NoReturn:
        """Read, keep and ship until cancelled; what was read is then committed.

        Raises JournalError if the journal cannot be opened at all.
        """
        keep_pauses_short()
        log.info("Smartmeter %s reads %s.", __version__, _describe(self.settings))
        for notice in self.settings.notices:
            log.warning("%s", notice)
        sinks = ["postgresql"] if self.settings.postgresql else []
        measurands = _measurands(self.settings)
        self._journal = await Journal.open(self.settings.journal, measurands, sinks, site_of(self.settings))
        try:
            await self._run_parts(self._journal, sinks)
        finally:
            systemd.notify("STOPPING=1")
            for bus in self.buses:
                bus.close()
            await self._journal.close()
            await self._memory.save(self.pollers)
            self._tell_counts()
            if not self._journal.state.pending:
                log.info("Stopped; everything that was read is in the journal.")

    def shorten_interval(self, interval_us: int | None = None, duration_s: float | None = None) -> None:
        """Begin the fast interval, or begin it anew; see `FastInterval.start`."""
        self.fast.start(interval_us, duration_s)
        if self._journal is not None:
            self._journal.hurry(self.fast.interval_us / 1e6, self.fast.until_s)

    def write_demand_periods(self) -> None:
        """Have the demand periods of the settings written to the meters, once what is being written is done."""
        self._demand_wanted.set()

    async def _run_parts(self, journal: Journal, sinks: Sequence[str]) -> NoReturn:
        def deliver(reading: Reading) -> None:
            journal.append(reading)
            self.live.publish(reading)

        clock = self._clock
        known = await self._memory.load()
        async with asyncio.TaskGroup() as tasks:
            for bus in self.buses:
                for meter in bus.settings.meters:
                    poller = MeterPoller(meter, bus, self.fast, clock, deliver, met_there(known, bus.settings, meter))
                    self.pollers.append(poller)
                    tasks.create_task(_keep_running(f"meter {meter.name}", poller.run))
            if self.settings.postgresql:
                tasks.create_task(self._keep_shipping(journal, self.settings.postgresql))
            tasks.create_task(self._keep_answering(journal, sinks))
            tasks.create_task(self._tell_trouble())
            tasks.create_task(_keep_running("setting meters", self._keep_writing_demand_periods))
            tasks.create_task(
                _keep_running("keeping what is learned of meters", lambda: self._memory.keep(self.pollers))
            )
            tasks.create_task(
                _keep_running("notes on health", lambda: note_health(journal, self.buses, self.pollers, sinks, clock))
            )
            systemd.notify("READY=1")
            await systemd.keep_watchdog_quiet()

    async def _keep_writing_demand_periods(self) -> NoReturn:
        while True:
            await self._demand_wanted.wait()
            self._demand_wanted.clear()
            write = await _import_later("smartmeter.configuring.demand", "write_demand_periods")
            await write(self.buses)

    async def _tell_trouble(self) -> NoReturn:
        """Once in a while say what went wrong on the lines, if anything did since the last time."""
        told: dict[str, int] = {}
        while True:
            await asyncio.sleep(TELL_TROUBLE_S)
            for poller in self.pollers:
                name, troubles = poller.meter.name, poller.state.skipped + poller.state.failures.total()
                if troubles > told.get(name, 0):
                    told[name] = troubles
                    log.warning("Meter %s since the start: %s.", name, describe_meter(poller.state))

    def _tell_counts(self) -> None:
        for bus in self.buses:
            log.info("Bus %s: %s.", bus.settings.name, describe_line(bus.counters))
        for poller in self.pollers:
            log.info("Meter %s: %s.", poller.meter.name, describe_meter(poller.state))

    async def _keep_shipping(self, journal: Journal, settings: PostgresqlSettings) -> None:
        # Imported only here, so that who has no database does not pay for its driver, and in a thread: it takes long.
        try:
            await asyncio.to_thread(require_driver)
        except DriverError as error:
            log.error("%s.", error)  # noqa: TRY400 - a line for the owner, no traceback
            return
        from smartmeter.sinks.postgresql import PostgresqlSink  # noqa: PLC0415
        from smartmeter.sinks.shipper import ship  # noqa: PLC0415

        meters = tuple(meter for bus in self.settings.buses for meter in bus.meters)
        sink = PostgresqlSink(settings, meters, self.settings.language, site_of(self.settings))

        async def ship_health() -> NoReturn:
            while True:
                await asyncio.sleep(NOTE_EVERY_S)
                await sink.write_health(journal)

        async def ship_readings() -> NoReturn:
            await ship(journal, sink, settings.ship_interval_s, self.fast, self._note_shipper)

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_keep_running("shipping to PostgreSQL", ship_readings))
            tasks.create_task(_keep_running("shipping notes on health to PostgreSQL", ship_health))

    def _note_shipper(self, state: "ShipperState") -> None:
        self._shippers[state.sink] = state

    async def _keep_answering(self, journal: Journal, sinks: Sequence[str]) -> None:
        """Watch for alarms, run the bot and the page, as far as the settings want them."""
        settings = self.settings
        has_alarms = bool(settings.alarm_set or settings.alarms or settings.telegram)
        if not has_alarms and settings.web is None:
            return
        house = self._build_house(journal, sinks)
        async with asyncio.TaskGroup() as tasks:
            if has_alarms:
                tasks.create_task(_keep_running("alarms", lambda: self._tell_of_alarms(house)))
            if settings.web is not None:
                serve = await _import_later("smartmeter.web.server", "serve_page")
                tasks.create_task(_keep_running("the page", partial(serve, house, settings.web)))

    def _build_house(self, journal: Journal, sinks: Sequence[str]) -> "House":
        """All that the bot and the page may ask, with the alarms."""
        # Imported only here, so that who has neither does not pay for them.
        from smartmeter.alarms.configured import rules_of  # noqa: PLC0415
        from smartmeter.alarms.messages import Wording  # noqa: PLC0415
        from smartmeter.alarms.watch import AlarmWatch, Looks  # noqa: PLC0415
        from smartmeter.alarms.watched import backlog_age_s, day_energy, disk_percent  # noqa: PLC0415
        from smartmeter.house import House  # noqa: PLC0415
        from smartmeter.journal.history import JournalHistory  # noqa: PLC0415

        settings, clock, zone = self.settings, self._clock, site_of(self.settings).zone
        history = JournalHistory(journal.path)
        looks = Looks(
            backlog=lambda rule: backlog_age_s(journal, rule, self._started, clock),
            disk=lambda _: disk_percent(journal.path),
            day_energy=lambda rule: day_energy(history, rule, zone, clock.wall_us()),
        )
        return House(
            settings=settings,
            wording=Wording(settings.language, zone),
            clock=clock,
            started=self._started,
            live=self.live,
            buses=self.buses,
            pollers=self.pollers,
            journal=journal,
            history=history,
            shippers=self._shippers,
            alarms=AlarmWatch(rules_of(settings, sinks), settings.journal.state_path, clock, looks),
            fast=self.fast,
            shorten=self.shorten_interval,
        )

    async def _tell_of_alarms(self, house: "House") -> None:
        """Watch for alarms, and tell of them through all that the settings name; the bot is one of these."""
        from smartmeter.alarms.delivery import dismiss_others  # noqa: PLC0415 - only who has alarms needs it
        from smartmeter.state import StateError, create_state  # noqa: PLC0415

        try:
            await asyncio.to_thread(create_state, house.state)
            await house.alarms.load()
        except StateError as error:
            log.error("There are no alarms and no bot now: %s.", error)  # noqa: TRY400 - a line for the owner
            await asyncio.sleep(TRY_STATE_AGAIN_S)
            return
        with self.live.listening(house.alarms.hear):
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(house.alarms.run())
                tasks.create_task(self._tell_by_apprise(house))
                if self.settings.telegram is None:
                    await asyncio.to_thread(dismiss_others, house.state, "telegram:", ())
                else:
                    run = await _import_later("smartmeter.bot.telegram", "run_bot")
                    tasks.create_task(_keep_running("the bot", partial(run, house, self.settings.telegram)))

    async def _tell_by_apprise(self, house: "House") -> None:
        from smartmeter.alarms.apprise import recipient_of, send_by_apprise  # noqa: PLC0415 - who has no alarms needs none
        from smartmeter.alarms.delivery import dismiss_others, keep_telling  # noqa: PLC0415

        urls = self.settings.apprise
        await asyncio.to_thread(dismiss_others, house.state, "apprise:", [recipient_of(url) for url in urls])
        async with asyncio.TaskGroup() as tasks:
            for url in urls:
                send = partial(send_by_apprise, url)
                tasks.create_task(keep_telling(recipient_of(url), send, house.state, house.alarms.news, house.wording))


def keep_pauses_short() -> None:
    """Let neither another thread nor the garbage collector hold up the line for long."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    # What is there now stays for good: looking through it again and again would take 20 ms each time, on a Pi more.
    gc.collect()
    gc.freeze()
    gc.set_threshold(LOOK_FOR_GARBAGE_AFTER)


async def _import_later(module: str, name: str) -> Callable[..., Awaitable[object]]:
    """A function of a module that is imported in a thread: on a small machine that takes seconds."""
    function: Callable[..., Awaitable[object]] = getattr(await asyncio.to_thread(importlib.import_module, module), name)
    return function


async def _keep_running(name: str, part: Callable[[], Awaitable[object]]) -> NoReturn:
    """Run a part for ever. An error in it is an error of this program; it is logged whole and stops nothing else."""
    while True:
        started_s = time.monotonic()
        try:
            await part()
        except Exception:
            log.exception("Unexpected error in %s after %.0f s; please report it.", name, time.monotonic() - started_s)
            await asyncio.sleep(RESTART_S)


def _measurands(settings: Settings) -> list[str]:
    wanted = {id_: None for bus in settings.buses for meter in bus.meters for id_ in meter.intervals_us}
    return list(wanted)


def _describe(settings: Settings) -> str:
    meters = sum(len(bus.meters) for bus in settings.buses)
    if meters > METERS_NAMED:
        return f"{meters} meters on {len(settings.buses)} buses"
    return "; ".join(
        f"{meter.name} ({meter.model.name} at address {meter.address} on {bus.port}, {bus.format})"
        for bus in settings.buses
        for meter in bus.meters
    )
