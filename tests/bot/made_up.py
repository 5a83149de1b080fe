"""A house as the bot sees it: real parts, without a line and without a daemon."""

from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import SimpleNamespace
from zoneinfo import ZoneInfo

from smartmeter.alarms.messages import Wording
from smartmeter.alarms.watch import AlarmWatch, Looks
from smartmeter.clock import Clock, Moment
from smartmeter.energy.site import Site
from smartmeter.house import House
from smartmeter.journal import Journal
from smartmeter.journal.bulk import JournalImport
from smartmeter.journal.history import JournalHistory
from smartmeter.live import Live
from smartmeter.modbus.line import SerialFormat
from smartmeter.models import load_model
from smartmeter.periods import from_local
from smartmeter.polling.bus import Bus
from smartmeter.polling.fast import FastInterval
from smartmeter.polling.poller import MeterPoller
from smartmeter.reading import Reading
from smartmeter.settings.model import (
    BusSettings,
    FastSettings,
    JournalSettings,
    MeterSettings,
    Settings,
    TelegramSettings,
)
from smartmeter.state import create_state

BERLIN = ZoneInfo("Europe/Berlin")
LINE = SerialFormat(9600, 8, "N", 1)
BOOT = "this-boot"
NASTY = "<b>R&D</b> \"q\" 'x' \N{ELECTRIC PLUG} " + "ä" * 76


def at(*args, zone=BERLIN):
    return from_local(datetime(*args, tzinfo=zone).astimezone(UTC))


NOON_US = at(2026, 11, 24, 12)


class MadeUpClock:
    """Both clocks, as they are set."""

    def __init__(self, wall_us=NOON_US, monotonic_us=1_000_000_000):
        self.wall_us = wall_us
        self.monotonic_us = monotonic_us

    @property
    def clock(self):
        return Clock(lambda: self.wall_us, lambda: self.monotonic_us, BOOT)

    def advance(self, seconds):
        self.wall_us += round(seconds * 1e6)
        self.monotonic_us += round(seconds * 1e6)

    def moment(self, boot=BOOT):
        return Moment(self.wall_us, boot, self.monotonic_us)


def meter(name="house", model="SDM530", interval_us=10_000_000, measurands=None, address=1):
    loaded = load_model(model)
    ids = list(loaded.registers) if measurands is None else measurands
    return MeterSettings(name, loaded, address, dict.fromkeys(ids, interval_us))


@dataclass
class Home:
    """A house and what moves it."""

    house: House
    clock: MadeUpClock
    fast: FastInterval
    shortened: list = field(default_factory=list)

    def read(self, name, values, ago_s=0):
        time_us = self.clock.wall_us - round(ago_s * 1e6)
        self.house.live.publish(Reading(name, time_us, BOOT, self.clock.monotonic_us, values))


async def _nothing(_):
    return None


@asynccontextmanager
async def home(directory, meters=None, language="de", history=(), rules=(), tariffs=(), token=None, api_url="", **more):
    """`history`: what lies in the journal, as (meter, time, values)."""
    meters = [meter()] if meters is None else meters
    clock = MadeUpClock()
    path = directory / "smartmeter.db"
    site = Site(BERLIN, tuple(tariffs))
    ids = dict.fromkeys(id_ for one in meters for id_ in one.intervals_us)
    if history:
        with JournalImport.for_shipping(path, ids, site) as bulk:
            bulk.append([Reading(name, time_us, "boot", 0, values) for name, time_us, values in history], "made up", "")
            bulk.refresh(lambda *_: None)
    telegram = TelegramSettings(token, api_url) if token else None
    settings = Settings(
        source=directory / "smartmeter.toml",
        language=language,
        buses=(BusSettings("bus1", "/dev/null", LINE, 0.5, tuple(meters)),),
        journal=JournalSettings(path),
        postgresql=None,
        fast=FastSettings(2_000_000, 120.0),
        timezone="Europe/Berlin",
        tariffs=tuple(tariffs),
        telegram=telegram,
        **more,
    )
    create_state(settings.journal.state_path)
    journal = await Journal.open(settings.journal, list(ids), ["postgresql"], site)
    fast = FastInterval(settings.fast)
    buses = [Bus(bus) for bus in settings.buses]
    pollers = [MeterPoller(one, buses[0], fast, clock.clock, lambda _: None) for one in meters]
    alarms = AlarmWatch(rules, settings.journal.state_path, clock.clock, Looks(_nothing, _nothing, _nothing))
    made = Home(None, clock, fast)

    def shorten(interval_us, duration_s):
        made.shortened.append((interval_us, duration_s))
        fast.start(interval_us, duration_s)

    made.house = House(
        settings=settings,
        wording=Wording(language, BERLIN),
        clock=clock.clock,
        started=Moment(clock.wall_us - 3_600_000_000, BOOT, clock.monotonic_us - 3_600_000_000),
        live=Live(),
        buses=buses,
        pollers=pollers,
        journal=journal,
        history=JournalHistory(path),
        shippers={},
        alarms=alarms,
        fast=fast,
        shorten=shorten,
    )
    try:
        yield made
    finally:
        await made.house.history.close()
        await journal.close()


def in_english(house):
    return replace(house, wording=Wording("en", BERLIN))


def plain_house(*names):
    """Enough of a house to understand words."""
    meters = [meter(name) for name in names]
    return SimpleNamespace(meters=meters, wording=Wording("en", BERLIN))
