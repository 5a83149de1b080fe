"""A house as the page sees it."""

import asyncio
import logging
import re
from contextlib import asynccontextmanager, suppress

import httpx

from smartmeter.models import load_model
from smartmeter.settings.model import MeterSettings, WebSettings
from smartmeter.web.app import page_of
from smartmeter.web.server import serve_page
from tests.fixtures.house import BOOT, HOUR_US, NOON_US, at, fill, house_of

__all__ = [
    "BOOT",
    "DAY_US",
    "HOUR_US",
    "LOCKED",
    "NOON_US",
    "PASSWORD",
    "PASSWORD_HASH",
    "SECOND_US",
    "TOKEN",
    "USUAL",
    "asking",
    "at",
    "fill",
    "home",
    "log_in",
    "meter",
    "serving",
]

SECOND_US = 1_000_000
DAY_US = 24 * HOUR_US
PASSWORD = "correct horse"
# Cheap, so that tests are quick.
PASSWORD_HASH = "$argon2id$v=19$m=8,t=1,p=1$h9aejoq4kaFBrbf5mKFLuQ$or4sk2XVV79NVbF3DYjO4EvnGt+JG2maPOdwCIJm1U4"
TOKEN = "hTq3vXn0cW5yLr8sKd2fZb7m"
LOCKED = WebSettings(password_hash=PASSWORD_HASH, tokens=(TOKEN,))
USUAL = ("voltage_l1", "active_power_total", "active_energy_import", "active_energy_export")


def meter(name="house", model="SDM530", interval_us=10 * SECOND_US, measurands=USUAL, address=1, intervals_us=None):
    intervals_us = dict.fromkeys(measurands, interval_us) | (intervals_us or {})
    return MeterSettings(name, load_model(model), address, intervals_us)


def home(directory, meters=None, **more):
    return house_of(directory, [meter()] if meters is None else meters, **more)


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
