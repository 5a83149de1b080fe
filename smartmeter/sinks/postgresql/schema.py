"""Makes the table, and adds what it lacks."""

import logging
from collections.abc import Collection

import psycopg
from psycopg import sql

from smartmeter.measurands import Language, measurands
from smartmeter.settings.model import PostgresqlSettings
from smartmeter.sinks.postgresql.catalog import Table, look_at_database, look_at_table
from smartmeter.sinks.postgresql.connection import Connection
from smartmeter.sinks.postgresql.table import METER, TIME, TableError, table_language, without_column

log = logging.getLogger(__name__)

# Any number that nobody else uses: these are the letters "smartmtr".
_LOCK = int.from_bytes(b"smartmtr")

# ADD COLUMN waits for every query on the table, and all later ones wait behind it: better to try again later.
_LOCK_TIMEOUT = "SET LOCAL lock_timeout = '5s'"


async def ensure_table(
    connection: Connection, settings: PostgresqlSettings, ids: Collection[str], language: Language
) -> Table:
    """The table, with a column for each of these measurands as far as the settings allow to change it.

    Raises TableError if there is no table and none may be made, psycopg.Error if the database refuses.
    """
    table = await look_at_table(connection, settings.schema, settings.table)
    if table is not None and not (settings.manage_schema and table.plain and without_column(table, ids)):
        return table
    if not settings.manage_schema:
        raise TableError(no_table(settings))
    try:
        await _change(connection, settings, ids, language)
    except psycopg.errors.InsufficientPrivilege as error:
        lacks = may_not_create(settings) if table is None else may_not_add(settings, table, ids, language)
        raise TableError(f"{lacks} ({error.diag.message_primary})") from None
    table = await look_at_table(connection, settings.schema, settings.table)
    if table is None:
        raise TableError(f"table {settings.table!r} is gone again, or not in the user's search path")
    return table


async def lock_schema(connection: Connection) -> None:
    """Be the only one who changes tables until the end of the transaction.

    Two programs that start at once would both find nothing there: one waits here, and then looks again.
    """
    await connection.execute(_LOCK_TIMEOUT)
    await connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))


def no_table(settings: PostgresqlSettings) -> str:
    """What to say where there is no table and none may be made."""
    return (
        f"there is no table {settings.table!r}; create it (docs/database.md), or let it be created with "
        "manage_schema = true in the settings"
    )


def may_not_create(settings: PostgresqlSettings) -> str:
    """What to say where the user has no right to make the table."""
    return (
        f"there is no table {settings.table!r}, and user {settings.user!r} may not make one; GRANT CREATE ON SCHEMA "
        f'{settings.schema or "public"} TO "{settings.user}"'
    )


def may_not_add(settings: PostgresqlSettings, table: Table, ids: Collection[str], language: Language) -> str:
    """What to say where the user has no right to add the columns for these measurands."""
    first, *others = new_columns(table, ids, language)
    more = f" and {len(others)} more" if others else ""
    return (
        f"table {table.schema}.{table.name} lacks the column {first}{more}, which only its owner may add; make this "
        f'user the owner: ALTER TABLE {table.schema}.{table.name} OWNER TO "{settings.user}"; or leave out what has no '
        "column with manage_schema = false in the settings"
    )


def new_columns(table: Table, ids: Collection[str], language: Language) -> list[str]:
    """The names of the columns that the table lacks for these measurands."""
    language = table_language(table, language)
    return [measurands()[id_].column(language) for id_ in without_column(table, ids)]


async def _change(
    connection: Connection, settings: PostgresqlSettings, ids: Collection[str], language: Language
) -> None:
    async with connection.transaction():
        await lock_schema(connection)
        table = await look_at_table(connection, settings.schema, settings.table)
        if table is None:
            await _create(connection, settings, ids, language)
        else:
            await _add_columns(connection, table, ids, language)


async def _create(
    connection: Connection, settings: PostgresqlSettings, ids: Collection[str], language: Language
) -> None:
    name = sql.Identifier(*([settings.schema] if settings.schema else []), settings.table)
    values = [sql.Identifier(measurands()[id_].column(language)) for id_ in measurands() if id_ in ids]
    await connection.execute(
        sql.SQL("CREATE TABLE {name} ({time} timestamptz NOT NULL, {meter} text NOT NULL, {values}, {key})").format(
            name=name,
            time=sql.Identifier(TIME),
            meter=sql.Identifier(METER),
            values=sql.SQL(", ").join(sql.SQL("{} double precision").format(value) for value in values),
            key=sql.SQL("PRIMARY KEY ({}, {})").format(sql.Identifier(METER), sql.Identifier(TIME)),
        )
    )
    log.info("Made table %s in database %s.", name.as_string(connection), settings.database)
    database = await look_at_database(connection, settings.schema)
    if database.timescaledb_schema is not None:
        await _make_hypertable(connection, database.timescaledb_schema, name)


async def _make_hypertable(connection: Connection, extension_schema: str, name: sql.Identifier) -> None:
    """Let TimescaleDB (2.13 or later) keep the table; without, it is a plain table that works as well."""
    statement = sql.SQL("SELECT {create}(%s::regclass, {by_range}(%s::name))").format(
        create=sql.Identifier(extension_schema, "create_hypertable"),
        by_range=sql.Identifier(extension_schema, "by_range"),
    )
    try:
        async with connection.transaction():
            await connection.execute(statement, (name.as_string(connection), TIME))
    except psycopg.Error as error:
        log.warning("TimescaleDB did not make table %s a hypertable: %s", name.as_string(connection), error)
    else:
        log.info("Table %s is a TimescaleDB hypertable.", name.as_string(connection))


async def _add_columns(connection: Connection, table: Table, ids: Collection[str], language: Language) -> None:
    columns = new_columns(table, ids, language)
    if not columns:
        return
    await connection.execute(
        sql.SQL("ALTER TABLE {} {}").format(
            sql.Identifier(table.schema, table.name),
            sql.SQL(", ").join(
                sql.SQL("ADD COLUMN IF NOT EXISTS {} double precision").format(sql.Identifier(column))
                for column in columns
            ),
        )
    )
    log.info("Added to table %s.%s: %s.", table.schema, table.name, ", ".join(columns))
