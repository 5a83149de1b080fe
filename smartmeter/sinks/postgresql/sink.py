"""PostgreSQL as a sink: batches of readings go into a table that is looked at, made and mended on the way."""

import asyncio
import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn

import psycopg

from smartmeter.energy.site import Site
from smartmeter.journal import Journal
from smartmeter.journal.entry import Entry
from smartmeter.measurands import Language
from smartmeter.settings.model import MeterSettings, PostgresqlSettings
from smartmeter.sinks.postgresql.catalog import Table
from smartmeter.sinks.postgresql.connection import Connection, place, unavailable
from smartmeter.sinks.postgresql.dirty import mark, quarters_of
from smartmeter.sinks.postgresql.health import newest_health, store_health
from smartmeter.sinks.postgresql.keeper import Keeper
from smartmeter.sinks.postgresql.link import Link
from smartmeter.sinks.postgresql.rows import batch_for, copy, measurands_in
from smartmeter.sinks.postgresql.schema import ensure_table
from smartmeter.sinks.postgresql.sqlstate import Verdict, verdict
from smartmeter.sinks.postgresql.staging import store_singly
from smartmeter.sinks.postgresql.steps import NewerSchemaError
from smartmeter.sinks.postgresql.store import Store, open_store
from smartmeter.sinks.postgresql.table import Layout, TableError, layout_of
from smartmeter.sinks.sink import Refusal, SinkUnavailableError

log = logging.getLogger(__name__)

# What passes (PostgreSQL documentation, appendix A): lost connections, logins, serialization, locks, a server that is
# full, stops or only reads. Everything else says that roll-ups cannot be made here.
_PASSING = ("08", "25", "28", "40", "53", "55P03", "57", "58")
# Longer than everything in it may take by itself (connecting, statement_timeout): a last resort.
WRITE_TIMEOUT_S = 180
# Some days of a few buses: more than anybody misses for long.
HEALTH_AT_ONCE = 5000
# Roll-ups follow the readings within so long.
REFRESH_S = 60.0
# While there is more to roll up, the pauses are so many times as long as the work: shipping has the greater share.
PAUSES = 2.0
# At the end there is so long for what is still to be rolled up; the rest is done after the next start.
CLOSE_S = 5.0


class PostgresqlSink:
    """Stores readings of these meters in the table that the settings name; new columns are named in `language`.

    Beside it, roll-ups and energy are kept for the `site`; None: UTC, no tariff, meters of which nothing is known.
    """

    name = "postgresql"

    def __init__(
        self,
        settings: PostgresqlSettings,
        meters: Sequence[MeterSettings],
        language: Language,
        site: Site | None = None,
    ) -> None:
        self._settings = settings
        self._language: Language = language
        self._site = site or Site()
        self._meters = tuple(meter.name for meter in meters)
        self._measurands = frozenset(id_ for meter in meters for id_ in meter.intervals_us)
        self._link = Link(settings)
        self._layout: Layout | None = None
        self._beside: Store | None = None
        self._keeper: Keeper | None = None
        self._left_out: frozenset[str] = frozenset()
        self._told: set[str] = set()
        # Whose turn it is on the connection: a batch's or the roll-ups'.
        self._turn = asyncio.Lock()
        self._changed = asyncio.Event()
        self._keeping: asyncio.Task[NoReturn] | None = None

    async def write(self, entries: Sequence[Entry]) -> Sequence[Refusal]:
        """Store these readings; when it returns, the database has committed them. See `Sink.write`."""
        async with self._turn:
            try:
                async with asyncio.timeout(WRITE_TIMEOUT_S):
                    refusals = await self._write(entries)
            except TimeoutError:
                await self._forget()
                raise SinkUnavailableError(
                    f"{place(self._settings)}: not done within {WRITE_TIMEOUT_S} s; is the server overloaded?"
                ) from None
            except asyncio.CancelledError:
                # The connection may be in the middle of a command.
                await self._forget()
                raise
        self._changed.set()
        if self._keeping is None:
            self._keeping = asyncio.create_task(self._keep_rolling_up(), name="roll-ups")
        return refusals

    async def write_health(self, journal: Journal) -> None:
        """Bring over what the journal has on how measuring fares, if there is a connection and a place for it.

        What cannot be brought now is brought later: what is there shows from where on.
        """
        async with self._turn:
            if self._beside is None or not self._link.is_open:
                return
            names = self._beside.names
            try:
                connection = await self._link.connection()
                since_us = await newest_health(connection, names)
                if health := await journal.health_since(since_us, HEALTH_AT_ONCE):
                    await store_health(connection, names, health)
            except psycopg.Error as error:
                if self._link.is_open:
                    self._tell(f"How measuring fares is not noted: {unavailable(self._settings, error)}")
                await self._forget()
            except BaseException:
                await self._forget()
                raise

    async def close(self) -> None:
        """Roll up what there is, as far as that is soon done; close connection and tunnel."""
        keeping, self._keeping = self._keeping, None
        if keeping is not None:
            keeping.cancel()
            await asyncio.wait({keeping})
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_S):
                    while self._changed.is_set() and self._link.is_open and await self.roll_up():
                        pass
        await self._forget()
        await self._link.close()

    async def roll_up(self) -> bool:
        """Bring a slice of the roll-ups up to date; whether there is more to do. Does nothing without a connection."""
        async with self._turn:
            if self._beside is None or not self._link.is_open:
                return False
            try:
                if self._keeper is None:
                    connection = await self._link.connection()
                    self._keeper = Keeper(connection, self._beside, self._site, self._settings.keep_s)
                return await self._keeper.work()
            except psycopg.Error as error:
                # Its marks are still there: it is done again on the next connection.
                if self._link.is_open:
                    self._tell(f"Roll-ups are not brought up to date: {unavailable(self._settings, error)}")
                await self._forget()
                return False
            except BaseException:
                await self._forget()
                raise

    async def _keep_rolling_up(self) -> NoReturn:
        """Follow the readings that are written, until cancelled."""
        while True:
            await self._changed.wait()
            await asyncio.sleep(REFRESH_S)
            self._changed.clear()
            try:
                await self._roll_up_all()
            except Exception:
                log.exception("Unexpected error in roll-ups; please report it.")

    async def _roll_up_all(self) -> None:
        started_s = time.monotonic()
        while await self.roll_up():
            await asyncio.sleep(PAUSES * (time.monotonic() - started_s))
            started_s = time.monotonic()

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
        names = None if self._beside is None else self._beside.names
        if layout.copy is not None:
            try:
                async with connection.transaction():
                    await copy(connection, batch, layout.copy)
                    if names is not None:
                        await mark(connection, names, quarters_of(batch.entries))
            except psycopg.Error as error:
                if verdict(error.sqlstate) is Verdict.UNAVAILABLE:
                    raise
            else:
                return refusals
        return [*refusals, *await store_singly(connection, batch, names)]

    async def _layout_for(self, connection: Connection, ids: frozenset[str]) -> Layout:
        """How these measurands lie in the table: looked up on a new connection, and when one is new."""
        if self._layout is None or not ids <= self._layout.columns.keys() | self._left_out:
            table = await ensure_table(connection, self._settings, self._measurands | ids, self._language)
            layout = layout_of(table, self._meters, self._language)
            self._beside = await self._store_beside(connection, table, layout)
            self._keeper = None
            self._layout = layout
            self._tell_left_out(ids - self._layout.columns.keys())
        return self._layout

    async def _store_beside(self, connection: Connection, table: Table, layout: Layout) -> Store | None:
        """What is kept beside the table; what keeps it from being kept does not keep readings from being stored."""
        try:
            return await open_store(connection, self._settings, table, layout, self._site.zone)
        except NewerSchemaError:
            raise
        except TableError as error:
            self._tell(f"No roll-ups are kept: {error}.")
        except psycopg.Error as error:
            if error.sqlstate is None or error.sqlstate.startswith(_PASSING):
                raise
            self._tell(f"No roll-ups are kept: {unavailable(self._settings, error)}.")
        return None

    def _tell(self, line: str) -> None:
        if line not in self._told:
            self._told.add(line)
            log.warning("%s", line)

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
        self._layout = self._beside = self._keeper = None
