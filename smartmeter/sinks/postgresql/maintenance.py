"""What the commands do to a database beside the daemon: making, upgrading and rebuilding roll-ups."""

import asyncio
import time
from collections.abc import Callable

from psycopg import sql

from smartmeter.energy.site import Site
from smartmeter.sinks.postgresql.access import Target, need_store, opened, opened_link
from smartmeter.sinks.postgresql.catalog import Table
from smartmeter.sinks.postgresql.connection import Connection
from smartmeter.sinks.postgresql.dirty import mark_everything, meters_in
from smartmeter.sinks.postgresql.names import Names
from smartmeter.sinks.postgresql.schema import ensure_table
from smartmeter.sinks.postgresql.settle import settle
from smartmeter.sinks.postgresql.steps import step_there
from smartmeter.sinks.postgresql.store import Store, continuous_of, ensure_store
from smartmeter.sinks.postgresql.table import Layout, TableError, layout_of
from smartmeter.sinks.postgresql.timescaledb import refresh_aggregates
from smartmeter.sinks.postgresql.upkeep import refresh, upkeep_of

# Another, such as the daemon, may be at work on what is left: so long it may seem to stand still.
PATIENCE_S = 120.0
_PAUSE_S = 0.5

# Hears how many quarter-hours are done, and how many there are.
Progress = Callable[[int, int], None]


async def init_database(target: Target) -> tuple[int, int]:
    """Make the table, if the settings allow it, and what is missing beside it; the step before and after.

    Raises SinkError.
    """
    async with opened_link(target.settings) as connection:
        table = await ensure_table(connection, target.settings, target.measurands, target.language)
        return await _ensure(connection, table, layout_of(table, target.meters, target.language), target.site)


async def upgrade_database(target: Target) -> tuple[int, int]:
    """Run the steps that are missing; the step before and after. Raises SinkError if there are no roll-ups yet."""
    async with opened(target) as found:
        if found.store is None and not await step_there(found.connection, _names(found.layout)):
            need_store(found)
        return await _ensure(found.connection, found.table, found.layout, target.site)


async def rebuild_database(target: Target, only: str | None, tell: Progress) -> None:
    """Make the roll-ups and the energy of all meters, or of `only` one, anew from the readings that are there.

    Every quarter-hour with readings is marked and then worked off, by this program and by a daemon that happens to run.
    What is left when it is ended is worked off by the daemon, or the next time. Raises SinkError.
    """
    async with opened(target) as found:
        store = need_store(found)
        if only is not None:
            known = await meters_in(found.connection, store.names, store.layout)
            if only not in known:
                raise TableError(f"there is no reading of a meter {only!r}; known are {', '.join(known) or 'none'}")
        async with found.connection.transaction():
            await mark_everything(found.connection, store.names, store.layout, only)
        await work_off(found.connection, store, target.site, tell)
        if store.continuous:
            await refresh_aggregates(found.connection, continuous_of(store, target.site.zone))


async def work_off(connection: Connection, store: Store, site: Site, tell: Progress) -> None:
    """Roll up all that waits for it, and what does not fit the site any more. Raises psycopg.Error."""
    upkeep = upkeep_of(connection, store, site)
    async for _ in settle(connection, upkeep):
        pass
    total = left = await count_marks(connection, store)
    moved_s = time.monotonic()
    while left and time.monotonic() - moved_s < PATIENCE_S:
        if not await refresh(connection, upkeep):
            await asyncio.sleep(_PAUSE_S)
        before, left = left, await count_marks(connection, store)
        if left != before:
            moved_s = time.monotonic()
        total = max(total, left)
        tell(total - left, total)


async def count_marks(connection: Connection, store: Store) -> int:
    """How many quarter-hours wait to be rolled up."""
    statement = sql.SQL("SELECT count(*) FROM {}").format(store.names.dirty)
    ((count,),) = await (await connection.execute(statement)).fetchall()
    return int(count)


async def _ensure(connection: Connection, table: Table, layout: Layout, site: Site) -> tuple[int, int]:
    before = await step_there(connection, _names(layout))
    await ensure_store(connection, table, layout, site.zone)
    return before, await step_there(connection, _names(layout))


def _names(layout: Layout) -> Names:
    return Names(layout.schema, layout.table)
