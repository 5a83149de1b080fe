"""The marks of quarter-hours whose readings changed since they were rolled up.

Invariant: readings and their marks become visible together, and a mark's row is locked by whoever sets or works it off.
So a mark is taken away only by one who has seen all the readings that it stands for.
"""

from collections.abc import Collection, Iterable

from psycopg import sql

from smartmeter.energy.quarters import COUNTED_US, energy_quarter
from smartmeter.journal.entry import Entry
from smartmeter.periods import QUARTER_US
from smartmeter.sinks.postgresql.connection import Connection
from smartmeter.sinks.postgresql.names import Names
from smartmeter.sinks.postgresql.table import METER, TIME, Layout
from smartmeter.sinks.postgresql.times import from_us

# Not DO NOTHING: that would not lock a mark that somebody may be working off.
_MARK = sql.SQL(
    "INSERT INTO {} (meter, ts) SELECT * FROM unnest(%s::text[], %s::timestamptz[])"
    " ON CONFLICT (meter, ts) DO UPDATE SET ts = excluded.ts"
)


def quarters_of(entries: Iterable[Entry]) -> set[tuple[str, int]]:
    """Meter and start of every quarter-hour that these readings belong to.

    One on a boundary is in the roll-up of the quarter-hour that begins and in the energy of the one that ends.
    """
    found = set()
    for entry in entries:
        time_us = entry.reading.time_us
        if time_us in COUNTED_US:
            found.add((entry.reading.meter, time_us - time_us % QUARTER_US))
            if time_us % QUARTER_US == 0:
                found.add((entry.reading.meter, energy_quarter(time_us)))
    return found


async def mark(connection: Connection, names: Names, quarters: Collection[tuple[str, int]]) -> None:
    """Mark these quarter-hours, in the transaction that changes their readings."""
    if not quarters:
        return
    # In one order, so that two who mark the same do not wait for each other for ever.
    ordered = sorted(quarters)
    await connection.execute(
        _MARK.format(names.dirty), ([meter for meter, _ in ordered], [from_us(start) for _, start in ordered])
    )


async def mark_everything(connection: Connection, names: Names, layout: Layout, meter: str | None = None) -> None:
    """Mark all quarter-hours that have readings, of all meters or of one, inside the caller's transaction.

    It goes from one to the next by the key's index: reading the whole table would take minutes.
    """
    meters = [meter] if meter is not None else await meters_in(connection, names, layout)
    statement = sql.SQL("""
        WITH RECURSIVE found (ts) AS (
            SELECT min({time}) FROM {raw} WHERE {own} AND {time} >= %(first)s
            UNION ALL
            SELECT (SELECT min({time}) FROM {raw} WHERE {own} AND {time} < %(last)s
                       AND {time} >= date_bin('15 minutes', found.ts, 'epoch') + interval '15 minutes')
              FROM found WHERE found.ts IS NOT NULL
        )
        INSERT INTO {dirty} (meter, ts)
        SELECT %(meter)s, date_bin('15 minutes', ts, 'epoch') FROM found WHERE ts IS NOT NULL
         UNION
        SELECT %(meter)s, ts - interval '15 minutes' FROM found WHERE ts = date_bin('15 minutes', ts, 'epoch')
         ORDER BY 2
            ON CONFLICT (meter, ts) DO UPDATE SET ts = excluded.ts
    """).format(time=sql.Identifier(TIME), raw=names.raw, own=own_rows(layout), dirty=names.dirty)
    await connection.execute("SET LOCAL statement_timeout = 0")
    for each in meters:
        bounds = {"meter": each, "first": from_us(COUNTED_US.start), "last": from_us(COUNTED_US.stop)}
        await connection.execute(statement, bounds)


async def meters_in(connection: Connection, names: Names, layout: Layout) -> list[str]:
    """The names of all meters that have readings in the raw table."""
    if not layout.has_meter:
        return [] if layout.only_meter is None else [layout.only_meter]
    statement = sql.SQL("""
        WITH RECURSIVE found (meter) AS (
            SELECT min({meter}) FROM {raw}
            UNION ALL
            SELECT (SELECT min({meter}) FROM {raw} WHERE {meter} > found.meter) FROM found WHERE found.meter IS NOT NULL
        )
        SELECT meter::text FROM found WHERE meter IS NOT NULL
    """).format(meter=sql.Identifier(METER), raw=names.raw)
    return [meter for (meter,) in await (await connection.execute(statement)).fetchall()]


def own_rows(layout: Layout) -> sql.Composable:
    """The condition for the rows of one meter, %(meter)s."""
    if not layout.has_meter:
        return sql.SQL("%(meter)s::text IS NOT NULL")
    return sql.SQL("{} = %(meter)s").format(sql.Identifier(METER))
