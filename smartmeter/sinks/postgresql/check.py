"""What shipping to PostgreSQL would meet, found out without changing anything."""

from collections.abc import Collection, Sequence

import psycopg

from smartmeter.measurands import Language
from smartmeter.settings.model import MeterSettings, PostgresqlSettings
from smartmeter.sinks.postgresql.catalog import Database, Table, look_at_database, look_at_table
from smartmeter.sinks.postgresql.connection import Connection, place, unavailable
from smartmeter.sinks.postgresql.link import Link
from smartmeter.sinks.postgresql.schema import may_not_add, may_not_create, new_columns, no_table
from smartmeter.sinks.postgresql.steps import NewerSchemaError
from smartmeter.sinks.postgresql.store import find_store
from smartmeter.sinks.postgresql.table import Layout, TableError, layout_of
from smartmeter.sinks.sink import SinkError


async def check_postgresql(
    settings: PostgresqlSettings, meters: Sequence[MeterSettings], language: Language
) -> list[str]:
    """Lines that say what the database is, and what would be done with its table. Changes nothing there.

    Raises SinkError for what would keep readings from being stored.
    """
    link = Link(settings)
    try:
        connection = await link.connection()
        database = await look_at_database(connection, settings.schema)
        _check_writing(database)
        table = await look_at_table(connection, settings.schema, settings.table)
        ids = {id_ for meter in meters for id_ in meter.intervals_us}
        names = [meter.name for meter in meters]
        if table is None:
            lines = _new_table(settings, database, ids)
        else:
            layout = layout_of(table, names, language)
            lines = _old_table(settings, table, layout, ids, language)
            lines.append(await _beside(connection, settings, layout))
    except psycopg.Error as error:
        raise unavailable(settings, error) from None
    except TableError as error:
        raise SinkError(f"{place(settings)}: {error}") from None
    finally:
        await link.close()
    return [f"{place(settings)}: server version {database.version}, {_timescaledb(database)}", *lines]


def _check_writing(database: Database) -> None:
    if database.read_only:
        raise TableError("the server only reads; is it a standby?")


def _timescaledb(database: Database) -> str:
    return "without TimescaleDB" if database.timescaledb is None else f"with TimescaleDB {database.timescaledb}"


def _new_table(settings: PostgresqlSettings, database: Database, ids: Collection[str]) -> list[str]:
    if not settings.manage_schema:
        raise TableError(no_table(settings))
    if not database.may_create:
        raise TableError(may_not_create(settings))
    kind = "table" if database.timescaledb is None else "hypertable"
    return [
        f"{kind} {settings.table} will be made, with a column for each of {len(ids)} measurands",
        "roll-ups and energy will be made beside it",
    ]


def _old_table(
    settings: PostgresqlSettings, table: Table, layout: Layout, ids: Collection[str], language: Language
) -> list[str]:
    for right, granted in (("INSERT", table.may_insert), ("SELECT", table.may_select)):
        if not granted:
            raise TableError(
                f"user {settings.user!r} lacks the right {right}; GRANT {right} ON {table.schema}.{table.name} TO "
                f'"{settings.user}"'
            )
    lacking = new_columns(table, ids, language)
    if lacking and settings.manage_schema and not table.owned:
        raise TableError(may_not_add(settings, table, ids, language))
    kind = "hypertable" if table.hypertable else "table"
    whose = "any number of meters" if layout.only_meter is None else f"meter {layout.only_meter} alone"
    lines = [f"{kind} {table.schema}.{table.name}: columns for {len(layout.columns)} measurands, for {whose}"]
    if lacking and settings.manage_schema:
        lines.append(f"columns that will be added: {', '.join(lacking)}")
    elif lacking:
        lines.append(f"values that will be left out, because they have no column: {', '.join(lacking)}")
    return lines


async def _beside(connection: Connection, settings: PostgresqlSettings, layout: Layout) -> str:
    try:
        store = await find_store(connection, layout)
    except NewerSchemaError:
        raise
    except TableError as error:
        # It does not keep readings from being stored.
        return f"roll-ups and energy are not kept: {error}"
    if store is not None:
        return f"roll-ups and energy beside it: {'continuous aggregates' if store.continuous else 'tables'}, kept up"
    if settings.manage_schema:
        return "roll-ups and energy will be made beside it, from what is in it too"
    return "roll-ups and energy are not kept, because manage_schema is false; smartmeter db init makes them"
