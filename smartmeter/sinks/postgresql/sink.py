"""PostgreSQL as a sink: batches of readings go into a table that is looked at, made and mended on the way."""

import asyncio
import logging
from collections.abc import Sequence

import psycopg

from smartmeter.journal.entry import Entry
from smartmeter.measurands import Language
from smartmeter.settings.model import MeterSettings, PostgresqlSettings
from smartmeter.sinks.postgresql.connection import Connection, place, unavailable
from smartmeter.sinks.postgresql.link import Link
from smartmeter.sinks.postgresql.rows import batch_for, copy, measurands_in
from smartmeter.sinks.postgresql.schema import ensure_table
from smartmeter.sinks.postgresql.sqlstate import Verdict, verdict
from smartmeter.sinks.postgresql.staging import store_singly
from smartmeter.sinks.postgresql.table import Layout, TableError, layout_of
from smartmeter.sinks.sink import Refusal, SinkUnavailableError

log = logging.getLogger(__name__)

# Longer than everything in it may take by itself (connecting, statement_timeout): a last resort.
WRITE_TIMEOUT_S = 180


class PostgresqlSink:
    """Stores readings of these meters in the table that the settings name; new columns are named in `language`."""

    name = "postgresql"

    def __init__(self, settings: PostgresqlSettings, meters: Sequence[MeterSettings], language: Language) -> None:
        self._settings = settings
        self._language: Language = language
        self._meters = tuple(meter.name for meter in meters)
        self._measurands = frozenset(id_ for meter in meters for id_ in meter.intervals_us)
        self._link = Link(settings)
        self._layout: Layout | None = None
        self._left_out: frozenset[str] = frozenset()

    async def write(self, entries: Sequence[Entry]) -> Sequence[Refusal]:
        """Store these readings; when it returns, the database has committed them. See `Sink.write`."""
        try:
            async with asyncio.timeout(WRITE_TIMEOUT_S):
                return await self._write(entries)
        except TimeoutError:
            await self._forget()
            raise SinkUnavailableError(
                f"{place(self._settings)}: not done within {WRITE_TIMEOUT_S} s; is the server overloaded?"
            ) from None
        except asyncio.CancelledError:
            # The connection may be in the middle of a command.
            await self._forget()
            raise

    async def close(self) -> None:
        """Close connection and tunnel."""
        await self._link.close()

    async def _write(self, entries: Sequence[Entry]) -> Sequence[Refusal]:
        if self._link.is_open:
            try:
                return await self._store(entries)
            except psycopg.Error as error:
                lost = not self._link.is_open
                await self._forget()
                if not lost:
                    raise unavailable(self._settings, error) from None
                # The server, or something on the way, ended it while it was idle: no outage if a new one works.
        try:
            return await self._store(entries)
        except psycopg.Error as error:
            await self._forget()
            raise unavailable(self._settings, error) from None

    async def _store(self, entries: Sequence[Entry]) -> Sequence[Refusal]:
        connection = await self._link.connection()
        ids = await measurands_in(entries)
        try:
            layout = await self._layout_for(connection, ids)
        except TableError as error:
            raise SinkUnavailableError(f"{place(self._settings)}: {error}") from None
        batch, refusals = await batch_for(layout, entries, ids)
        if layout.copy is not None:
            try:
                await copy(connection, batch, layout.copy)
            except psycopg.Error as error:
                if verdict(error.sqlstate) is Verdict.UNAVAILABLE:
                    raise
            else:
                return refusals
        return [*refusals, *await store_singly(connection, batch)]

    async def _layout_for(self, connection: Connection, ids: frozenset[str]) -> Layout:
        """How these measurands lie in the table: looked up on a new connection, and when one is new."""
        if self._layout is None or not ids <= self._layout.columns.keys() | self._left_out:
            table = await ensure_table(connection, self._settings, self._measurands | ids, self._language)
            self._layout = layout_of(table, self._meters, self._language)
            self._tell_left_out(ids - self._layout.columns.keys())
        return self._layout

    def _tell_left_out(self, ids: frozenset[str]) -> None:
        if ids - self._left_out:
            log.warning(
                "Table %s has no columns for %s: these values are left out; add them, or set manage_schema = true.",
                self._settings.table,
                ", ".join(sorted(ids)),
            )
        self._left_out |= ids

    async def _forget(self) -> None:
        """Drop the connection, and what was known of the table: the owner may be mending it."""
        await self._link.drop()
        self._layout = None
