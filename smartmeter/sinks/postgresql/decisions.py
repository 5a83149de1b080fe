"""What the owner decides on counters. Nothing raw changes: the energy is worked out anew."""

from collections.abc import Sequence

from psycopg import sql

from smartmeter.energy.quarters import energy_quarter
from smartmeter.journal.decisions import Decision
from smartmeter.periods import QUARTER_US
from smartmeter.sinks.postgresql.access import Target, need_store, opened
from smartmeter.sinks.postgresql.connection import Connection
from smartmeter.sinks.postgresql.dirty import mark, own_rows
from smartmeter.sinks.postgresql.maintenance import work_off
from smartmeter.sinks.postgresql.store import Store
from smartmeter.sinks.postgresql.table import TIME, TableError
from smartmeter.sinks.postgresql.times import from_us, us


async def decisions_in(target: Target) -> list[Decision]:
    """All that were made, in order of time. Raises SinkError."""
    async with opened(target) as found:
        statement = sql.SQL("SELECT meter, measurand, {}, kind FROM {} ORDER BY ts, meter, measurand").format(
            us(sql.SQL("ts")), need_store(found).names.decision
        )
        return [Decision(*row) for row in await (await found.connection.execute(statement)).fetchall()]


async def decide(target: Target, decisions: Sequence[Decision]) -> None:
    """Note these, and work out anew what they change. Raises SinkError."""
    async with opened(target) as found:
        store = need_store(found)
        statement = sql.SQL(
            "INSERT INTO {} (meter, measurand, ts, kind, decided) VALUES (%s, %s, %s, %s, now()) ON CONFLICT DO NOTHING"
        ).format(store.names.decision)
        await _change(found.connection, store, decisions, statement)
        await work_off(found.connection, store, target.site, lambda _done, _total: None)


async def undecide(target: Target, decisions: Sequence[Decision]) -> None:
    """Take these back, likewise. Raises SinkError."""
    async with opened(target) as found:
        store = need_store(found)
        statement = sql.SQL("DELETE FROM {} WHERE meter = %s AND measurand = %s AND ts = %s AND kind = %s").format(
            store.names.decision
        )
        await _change(found.connection, store, decisions, statement)
        await work_off(found.connection, store, target.site, lambda _done, _total: None)


async def _change(connection: Connection, store: Store, decisions: Sequence[Decision], statement: sql.Composed) -> None:
    async with connection.transaction():
        quarters = set()
        for decision in decisions:
            time = from_us(decision.time_us)
            await connection.execute(statement, (decision.meter, decision.measurand, time, decision.kind))
            for quarter in await _changed_quarters(connection, store, decision):
                await _check_readings(connection, store, decision.meter, quarter)
                quarters.add((decision.meter, quarter))
        await mark(connection, store.names, quarters)


async def _changed_quarters(connection: Connection, store: Store, decision: Decision) -> list[int]:
    """Those in which it takes effect: where a jump was confirmed; where the counter was first read after `time_us`."""
    if decision.kind == "counted":
        statement = sql.SQL("SELECT {} FROM {} WHERE meter = %s AND measurand = %s AND ts = %s").format(
            us(sql.SQL("quarter")), store.names.flag
        )
        time_us = decision.time_us
    else:
        # The readings of the quarter-hour itself may all be before it.
        statement = sql.SQL(
            "SELECT {} FROM {} WHERE meter = %s AND measurand = %s AND ts >= %s ORDER BY ts LIMIT 2"
        ).format(us(sql.SQL("ts")), store.names.energy("15m"))
        time_us = energy_quarter(decision.time_us)
    cursor = await connection.execute(statement, (decision.meter, decision.measurand, from_us(time_us)))
    return [quarter for (quarter,) in await cursor.fetchall()]


async def _check_readings(connection: Connection, store: Store, meter: str, quarter_us: int) -> None:
    """Raises TableError if the quarter-hour's readings have expired: its energy cannot be worked out anew."""
    statement = sql.SQL("SELECT {} FROM {} WHERE {} ORDER BY {} LIMIT 1").format(
        us(sql.Identifier(TIME)), store.names.raw, own_rows(store.layout), sql.Identifier(TIME)
    )
    row = await (await connection.execute(statement, {"meter": meter})).fetchone()
    if row is None or row[0] > quarter_us + QUARTER_US:
        raise TableError(
            f"the readings of meter {meter} at that time are not kept any more, so its energy cannot be worked out anew"
        )
