"""The way to the table for those who look at it or work on it beside the daemon."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import psycopg

from smartmeter.measurands import Language
from smartmeter.settings.model import PostgresqlSettings
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
async def opened(settings: PostgresqlSettings, meters: Sequence[str], language: Language) -> AsyncIterator[Found]:
    """The table with what is beside it, on a connection of its own.

    Raises SinkError, also for errors of the database inside the block.
    """
    link = Link(settings)
    try:
        with owners_words(settings):
            yield await find(await link.connection(), settings, meters, language)
    finally:
        await link.close()


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
