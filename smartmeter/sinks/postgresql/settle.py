"""Hours and days made anew when the settings' zone changed, and costs when prices did. Nothing raw is needed for it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from time import perf_counter

from psycopg import sql

from smartmeter.energy.cost import Booked
from smartmeter.energy.tariff import PRICED, fingerprint
from smartmeter.periods import periods_between
from smartmeter.sinks.postgresql.connection import Connection
from smartmeter.sinks.postgresql.energy import cost_in_turn
from smartmeter.sinks.postgresql.rows import TURN_S
from smartmeter.sinks.postgresql.store import KEEP, Store, continuous_of
from smartmeter.sinks.postgresql.times import from_us, us
from smartmeter.sinks.postgresql.timescaledb import keep_readings_for, make_hours_and_days
from smartmeter.sinks.postgresql.upkeep import Upkeep, derive_span, wait_for_meter

TIMEZONE = "timezone"
TARIFF = "tariff"


async def settle(connection: Connection, upkeep: Upkeep) -> AsyncIterator[str]:
    """Make what does not fit the settings anew, month by month; what each step gives says what was done.

    A step is a transaction. If it is not gone through to its end, it begins anew the next time. Raises psycopg.Error.
    """
    wanted = {TIMEZONE: upkeep.site.zone.key, TARIFF: fingerprint(upkeep.site.tariffs, upkeep.site.zone)}
    there = await read_meta(connection, upkeep.store)
    if wanted.items() <= there.items():
        return
    if upkeep.store.continuous and there.get(TIMEZONE, wanted[TIMEZONE]) != wanted[TIMEZONE]:
        async with connection.transaction():
            await make_hours_and_days(connection, continuous_of(upkeep.store, upkeep.site.zone))
    for meter in await _rolled_up_meters(connection, upkeep.store) if TIMEZONE in there else ():
        span = await _rolled_up_span(connection, upkeep.store, meter)
        months = [] if span is None else list(periods_between("1mo", *span, upkeep.site.zone))
        for from_us_, until_us in reversed(months):
            async with connection.transaction():
                await wait_for_meter(connection, upkeep.store, meter)
                await _price_anew(connection, upkeep, meter, from_us_, until_us)
                await derive_span(connection, upkeep, meter, from_us_, until_us)
            yield f"{meter}, {from_us(until_us - 1).astimezone(upkeep.site.zone):%Y-%m}"
    await _write_meta(connection, upkeep.store, wanted)


async def read_meta(connection: Connection, store: Store) -> Mapping[str, str]:
    """In which zone and by which prices hours and days were made; empty if there are none yet."""
    statement = sql.SQL("SELECT key, value FROM {}").format(store.names.meta)
    return dict(await (await connection.execute(statement)).fetchall())


async def keep_by_policy(connection: Connection, upkeep: Upkeep, keep: timedelta | None) -> None:
    """Have TimescaleDB let older readings go, if that is not what it does. Raises psycopg.Error."""
    wanted = {KEEP: str(keep)}
    if wanted.items() <= (await read_meta(connection, upkeep.store)).items():
        return
    async with connection.transaction():
        await keep_readings_for(connection, continuous_of(upkeep.store, upkeep.site.zone), keep)
        await _write_meta(connection, upkeep.store, wanted)


async def _write_meta(connection: Connection, store: Store, values: Mapping[str, str]) -> None:
    statement = sql.SQL(
        "INSERT INTO {} (key, value) SELECT * FROM unnest(%s::text[], %s::text[])"
        " ON CONFLICT (key) DO UPDATE SET value = excluded.value"
    ).format(store.names.meta)
    await connection.execute(statement, (list(values), list(values.values())))


async def _rolled_up_meters(connection: Connection, store: Store) -> list[str]:
    statement = sql.SQL("SELECT meter FROM {} UNION SELECT meter FROM {} ORDER BY 1").format(
        store.names.rollup("15m"), store.names.energy("15m")
    )
    return [meter for (meter,) in await (await connection.execute(statement)).fetchall()]


async def _rolled_up_span(connection: Connection, store: Store, meter: str) -> tuple[int, int] | None:
    statement = sql.SQL("""
        SELECT {first}, {last} FROM (
            SELECT ts FROM {rollup} WHERE meter = %(meter)s UNION ALL SELECT ts FROM {energy} WHERE meter = %(meter)s
            UNION ALL SELECT ts FROM {rollup_days} WHERE meter = %(meter)s
            UNION ALL SELECT ts FROM {energy_days} WHERE meter = %(meter)s
        ) AS periods
    """).format(
        first=us(sql.SQL("min(ts)")),
        last=us(sql.SQL("max(ts)")),
        rollup=store.names.rollup("15m"),
        energy=store.names.energy("15m"),
        # A day of the zone before may begin before all else.
        rollup_days=store.names.rollup("1d"),
        energy_days=store.names.energy("1d"),
    )
    ((first, last),) = await (await connection.execute(statement, {"meter": meter})).fetchall()
    return None if first is None else (first, last + 1)


async def _price_anew(connection: Connection, upkeep: Upkeep, meter: str, from_us_: int, until_us: int) -> None:
    energy = upkeep.store.names.energy("15m")
    statement = sql.SQL(
        "SELECT measurand, {}, energy, gap_energy, {} FROM {}"
        " WHERE meter = %s AND measurand = ANY (%s) AND ts >= %s AND ts < %s"
    ).format(us(sql.SQL("ts")), us(sql.SQL("gap_from")), energy)
    span = (from_us(from_us_), from_us(until_us))
    rows = await (await connection.execute(statement, (meter, list(PRICED), *span))).fetchall()
    changes: list[tuple[object, ...]] = []
    since = perf_counter()
    for row in rows:
        quarter = Booked(meter, *row)
        changes.append((quarter.measurand, from_us(quarter.start_us), *await cost_in_turn(upkeep.site, quarter)))
        if perf_counter() - since > TURN_S:
            await asyncio.sleep(0)
            since = perf_counter()
    if not changes:
        return
    statement = sql.SQL("""
        UPDATE {} AS quarter SET cost = anew.cost, unpriced = anew.unpriced
          FROM unnest(%s::text[], %s::timestamptz[], %s::float8[], %s::float8[])
            AS anew (measurand, ts, cost, unpriced)
         WHERE quarter.meter = %s AND quarter.measurand = anew.measurand AND quarter.ts = anew.ts
    """).format(energy)
    await connection.execute(statement, (*map(list, zip(*changes, strict=True)), meter))
