"""A settings file with a journal and, if wanted, a database, and the same readings in both."""

import asyncio
from zoneinfo import ZoneInfo

from smartmeter.cli.main import main
from smartmeter.energy.site import Rating, Site
from smartmeter.journal import Journal
from smartmeter.journal.entry import Entry
from smartmeter.reading import Reading
from smartmeter.settings.model import JournalSettings
from smartmeter.sinks.postgresql import PostgresqlSink
from tests.fixtures.postgresql import PASSWORD, USER

COUNTER = "active_energy_import"
START_US = 1_792_884_600_000_000
MINUTE_US = 60_000_000
SITE = Site(ZoneInfo("Europe/Berlin"), (), {"house": Rating(100.0, 3)})
SETTINGS = """
timezone = "Europe/Berlin"
[[bus]]
port = "/dev/ttyUSB0"
[[bus.meter]]
name = "house"
model = "SDM530"
address = 1
interval = "5s"
[journal]
path = "{journal}"
"""
DATABASE = """
[postgresql]
host = "{host}"
port = {port}
database = "{name}"
user = "{user}"
password = "{password}"
"""


def readings(*, jump=False):
    """Three hours; with a jump by 500 kWh after two."""
    counted = (100 + minute / 50 + (500 if jump and minute > 120 else 0) for minute in range(0, 180, 5))
    return [
        Reading("house", START_US + number * 5 * MINUTE_US, "boot", number, {COUNTER: round(value, 2)})
        for number, value in enumerate(counted, 1)
    ]


def settings_in(directory):
    """A settings file, for a journal beside it."""
    path = directory / "smartmeter.toml"
    path.write_text(SETTINGS.format(journal=directory / "smartmeter.db"), "utf-8")
    return path


def add_database(settings, postgresql):
    login = {"host": postgresql.host, "port": postgresql.server.port, "name": postgresql.name}
    text = DATABASE.format(**login, user=USER, password=PASSWORD)
    settings.write_text(settings.read_text("utf-8") + text, "utf-8")


async def _fill_journal(path, kept):
    journal = await Journal.open(JournalSettings(path), [COUNTER], [], SITE)
    for reading in kept:
        journal.append(reading)
    await journal.close()


async def _fill_database(database_settings, kept):
    sink = PostgresqlSink(database_settings, [], "en", SITE)
    await sink.write([Entry(number, reading) for number, reading in enumerate(kept)])
    await sink.close()


def fill(settings, kept, postgresql=None):
    asyncio.run(_fill_journal(settings.with_name("smartmeter.db"), kept))
    if postgresql is not None:
        add_database(settings, postgresql)
        asyncio.run(_fill_database(postgresql.settings(), kept))


def run(settings, *words):
    return main(["db", *words, "-c", str(settings)])


def day_energy(postgresql):
    ((energy,),) = postgresql.rows("SELECT sum(energy) FROM smartmeter_energy_1d WHERE measurand = %s", COUNTER)
    return round(energy, 6)
