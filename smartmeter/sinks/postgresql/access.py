"""The way to the table for those who look at it or work on it beside the daemon."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import psycopg

from smartmeter.energy.site import Site
from smartmeter.measurands import Language
from smartmeter.settings.model import PostgresqlSettings, Settings
from smartmeter.settings.site import site_of
from smartmeter.sinks.postgresql.catalog import Table, look_at_table
from smartmeter.sinks.postgresql.connection import Connection, place, unavailable
from smartmeter.sinks.postgresql.link import Link
from smartmeter.sinks.postgresql.schema import no_table
from smartmeter.sinks.postgresql.store import Store, find_store
from smartmeter.sinks.postgresql.table import Layout, TableError, layout_of
from smartmeter.sinks.sink import SinkError


@dataclass(frozen=True, slots=True)
class Found:
    """What the settings lead to. `store` None: there are no roll-ups, or steps are missing."""

    connection: Connection
    table: Table
    layout: Layout
    store: Store | None


@dataclass(frozen=True, slots=True)
class Target:
    """A database as the settings describe it, and what they say of meters, measurands, language and site."""

    settings: PostgresqlSettings
    meters: tuple[str, ...]
    measurands: frozenset[str]
    language: Language
    site: Site


def target_of(settings: Settings) -> Target | None:
    """The database of the settings; None if they have none."""
    if settings.postgresql is None:
        return None
    meters = [meter for bus in settings.buses for meter in bus.meters]
    return Target(
        settings=settings.postgresql,
        meters=tuple(meter.name for meter in meters),
        measurands=frozenset(id_ for meter in meters for id_ in meter.intervals_us),
        language=settings.language,
        site=site_of(settings),
    )


@contextmanager
def owners_words(settings: PostgresqlSettings) -> Iterator[None]:
    """Turn errors of the database into SinkError, one line that says where."""
    try:
        yield
    except psycopg.Error as error:
        raise unavailable(settings, error) from None
    except TableError as error:
        raise SinkError(f"{place(settings)}: {error}") from None


@asynccontextmanager
async def opened_link(settings: PostgresqlSettings) -> AsyncIterator[Connection]:
    """A connection of its own, with the tunnel if it needs one. Raises SinkError, also for errors inside the block."""
    link = Link(settings)
    try:
        with owners_words(settings):
            yield await link.connection()
    finally:
        await link.close()


@asynccontextmanager
async def opened(target: Target) -> AsyncIterator[Found]:
    """The table with what is beside it, on a connection of its own.

    Raises SinkError, also for errors of the database inside the block.
    """
    async with opened_link(target.settings) as connection:
        yield await find(connection, target.settings, target.meters, target.language)


async def find(
    connection: Connection, settings: PostgresqlSettings, meters: Sequence[str], language: Language
) -> Found:
    """Raises TableError, psycopg.Error."""
    table = await look_at_table(connection, settings.schema, settings.table)
    if table is None:
        raise TableError(no_table(settings))
    layout = layout_of(table, meters, language)
    return Found(connection, table, layout, await find_store(connection, layout))


def need_store(found: Found) -> Store:
    """Raises TableError where there are no roll-ups."""
    if found.store is None:
        layout = found.layout
        raise TableError(
            f"there are no roll-ups beside table {layout.schema}.{layout.table}; make them: smartmeter db init"
        )
    return found.store
