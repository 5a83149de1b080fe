"""Works marked quarter-hours off: roll-ups, energy, hours and days, in one transaction for some of one meter."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from psycopg import sql

from smartmeter.energy.site import Site
from smartmeter.periods import Period, period_end, period_start, periods_between
from smartmeter.sinks.postgresql.connection import Connection
from smartmeter.sinks.postgresql.dirty import mark
from smartmeter.sinks.postgresql.energy import fold_energy
from smartmeter.sinks.postgresql.rollups import Statements, statements_for
from smartmeter.sinks.postgresql.store import Store
from smartmeter.sinks.postgresql.times import from_us, us

# Of a meter's, so many are worked off in one transaction: it takes a moment, and readings wait meanwhile.
SLICE_QUARTERS = 32

_DERIVED: Sequence[Period] = ("1h", "1d")


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What has to be known to work quarter-hours off."""

    store: Store
    site: Site
    statements: Statements


def upkeep_of(connection: Connection, store: Store, site: Site) -> Upkeep:
    """For this table at this site."""
    return Upkeep(store, site, statements_for(connection, store))


async def refresh(connection: Connection, upkeep: Upkeep, limit: int = SLICE_QUARTERS) -> int:
    """Work off up to `limit` quarter-hours of each meter, the newest first; gives how many it were.

    Those that somebody else works on are left to them. Raises psycopg.Error.
    """
    done = 0
    for meter in await marked_meters(connection, upkeep.store):
        async with connection.transaction():
            if await _is_ours(connection, upkeep.store, meter):
                done += await _refresh(connection, upkeep, meter, limit)
    return done


async def marked_meters(connection: Connection, store: Store) -> list[str]:
    """The meters that have marked quarter-hours. By the index from one to the next: there may be very many marks."""
    statement = sql.SQL("""
        WITH RECURSIVE found (meter) AS (
            SELECT min(meter) FROM {dirty}
            UNION ALL
            SELECT (SELECT min(meter) FROM {dirty} WHERE meter > found.meter) FROM found WHERE found.meter IS NOT NULL
        )
        SELECT meter FROM found WHERE meter IS NOT NULL
    """).format(dirty=store.names.dirty)
    return [meter for (meter,) in await (await connection.execute(statement)).fetchall()]


async def derive(connection: Connection, upkeep: Upkeep, meter: str, quarters: Collection[int]) -> None:
    """Make the hours and days anew in which these quarter-hours lie, inside the caller's transaction."""
    for period in _DERIVED:
        starts = sorted({period_start(period, quarter, upkeep.site.zone) for quarter in quarters})
        parameters = {
            "meter": meter,
            "starts": [from_us(start) for start in starts],
            "ends": [from_us(period_end(period, start, upkeep.site.zone)) for start in starts],
            "measurands": list(upkeep.store.counters),
        }
        if not upkeep.store.continuous:
            await connection.execute(upkeep.statements.rollups[period], parameters)
        await connection.execute(upkeep.statements.energy[period], parameters)


async def derive_span(connection: Connection, upkeep: Upkeep, meter: str, from_us_: int, until_us: int) -> None:
    """Make all hours and days anew that begin in the span, whose ends are midnights; those of another zone go."""
    names, zone = upkeep.store.names, upkeep.site.zone
    for period in _DERIVED:
        tables = [names.energy(period)] if upkeep.store.continuous else [names.energy(period), names.rollup(period)]
        for table in tables:
            await connection.execute(
                sql.SQL("DELETE FROM {} WHERE meter = %s AND ts >= %s AND ts < %s").format(table),
                (meter, from_us(from_us_), from_us(until_us)),
            )
    await derive(connection, upkeep, meter, [start for start, _ in periods_between("1h", from_us_, until_us, zone)])


async def wait_for_meter(connection: Connection, store: Store, meter: str) -> None:
    """Be the only one who changes the meter's roll-ups until the end of the transaction."""
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (_lock_name(store, meter),))


async def _is_ours(connection: Connection, store: Store, meter: str) -> bool:
    cursor = await connection.execute(
        "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", (_lock_name(store, meter),)
    )
    return await cursor.fetchone() == (True,)


def _lock_name(store: Store, meter: str) -> str:
    return f"smartmeter {store.names.schema}.{store.names.table} {meter}"


async def _refresh(connection: Connection, upkeep: Upkeep, meter: str, limit: int) -> int:
    quarters = await _take(connection, upkeep.store, meter, limit)
    if not quarters:
        return 0
    if upkeep.statements.quarters is not None:
        starts = [from_us(quarter) for quarter in quarters]
        await connection.execute(upkeep.statements.quarters, {"meter": meter, "starts": starts})
    folded = await fold_energy(connection, upkeep.store, upkeep.site, meter, quarters)
    await derive(connection, upkeep, meter, {*quarters, *folded.quarters})
    await mark(connection, upkeep.store.names, {(meter, quarter) for quarter in folded.left})
    return len(quarters)


async def _take(connection: Connection, store: Store, meter: str, limit: int) -> list[int]:
    """Take marks away. What is taken is locked until the end: who sets it again waits, and sets it after us."""
    statement = sql.SQL("""
        WITH taken AS (
            SELECT meter, ts FROM {dirty} WHERE meter = %s ORDER BY ts DESC LIMIT %s FOR UPDATE SKIP LOCKED
        )
        DELETE FROM {dirty} AS dirty USING taken WHERE dirty.meter = taken.meter AND dirty.ts = taken.ts
        RETURNING {time}
    """).format(dirty=store.names.dirty, time=us(sql.SQL("dirty.ts")))
    return sorted(time for (time,) in await (await connection.execute(statement, (meter, limit))).fetchall())
