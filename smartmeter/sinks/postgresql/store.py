"""The raw table and what is kept beside it: looked at, made, and given the columns that the raw table has got."""

import logging
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import psycopg
from psycopg import sql

from smartmeter.measurands import measurands
from smartmeter.periods import PERIODS
from smartmeter.settings.model import PostgresqlSettings
from smartmeter.sinks.postgresql.catalog import Table, look_at_database, look_at_table
from smartmeter.sinks.postgresql.columns import RollupColumn, wanted_columns
from smartmeter.sinks.postgresql.connection import Connection
from smartmeter.sinks.postgresql.dirty import mark_everything
from smartmeter.sinks.postgresql.names import Names
from smartmeter.sinks.postgresql.schema import lock_schema
from smartmeter.sinks.postgresql.steps import STEPS, check_known, run_steps, step_there
from smartmeter.sinks.postgresql.table import METER, TIME, Layout, TableError
from smartmeter.sinks.postgresql.timescaledb import (
    Continuous,
    compress_readings,
    drop_aggregates,
    make_aggregates,
    remember_more_than_readings,
)

# In the table of facts about the roll-ups: how long TimescaleDB keeps readings.
KEEP = "keep"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Store:
    """Where a table's roll-ups and energy are kept.

    `extension_schema`: where TimescaleDB's functions are, if it keeps the roll-ups; else None.
    """

    layout: Layout
    names: Names
    columns: tuple[RollupColumn, ...]
    extension_schema: str | None

    @property
    def continuous(self) -> bool:
        """Whether the roll-ups are TimescaleDB's continuous aggregates."""
        return self.extension_schema is not None

    @property
    def counters(self) -> Mapping[str, str]:
        """The columns of counters in the raw table, by measurand id."""
        return {id_: column.name for id_, column in self.layout.columns.items() if measurands()[id_].kind == "counter"}


async def find_store(connection: Connection, layout: Layout) -> Store | None:
    """What is there; None if there is nothing, or if steps are missing.

    Raises TableError if a newer smartmeter made it, psycopg.Error.
    """
    names = Names(layout.schema, layout.table)
    step = await step_there(connection, names)
    check_known(names, step)
    rollup = await look_at_table(connection, names.schema, names.rollup_name("15m"))
    if step < len(STEPS) or rollup is None:
        return None
    columns = tuple(column for column in wanted_columns(layout) if column.name in rollup.columns)
    extension = None if rollup.plain else await _extension_schema(connection)
    return Store(layout, names, columns, extension)


async def open_store(
    connection: Connection, settings: PostgresqlSettings, table: Table, layout: Layout, zone: ZoneInfo
) -> Store | None:
    """What is beside the table; made, where the settings allow it. None if there is nothing.

    Raises NewerSchemaError; TableError for what else keeps roll-ups from being kept; psycopg.Error.
    """
    if settings.manage_schema:
        return await ensure_store(connection, table, layout, zone)
    store = await find_store(connection, layout)
    if store is None and await step_there(connection, Names(layout.schema, layout.table)):
        raise TableError(
            f"the roll-ups of table {layout.schema}.{layout.table} are an older smartmeter's; smartmeter db upgrade"
        )
    return store


async def ensure_store(connection: Connection, table: Table, layout: Layout, zone: ZoneInfo) -> Store:
    """Make what is missing beside the table; all that was in the table before is marked to be rolled up.

    Raises TableError if a newer smartmeter was here, psycopg.Error if the database refuses.
    """
    store = await find_store(connection, layout)
    if store is None or len(store.columns) < len(wanted_columns(layout)):
        async with connection.transaction():
            await lock_schema(connection)
            await _make(connection, table, layout, zone)
        store = await find_store(connection, layout)
    if store is None:
        raise psycopg.errors.UndefinedTable(f"the roll-ups of table {layout.table} are gone again")
    return store


def continuous_of(store: Store, zone: ZoneInfo) -> Continuous:
    """The continuous aggregates of a store that has them."""
    if store.extension_schema is None:
        raise ValueError("these roll-ups are plain tables")
    return Continuous(store.extension_schema, store.names, store.columns, zone)


async def _make(connection: Connection, table: Table, layout: Layout, zone: ZoneInfo) -> None:
    names = Names(layout.schema, layout.table)
    before = await run_steps(connection, names)
    there = await look_at_table(connection, names.schema, names.rollup_name("15m"))
    if there is None:
        await _make_rollups(connection, table, layout, zone)
        log.info("Made roll-ups and energy beside table %s.%s.", names.schema, names.table)
    elif there.plain:
        await _add_columns(connection, names, there, layout)
    else:
        await _remake_continuous(connection, names, layout, zone)
    if before == 0:
        await mark_everything(connection, names, layout)


async def _make_rollups(connection: Connection, table: Table, layout: Layout, zone: ZoneInfo) -> None:
    names, columns = Names(layout.schema, layout.table), wanted_columns(layout)
    if table.hypertable and layout.has_meter:
        continuous = Continuous(await _extension_schema(connection), names, columns, zone)
        if await _tried(connection, make_aggregates(connection, continuous), "roll-ups are plain tables"):
            await _tried(connection, compress_readings(connection, continuous), "readings are not compressed")
            return
    for period in PERIODS:
        await _make_plain(connection, names.rollup(period), columns)


async def _tried(connection: Connection, making: Awaitable[None], otherwise: str) -> bool:
    """Whether TimescaleDB did it; a refusal changes nothing and is told."""
    try:
        async with connection.transaction():
            await making
    except psycopg.Error as error:
        log.warning("TimescaleDB refused, so %s: %s", otherwise, error)
        return False
    return True


async def _extension_schema(connection: Connection) -> str:
    """Where TimescaleDB's functions are. Raises psycopg.Error if it is not there."""
    schema = (await look_at_database(connection, None)).timescaledb_schema
    if schema is None:
        raise psycopg.errors.UndefinedObject("the extension TimescaleDB is gone")
    return schema


async def _make_plain(connection: Connection, rollup: sql.Identifier, columns: Sequence[RollupColumn]) -> None:
    await connection.execute(
        sql.SQL(
            "CREATE TABLE {rollup} ({meter} text NOT NULL, {time} timestamptz NOT NULL, n integer NOT NULL{columns},"
            " PRIMARY KEY ({meter}, {time}))"
        ).format(
            rollup=rollup,
            meter=sql.Identifier(METER),
            time=sql.Identifier(TIME),
            columns=sql.Composed([sql.SQL(", {} double precision").format(column.identifier) for column in columns]),
        )
    )


async def _add_columns(connection: Connection, names: Names, there: Table, layout: Layout) -> None:
    lacking = [column for column in wanted_columns(layout) if column.name not in there.columns]
    for period in PERIODS if lacking else ():
        await connection.execute(
            sql.SQL("ALTER TABLE {} {}").format(
                names.rollup(period),
                sql.SQL(", ").join(
                    sql.SQL("ADD COLUMN IF NOT EXISTS {} double precision").format(column.identifier)
                    for column in lacking
                ),
            )
        )


async def _remake_continuous(connection: Connection, names: Names, layout: Layout, zone: ZoneInfo) -> None:
    """A continuous aggregate cannot get columns. One that remembers what the readings do not any more stays."""
    if await remember_more_than_readings(connection, names):
        log.warning(
            "The roll-ups of table %s.%s get no new columns: they would have to be made anew, and older readings are "
            "gone.",
            names.schema,
            names.table,
        )
        return
    await drop_aggregates(connection, names)
    # The new ones are refreshed without limit until they are told how long readings are kept.
    await connection.execute(sql.SQL("DELETE FROM {} WHERE key = %s").format(names.meta), (KEEP,))
    schema = await _extension_schema(connection)
    await make_aggregates(connection, Continuous(schema, names, wanted_columns(layout), zone))
