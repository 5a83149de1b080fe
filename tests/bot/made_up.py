"""A house as the bot sees it."""

from contextlib import asynccontextmanager
from dataclasses import replace
from types import SimpleNamespace

from smartmeter.alarms.messages import Wording
from smartmeter.models import load_model
from smartmeter.settings.model import MeterSettings, TelegramSettings
from smartmeter.state import create_state
from tests.fixtures.house import BERLIN, BOOT, NOON_US, Home, MadeUpClock, at, house_of

__all__ = [
    "BOOT",
    "NASTY",
    "NOON_US",
    "Home",
    "MadeUpClock",
    "at",
    "home",
    "in_english",
    "meter",
    "plain_house",
]

NASTY = "<b>R&D</b> \"q\" 'x' \N{ELECTRIC PLUG} " + "ä" * 76


def meter(name="house", model="SDM530", interval_us=10_000_000, measurands=None, address=1):
    loaded = load_model(model)
    ids = list(loaded.registers) if measurands is None else measurands
    return MeterSettings(name, loaded, address, dict.fromkeys(ids, interval_us))


@asynccontextmanager
async def home(directory, meters=None, language="de", token=None, api_url="", **more):
    telegram = TelegramSettings(token, api_url) if token else None
    meters = [meter()] if meters is None else meters
    async with house_of(directory, meters, language=language, sinks=["postgresql"], telegram=telegram, **more) as made:
        create_state(made.house.settings.journal.state_path)
        yield made


def in_english(house):
    return replace(house, wording=Wording("en", BERLIN))


def plain_house(*names):
    """Enough of a house to understand words."""
    meters = [meter(name) for name in names]
    return SimpleNamespace(meters=meters, wording=Wording("en", BERLIN))
