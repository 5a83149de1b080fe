"""The made-up year in real stores, rolled up by the code that does it in the daemon, and asked as Grafana asks."""

import asyncio
import os
import sqlite3
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest
from psycopg import sql

from smartmeter.grafana.journal import JournalStore
from smartmeter.grafana.postgresql import PostgresqlStore
from smartmeter.journal import Journal
from smartmeter.journal.entry import Entry
from smartmeter.measurands import measurands
from smartmeter.settings.model import JournalSettings
from smartmeter.settings.site import site_of
from smartmeter.sinks.postgresql import PostgresqlSink
from tests.fixtures.postgresql import TIMESCALEDB, USER, Database, ForeignServer
from tests.grafana import macros, made_up_year
from tests.grafana.dashboards import MEASURANDS, ZONE, meter, settings, targets

BATCH = 250
METERS = (meter(), meter(made_up_year.PUMP, "SDM230", address=2))
# What the German table of the original is filled with: the days at the end.
GERMAN_FROM_US = made_up_year.at(2026, 2, 3)


@dataclass(frozen=True)
class Answer:
    """Rows as Grafana gets them: times in seconds since 1970, numbers as floats; `columns` as the query names them."""

    columns: tuple
    rows: list

    def by_first(self):
        """Each row as columns and cells, by its first cell."""
        return {first: dict(zip(self.columns[1:], rest, strict=True)) for first, *rest in self.rows}

    def one(self):
        (row,) = self.rows
        return dict(zip(self.columns, row, strict=True))


@dataclass(frozen=True)
class Asking:
    """A store with the year in it, how Grafana asks it, and from when on it has readings."""

    name: str
    store: object
    expand: object
    run: object
    settings: object
    connection: object
    from_us: int = made_up_year.START_US

    def target(self, dashboard, title):
        """The query of the panel with this title."""
        (found,) = [
            each
            for each in targets(self.store, self.settings, self.settings.language)
            if (each.dashboard, each.panel["title"]) == (dashboard, title)
        ]
        return found

    def __call__(self, target, asked):
        columns, rows = self.run(self.expand(target.sql, asked, target.least_step))
        return Answer(tuple(columns), [tuple(map(plain, row)) for row in rows])


def plain(cell):
    if isinstance(cell, datetime):
        return cell.timestamp()
    return float(cell) if isinstance(cell, Decimal) else cell


@contextmanager
def asking_postgresql(name, database, given, store, **more):
    with database.connect() as connection:
        # Grafana's session has a zone of its own.
        connection.execute("SET timezone = 'America/New_York'")

        def run(query):
            cursor = connection.execute(query.encode())
            return [column.name for column in cursor.description], cursor.fetchall()

        yield Asking(name, store, macros.postgresql, run, given, connection, **more)


async def ship(given, readings):
    sink = PostgresqlSink(
        given.postgresql, [each for bus in given.buses for each in bus.meters], given.language, site_of(given)
    )
    try:
        for start in range(0, len(readings), BATCH):
            batch = [Entry(number, each) for number, each in enumerate(readings[start : start + BATCH], start)]
            assert await sink.write(batch) == []
            # As it goes on, which is quicker than all at the end.
            while await sink.roll_up():
                pass
        with TemporaryDirectory() as directory:
            journal = await Journal.open(JournalSettings(Path(directory) / "smartmeter.db"), [], [])
            journal.note_health(made_up_year.health())
            await journal.commit()
            await sink.write_health(journal)
            await journal.close()
    finally:
        await sink.close()


async def keep(given, readings):
    journal = await Journal.open(given.journal, MEASURANDS, [], site_of(given))
    journal.note_health(made_up_year.health())
    try:
        for start in range(0, len(readings), BATCH):
            for reading in readings[start : start + BATCH]:
                journal.append(reading)
            await journal.commit()
            while waiting(given.journal.path):
                await journal.roll_up()
    finally:
        await journal.close()


def waiting(path):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT count(*) FROM dirty").fetchone()[0]


@contextmanager
def database(server, name):
    """A database of our own: that of the fixture `postgresql` is emptied for every test."""
    _as_superuser(server, sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), sql.Identifier(USER)))
    try:
        yield Database(server, name)
    finally:
        _as_superuser(server, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _as_superuser(server, statement):
    # On a connection of its own each: other tests stop and start the server meanwhile.
    with psycopg.connect(**server.superuser | {"dbname": "postgres"}, autocommit=True) as connection:
        connection.execute(statement)


@contextmanager
def in_postgresql(made):
    given = settings(*METERS, postgresql=made.settings())
    asyncio.run(ship(given, made_up_year.readings()))
    with asking_postgresql("postgresql", made, given, PostgresqlStore(None, "smartmeter", "en", ZONE)) as asking:
        yield asking


@contextmanager
def in_timescaledb(made):
    made.run("CREATE EXTENSION IF NOT EXISTS timescaledb", user=None)
    with in_postgresql(made) as asking:
        yield asking


@contextmanager
def in_german_table(made):
    """The original's table: German columns, and none for the meter."""
    columns = ", ".join(f"{measurands()[id_].column('de')} double precision" for id_ in MEASURANDS)
    made.run(
        'CREATE SCHEMA "mein haus"',
        f'CREATE TABLE "mein haus"."zähler" (ts timestamptz PRIMARY KEY, {columns})',
    )
    place = {"schema": "mein haus", "table": "zähler"}
    given = settings(meter(), language="de", postgresql=made.settings(**place))
    asyncio.run(ship(given, made_up_year.of_house(GERMAN_FROM_US)))
    store = PostgresqlStore("mein haus", "zähler", "de", ZONE)
    with asking_postgresql("german", made, given, store, from_us=GERMAN_FROM_US) as asking:
        yield asking


@contextmanager
def in_journal(directory):
    path = directory / "smartmeter.db"
    given = settings(*METERS, journal=JournalSettings(path))
    asyncio.run(keep(given, made_up_year.readings()))
    # As the plugin does by default.
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:

        def run(query):
            cursor = connection.execute(query)
            return [column[0] for column in cursor.description], cursor.fetchall()

        yield Asking("sqlite", JournalStore(ZONE), macros.sqlite, run, given, connection)


@pytest.fixture(scope="session")
def opened(postgresql_server, tmp_path_factory):
    """What gives a store with the year in it by its name, made once."""
    made = {}
    with ExitStack() as stack:

        def new(name):
            if name == "journal":
                return in_journal(Path(tmp_path_factory.mktemp("journal")))
            is_foreign = name == "timescaledb"
            server = ForeignServer(TIMESCALEDB) if is_foreign else postgresql_server
            own = stack.enter_context(database(server, f"smartmeter_{name}_{os.getpid()}"))
            return {"postgresql": in_postgresql, "timescaledb": in_timescaledb, "german": in_german_table}[name](own)

        def find(name):
            if name not in made:
                made[name] = stack.enter_context(new(name))
            return made[name]

        yield find


WHOLE_YEAR = ["journal", "postgresql", *(["timescaledb"] if TIMESCALEDB else [])]


@pytest.fixture(params=WHOLE_YEAR)
def year(request, opened):
    """The whole year, in each kind of store."""
    return opened(request.param)


@pytest.fixture(params=[*WHOLE_YEAR, "german"])
def asking(request, opened):
    """Every store, the original's table too."""
    return opened(request.param)
