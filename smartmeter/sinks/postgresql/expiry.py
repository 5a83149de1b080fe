"""Lets readings go that are older than the settings want to keep. What was made from them stays."""

from psycopg import sql

from smartmeter.energy.quarters import COUNTED_US
from smartmeter.periods import QUARTER_US
from smartmeter.sinks.postgresql.connection import Connection
from smartmeter.sinks.postgresql.dirty import meters_in, own_rows
from smartmeter.sinks.postgresql.store import Store
from smartmeter.sinks.postgresql.table import TIME
from smartmeter.sinks.postgresql.times import from_us, us

# So much of a meter goes at once: at a reading every second 86,400 rows.
_BATCH_US = 96 * QUARTER_US


async def expire(connection: Connection, store: Store, before_us: int) -> int:
    """Delete a day of each meter's readings before that time, the oldest; gives how many rows went.

    Whole quarter-hours go, and none that is still to be rolled up. Raises psycopg.Error.
    """
    until_us = before_us - before_us % QUARTER_US
    gone = 0
    for meter in await meters_in(connection, store.names, store.layout):
        oldest_us = await _oldest_expired(connection, store, meter, until_us)
        if oldest_us is not None:
            gone += await _delete(connection, store, meter, oldest_us, min(until_us, oldest_us + _BATCH_US))
    return gone


async def _oldest_expired(connection: Connection, store: Store, meter: str, until_us: int) -> int | None:
    """The first reading that may go. Marked quarter-hours are passed over, so that they hold nothing up."""
    statement = sql.SQL("SELECT {} FROM {} AS reading WHERE {} ORDER BY {} LIMIT 1").format(
        us(sql.Identifier("reading", TIME)), store.names.raw, _may_go(store), sql.Identifier("reading", TIME)
    )
    row = await (await connection.execute(statement, _bounds(meter, COUNTED_US.start, until_us))).fetchone()
    return None if row is None else int(row[0])


async def _delete(connection: Connection, store: Store, meter: str, first_us: int, until_us: int) -> int:
    statement = sql.SQL("DELETE FROM {} AS reading WHERE {}").format(store.names.raw, _may_go(store))
    return (await connection.execute(statement, _bounds(meter, first_us, until_us))).rowcount


def _may_go(store: Store) -> sql.Composed:
    """Its quarter-hour is not marked, nor, for a reading on a boundary, the one that it closes."""
    return sql.SQL("""{own} AND {time} >= %(first)s AND {time} < %(until)s AND NOT EXISTS (
        SELECT FROM {dirty} AS dirty WHERE dirty.meter = %(meter)s
           AND dirty.ts IN (date_bin('15 minutes', {time}, 'epoch'),
                            date_bin('15 minutes', {time} - interval '1 microsecond', 'epoch')))""").format(
        own=own_rows(store.layout), time=sql.Identifier("reading", TIME), dirty=store.names.dirty
    )


def _bounds(meter: str, first_us: int, until_us: int) -> dict[str, object]:
    return {"meter": meter, "first": from_us(first_us), "until": from_us(until_us)}
