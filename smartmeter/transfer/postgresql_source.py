"""Readings from a table in the database of the settings, such as the original's. Importing this imports psycopg."""

import json
from collections.abc import AsyncGenerator, Sequence
from typing import Self
from zoneinfo import ZoneInfo

import psycopg
from psycopg import sql

from smartmeter.settings.model import PostgresqlSettings
from smartmeter.sinks.postgresql.catalog import Table, look_at_table
from smartmeter.sinks.postgresql.connection import Connection, place, unavailable
from smartmeter.sinks.postgresql.link import Link
from smartmeter.transfer.columns import Columns, find_columns
from smartmeter.transfer.errors import TransferError
from smartmeter.transfer.postgresql_rows import Numbers, Texts, Way, is_plain
from smartmeter.transfer.rows import RowReader
from smartmeter.transfer.source import Batch, Outline

# Rows of one query: a second or two, also on a small server. Queries of a minute are ended there.
PAGE_ROWS = 20_000

# Times with a zone come as UTC, so that no text is ambiguous.
_SESSION = "SET TimeZone = 'UTC'; SET DateStyle = 'ISO'"

# What the last ANALYZE found, in the table and in the parts that it may have.
_ESTIMATE = """
    WITH RECURSIVE part (oid) AS (
        SELECT to_regclass(%s)::oid
        UNION ALL SELECT inhrelid FROM pg_inherits JOIN part ON inhparent = part.oid
    )
    SELECT coalesce(sum(greatest(reltuples, 0)), 0)::int8 FROM pg_class JOIN part USING (oid)
"""


class PostgresqlSource:
    """A table in the database, in the order of its key. `open` gives one; see `Source`."""

    def __init__(self, link: Link, settings: PostgresqlSettings, table: Table, meter: str, zone: ZoneInfo) -> None:
        self._link = link
        self._settings = settings
        self._is_sink = False
        self._name = f"{table.schema}.{table.name}"
        self._columns = columns = _columns(table, f"{place(settings)}, table {self._name}")
        self._meter = meter
        self._zone = zone
        self._from = sql.Identifier(table.schema, table.name)
        time = columns.names[columns.time]
        self._time = sql.Identifier(time)
        self._is_plain = is_plain(table, columns)
        # What the rows are in order of: the time, after the meter where times alone are not unique.
        self._key: list[sql.Composable] = [self._time]
        if columns.meter is not None and frozenset((time,)) not in table.keys:
            name = sql.Identifier(columns.names[columns.meter])
            is_key = frozenset((time, columns.names[columns.meter])) in table.keys
            self._key.insert(0, name if is_key else sql.SQL("coalesce({}, '')").format(name))

    @classmethod
    async def open(cls, settings: PostgresqlSettings, table: str | None, meter: str, zone: ZoneInfo) -> Self:
        """The table of this name, which may have a schema before a dot; None: the one that the settings name.

        `meter` is whose readings they are where no column says it.

        Raises SinkError if the database cannot be reached, TransferError if there is no such table of readings.
        """
        schema, name = settings.schema, settings.table
        if table is not None:
            before, dot, after = table.rpartition(".")
            schema, name = (before, after) if dot else (settings.schema, table)
        link = Link(settings)
        try:
            source = cls(link, settings, await _table(link, settings, schema, name), meter, zone)
            own = await look_at_table(await link.connection(), settings.schema, settings.table)
        except psycopg.Error as error:
            await link.close()
            raise unavailable(settings, error) from None
        except BaseException:
            await link.close()
            raise
        source._is_sink = own is not None and f"{own.schema}.{own.name}" == source._name
        return source

    @property
    def name(self) -> str:
        return f"{place(self._settings)}, table {self._name}"

    @property
    def key(self) -> str:
        settings = self._settings
        return f"postgresql {settings.host}:{settings.port} {settings.database} {self._name}"

    @property
    def columns(self) -> Columns:
        return self._columns

    @property
    def is_sink(self) -> bool:
        return self._is_sink

    async def outline(self) -> Outline:
        query = sql.SQL("SELECT min({0})::text, max({0})::text FROM {1}").format(self._time, self._from)
        try:
            connection = await self._connection()
            ((first, last),) = await (await connection.execute(query)).fetchall()
            estimate = await self._estimate(connection)
            return Outline(first, last, f"about {estimate} rows" if estimate else "an unknown number of rows")
        except psycopg.Error as error:
            raise unavailable(self._settings, error) from None

    async def batches(self, position: str | None) -> AsyncGenerator[Batch, None]:
        number, after, latest = (0, None, {}) if position is None else json.loads(position)
        reader = RowReader(self._columns, self._meter, self._zone, latest)
        way = Numbers(self._columns, self._meter) if self._is_plain else Texts(self._columns, reader)
        try:
            connection = await self._connection()
            estimate = await self._estimate(connection)
            in_page = PAGE_ROWS
            while in_page == PAGE_ROWS:
                in_page = 0
                async with connection.cursor() as cursor, cursor.copy(self._query(way, after)) as copy:
                    async for chunk in way.chunks(copy, number):
                        number, in_page = number + chunk.rows, in_page + chunk.rows
                        time, meter = chunk.last
                        after = [time] if len(self._key) == 1 else [meter, time]
                        behind = json.dumps([number, after, reader.latest])
                        yield Batch(
                            chunk.rows, chunk.readings, chunk.unreadable, behind, number / max(number, estimate)
                        )
        except psycopg.Error as error:
            raise unavailable(self._settings, error) from None

    async def close(self) -> None:
        await self._link.close()

    async def _connection(self) -> Connection:
        connection = await self._link.connection()
        await connection.execute(_SESSION)
        return connection

    async def _estimate(self, connection: Connection) -> int:
        """About how many rows there are; 0 if nobody has looked yet."""
        ((rows,),) = await (await connection.execute(_ESTIMATE, (self._from.as_string(connection),))).fetchall()
        return int(rows)

    def _query(self, way: Way, after: Sequence[str] | None) -> sql.Composed:
        """A page of rows behind the one with this key."""
        key = sql.SQL(", ").join(self._key)
        behind: sql.Composable = sql.SQL("true")
        if after is not None:
            behind = sql.SQL("({}) > ({})").format(key, sql.SQL(", ").join(map(sql.Literal, after)))
        return sql.SQL(
            "COPY (SELECT {names} FROM {table} WHERE {where} AND {behind} ORDER BY {key} LIMIT {limit})"
            " TO STDOUT (FORMAT {format})"
        ).format(
            names=sql.SQL(", ").join(way.names),
            table=self._from,
            where=way.where,
            behind=behind,
            key=key,
            limit=sql.Literal(PAGE_ROWS),
            format=way.format,
        )


async def _table(link: Link, settings: PostgresqlSettings, schema: str | None, name: str) -> Table:
    table = await look_at_table(await link.connection(), schema, name)
    if table is None:
        raise TransferError(f"{place(settings)}: there is no table {name}")
    return table


def _columns(table: Table, where: str) -> Columns:
    """What is to be fetched: the columns that hold something of a reading."""
    every = find_columns(list(table.columns), where)
    wanted = {every.time, every.meter, *every.measurands.values()}
    used = find_columns([name for index, name in enumerate(every.names) if index in wanted], where)
    return Columns(used.names, used.time, used.meter, used.measurands, every.left_out)
