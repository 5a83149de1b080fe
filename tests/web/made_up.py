"""A house as the page sees it: real parts, without a line and without a daemon."""

import asyncio
import logging
import re
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import httpx

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
    WebSettings,
)
from smartmeter.web.app import page_of
from smartmeter.web.server import serve_page

BERLIN = ZoneInfo("Europe/Berlin")
LINE = SerialFormat(9600, 8, "N", 1)
BOOT = "this-boot"
SECOND_US = 1_000_000
HOUR_US = 3_600 * SECOND_US
DAY_US = 24 * HOUR_US
PASSWORD = "correct horse"
# Cheap, so that tests are quick.
PASSWORD_HASH = "$argon2id$v=19$m=8,t=1,p=1$h9aejoq4kaFBrbf5mKFLuQ$or4sk2XVV79NVbF3DYjO4EvnGt+JG2maPOdwCIJm1U4"
TOKEN = "hTq3vXn0cW5yLr8sKd2fZb7m"
LOCKED = WebSettings(password_hash=PASSWORD_HASH, tokens=(TOKEN,))
USUAL = ("voltage_l1", "active_power_total", "active_energy_import", "active_energy_export")


def at(*args, zone=BERLIN):
    return from_local(datetime(*args, tzinfo=zone).astimezone(UTC))


NOON_US = at(2026, 11, 24, 12)


class MadeUpClock:
    """Both clocks, as they are set."""

    def __init__(self, wall_us=NOON_US, monotonic_us=10_000_000_000):
        self.wall_us = wall_us
        self.monotonic_us = monotonic_us

    @property
    def clock(self):
        return Clock(lambda: self.wall_us, lambda: self.monotonic_us, BOOT)


def meter(name="house", model="SDM530", interval_us=10 * SECOND_US, measurands=USUAL, address=1, intervals_us=None):
    intervals_us = dict.fromkeys(measurands, interval_us) | (intervals_us or {})
    return MeterSettings(name, load_model(model), address, intervals_us)


@dataclass
class Home:
    """A house and what moves it."""

    house: House
    clock: MadeUpClock
    path: object
    shortened: list = field(default_factory=list)

    def read(self, values, name="house", ago_s=0):
        time_us = self.clock.wall_us - round(ago_s * 1e6)
        self.house.live.publish(Reading(name, time_us, BOOT, self.clock.monotonic_us, values))


async def _nothing(_):
    return None


@asynccontextmanager
async def home(directory, meters=None, history=(), rules=(), tariffs=(), now_us=NOON_US, language="de"):
    """`history`: what lies in the journal, as (meter, time, values)."""
    meters = [meter()] if meters is None else meters
    clock = MadeUpClock(now_us)
    path = directory / "smartmeter.db"
    site = Site(BERLIN, tuple(tariffs))
    ids = dict.fromkeys(id_ for one in meters for id_ in one.intervals_us)
    fill(path, ids, history, site)
    settings = Settings(
        source=directory / "smartmeter.toml",
        language=language,
        buses=(BusSettings("bus1", "/dev/null", LINE, 0.5, tuple(meters)),),
        journal=JournalSettings(path),
        postgresql=None,
        fast=FastSettings(2_000_000, 120.0),
        timezone="Europe/Berlin",
        tariffs=tuple(tariffs),
    )
    journal = await Journal.open(settings.journal, list(ids), [], site)
    fast = FastInterval(settings.fast)
    buses = [Bus(bus) for bus in settings.buses]
    made = Home(None, clock, path)

    def shorten(interval_us, duration_s):
        made.shortened.append((interval_us, duration_s))
        fast.start(interval_us, duration_s)

    made.house = House(
        settings=settings,
        wording=Wording(language, BERLIN),
        clock=clock.clock,
        started=Moment(clock.wall_us - HOUR_US, BOOT, clock.monotonic_us - HOUR_US),
        live=Live(),
        buses=buses,
        pollers=[MeterPoller(one, buses[0], fast, clock.clock, lambda _: None) for one in meters],
        journal=journal,
        history=JournalHistory(path),
        shippers={},
        alarms=AlarmWatch(rules, settings.journal.state_path, clock.clock, Looks(_nothing, _nothing, _nothing)),
        fast=fast,
        shorten=shorten,
    )
    try:
        yield made
    finally:
        await made.house.history.close()
        await journal.close()


def fill(path, ids, history, site=None):
    with JournalImport.for_shipping(path, ids, site or Site(BERLIN, ())) as bulk:
        bulk.append([Reading(name, time_us, "boot", 0, values) for name, time_us, values in history], "made up", "")
        bulk.refresh(lambda *_: None)


@asynccontextmanager
async def asking(home, settings=None, address="127.0.0.1", **headers):
    """A client of the application itself, without a port."""
    async with page_of(home.house, settings or WebSettings()) as page:
        transport = httpx.ASGITransport(app=page.app, raise_app_exceptions=False, client=(address, 4711))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:
            client.page = page
            yield client


@asynccontextmanager
async def serving(home, settings=None):
    """The page as the daemon serves it, at a port; gives the port."""
    told = asyncio.Event()
    found = []

    class Address(logging.Handler):
        def emit(self, record):
            if match := re.search(r"The page is at http://.*:(\d+)\.", record.getMessage()):
                found.append(int(match[1]))
                told.set()

    log, handler = logging.getLogger("smartmeter.web.server"), Address()
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    task = asyncio.create_task(serve_page(home.house, settings or WebSettings(port=0)))
    try:
        await asyncio.wait([task, asyncio.create_task(told.wait())], return_when=asyncio.FIRST_COMPLETED)
        yield found[0]
    finally:
        log.removeHandler(handler)
        log.setLevel(logging.NOTSET)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def log_in(client, password=PASSWORD):
    """Logs in and gives the header that changes want."""
    answer = await client.post("/api/v1/session", json={"password": password})
    assert answer.status_code == 200, answer.text
    return {"X-CSRF-Token": answer.json()["csrf"]}
