"""What a database holds, for `smartmeter db status`. Changes nothing."""

from dataclasses import dataclass

from psycopg import sql

from smartmeter.periods import PERIODS
from smartmeter.sinks.postgresql.access import Found, Target, opened
from smartmeter.sinks.postgresql.catalog import look_at_database
from smartmeter.sinks.postgresql.connection import Connection, place
from smartmeter.sinks.postgresql.dirty import meters_in, own_rows
from smartmeter.sinks.postgresql.names import Names
from smartmeter.sinks.postgresql.settle import TIMEZONE, read_meta
from smartmeter.sinks.postgresql.steps import STEPS, step_there
from smartmeter.sinks.postgresql.table import Layout
from smartmeter.sinks.postgresql.times import us


@dataclass(frozen=True, slots=True)
class Compression:
    """How much of the readings TimescaleDB has compressed: chunks, and bytes before and after."""

    chunks: int
    compressed_chunks: int
    bytes_before: int
    bytes_after: int


@dataclass(frozen=True, slots=True)
class DatabaseStatus:
    """`schema` is the step that was run there (0: there are no roll-ups), `newest_schema` the one known here.

    Sizes are in bytes, times in UTC microseconds since 1970-01-01. `readings` is the server's estimate, `dirty` counts
    the quarter-hours that wait to be rolled up, `timezone` is the zone of hours and days; None: not made yet.
    """

    place: str
    version: str
    timescaledb: str | None
    table: str
    is_hypertable: bool
    continuous: bool
    schema: int
    newest_schema: int
    readings: int
    first_us: int | None
    last_us: int | None
    raw_bytes: int
    rollup_bytes: int
    energy_bytes: int
    dirty: int
    timezone: str | None
    compression: Compression | None


async def database_status(target: Target) -> DatabaseStatus:
    """Raises SinkError if the database cannot be reached, or has no table of the name."""
    async with opened(target) as found:
        connection, names = found.connection, Names(found.layout.schema, found.layout.table)
        database = await look_at_database(connection, target.settings.schema)
        store, extension = found.store, database.timescaledb_schema
        first_us, last_us = await _span(connection, found.layout)
        meta = {} if store is None else await read_meta(connection, store)
        return DatabaseStatus(
            place=place(target.settings),
            version=database.version,
            timescaledb=database.timescaledb,
            table=f"{names.schema}.{names.table}",
            is_hypertable=found.table.hypertable,
            continuous=store is not None and store.continuous,
            schema=await step_there(connection, names),
            newest_schema=len(STEPS),
            readings=await _estimate(connection, names),
            first_us=first_us,
            last_us=last_us,
            raw_bytes=await _bytes(connection, names.raw, extension if found.table.hypertable else None),
            rollup_bytes=await _rollup_bytes(found),
            energy_bytes=0 if store is None else await _energy_bytes(connection, names),
            dirty=0 if store is None else await _count(connection, names.dirty),
            timezone=meta.get(TIMEZONE),
            compression=await _compression(connection, names, extension) if found.table.hypertable else None,
        )


async def _span(connection: Connection, layout: Layout) -> tuple[int | None, int | None]:
    # Meter by meter: so the key's index knows it.
    names = Names(layout.schema, layout.table)
    statement = sql.SQL("SELECT {}, {} FROM {} WHERE {}").format(
        us(sql.SQL("min(ts)")), us(sql.SQL("max(ts)")), names.raw, own_rows(layout)
    )
    ends: list[int] = []
    for meter in await meters_in(connection, names, layout):
        ((first_us, last_us),) = await (await connection.execute(statement, {"meter": meter})).fetchall()
        ends += [] if first_us is None else [first_us, last_us]
    return (min(ends), max(ends)) if ends else (None, None)


async def _estimate(connection: Connection, names: Names) -> int:
    """The planner's, which knows chunks, and tables that were never analysed."""
    statement = sql.SQL("EXPLAIN (FORMAT JSON) SELECT FROM {}").format(names.raw)
    ((plan,),) = await (await connection.execute(statement)).fetchall()
    return int(plan[0]["Plan"]["Plan Rows"])


async def _count(connection: Connection, table: sql.Identifier) -> int:
    ((count,),) = await (await connection.execute(sql.SQL("SELECT count(*) FROM {}").format(table))).fetchall()
    return int(count)


async def _bytes(connection: Connection, table: sql.Identifier, extension_schema: str | None) -> int:
    """With indexes; `extension_schema`: TimescaleDB's, for a table that it keeps in chunks."""
    function = (
        sql.Identifier("pg_total_relation_size")
        if extension_schema is None
        else sql.Identifier(extension_schema, "hypertable_size")
    )
    statement = sql.SQL("SELECT {}(%s::regclass)").format(function)
    ((size,),) = await (await connection.execute(statement, (table.as_string(connection),))).fetchall()
    return int(size or 0)


async def _energy_bytes(connection: Connection, names: Names) -> int:
    return sum([await _bytes(connection, names.energy(period), None) for period in PERIODS])


async def _rollup_bytes(found: Found) -> int:
    store = found.store
    if store is None:
        return 0
    if store.extension_schema is None:
        return sum([await _bytes(found.connection, store.names.rollup(period), None) for period in PERIODS])
    statement = sql.SQL("""
        SELECT sum({}(format('%%I.%%I', materialization_hypertable_schema, materialization_hypertable_name)::regclass))
          FROM timescaledb_information.continuous_aggregates WHERE view_schema = %s AND view_name = ANY (%s)
    """).format(sql.Identifier(store.extension_schema, "hypertable_size"))
    views = [store.names.rollup_name(period) for period in PERIODS]
    ((size,),) = await (await found.connection.execute(statement, (store.names.schema, views))).fetchall()
    return int(size or 0)


async def _compression(connection: Connection, names: Names, extension_schema: str | None) -> Compression | None:
    if extension_schema is None:
        return None
    statement = sql.SQL(
        "SELECT total_chunks, number_compressed_chunks, coalesce(before_compression_total_bytes, 0)::int8,"
        " coalesce(after_compression_total_bytes, 0)::int8 FROM {}(%s::regclass)"
    ).format(sql.Identifier(extension_schema, "hypertable_compression_stats"))
    row = await (await connection.execute(statement, (names.raw.as_string(connection),))).fetchone()
    return None if row is None else Compression(*row)
