"""What the energy of quarter-hours is made from and goes into."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from time import perf_counter
from typing import Any

from psycopg import sql

from smartmeter.energy.guard import Decisions, Flag, Point, State
from smartmeter.energy.held import held_text, state_from
from smartmeter.energy.quarters import Quarter, energy_quarter
from smartmeter.sinks.postgresql.connection import Connection
from smartmeter.sinks.postgresql.dirty import own_rows
from smartmeter.sinks.postgresql.names import Names
from smartmeter.sinks.postgresql.rows import TURN_S
from smartmeter.sinks.postgresql.store import Store
from smartmeter.sinks.postgresql.table import TIME
from smartmeter.sinks.postgresql.times import from_us, us

_FETCHED_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Kept:
    """What is there for a counter around a quarter-hour.

    `n` and `quarter` are its own row, 0 and None if it has none, `has_flags` whether the guard found something in it;
    `before_us` and `before` the start and the state of the last one before it, `following_us` the start of the next
    one after it.
    """

    n: int
    quarter: Quarter | None
    has_flags: bool
    before_us: int | None
    before: State
    following_us: int | None


@dataclass(frozen=True, slots=True)
class Folded:
    """A quarter-hour of a counter, made from `n` readings."""

    measurand: str
    n: int
    quarter: Quarter
    cost: float | None
    unpriced: float


async def decisions_of(connection: Connection, names: Names, meter: str) -> dict[str, Decisions]:
    """What the owner has decided on the meter's counters, by measurand id."""
    statement = sql.SQL("SELECT measurand, {}, kind FROM {} WHERE meter = %s ORDER BY ts").format(
        us(sql.SQL("ts")), names.decision
    )
    replaced: defaultdict[str, list[int]] = defaultdict(list)
    counted: defaultdict[str, list[int]] = defaultdict(list)
    for id_, time_us, kind in await (await connection.execute(statement, (meter,))).fetchall():
        (replaced if kind == "replaced" else counted)[id_].append(time_us)
    return {id_: Decisions(tuple(replaced[id_]), frozenset(counted[id_])) for id_ in {*replaced, *counted}}


async def kept_rows(
    connection: Connection, store: Store, meter: str, quarters: Sequence[int]
) -> Mapping[tuple[int, str], Kept]:
    """What is there, by start of the quarter-hour and measurand id."""
    statement = sql.SQL("""
        SELECT {start}, wanted.measurand,
               here.n, here.energy, here.gap_energy, {here_gap_from}, {here_last}, here.last_value, here.held,
               EXISTS (SELECT FROM {flags} AS flag
                        WHERE flag.meter = %(meter)s AND flag.measurand = wanted.measurand AND flag.quarter = span.ts),
               {before_start}, {before_last}, earlier.last_value, earlier.held,
               (SELECT {time} FROM {energy} AS later
                 WHERE meter = %(meter)s AND measurand = wanted.measurand AND ts > span.ts ORDER BY ts LIMIT 1)
          FROM unnest(%(starts)s::timestamptz[]) AS span (ts)
         CROSS JOIN unnest(%(measurands)s::text[]) AS wanted (measurand)
          LEFT JOIN {energy} AS here
            ON here.meter = %(meter)s AND here.measurand = wanted.measurand AND here.ts = span.ts
          LEFT JOIN LATERAL (
               SELECT * FROM {energy} AS row
                WHERE row.meter = %(meter)s AND row.measurand = wanted.measurand AND row.ts < span.ts
                ORDER BY row.ts DESC LIMIT 1
               ) AS earlier ON true
    """).format(
        energy=store.names.energy("15m"),
        start=us(sql.SQL("span.ts")),
        here_last=us(sql.SQL("here.last_ts")),
        here_gap_from=us(sql.SQL("here.gap_from")),
        flags=store.names.flag,
        before_start=us(sql.SQL("earlier.ts")),
        before_last=us(sql.SQL("earlier.last_ts")),
        time=us(sql.SQL("ts")),
    )
    parameters = {
        "meter": meter,
        "starts": [from_us(start) for start in quarters],
        "measurands": list(store.counters),
    }
    rows = await (await connection.execute(statement, parameters)).fetchall()
    return {(start, id_): _kept(start, *found) for start, id_, *found in rows}


def _kept(start: int, n: int | None, *found: Any) -> Kept:  # noqa: ANN401 - a row of `kept_rows`
    energy, gap_energy, gap_from_us, last_us, last_value, held, has_flags, *around = found
    before_us, before_last_us, before_value, before_held, following_us = around
    return Kept(
        n=n or 0,
        quarter=None
        if n is None
        else Quarter(start, energy, gap_energy, gap_from_us, state_from(last_us, last_value, held), ()),
        has_flags=has_flags,
        before_us=before_us,
        before=State() if before_us is None else state_from(before_last_us, before_value, before_held),
        following_us=following_us,
    )


async def points_of(
    connection: Connection, store: Store, meter: str, quarters: Sequence[int]
) -> Mapping[tuple[int, str], Sequence[Point]]:
    """The readings of each counter in each quarter-hour, in order of time; its start is not in it, but its end is."""
    counters = store.counters
    # OFFSET 0: each by itself and by the index. Joined, many would seem to be so much that the whole table were read.
    statement = sql.SQL("""
        SELECT {time}, {values}
          FROM unnest(%(starts)s::timestamptz[]) AS span (ts)
         CROSS JOIN LATERAL (
               SELECT {ts} AS at, {values} FROM {raw}
                WHERE {own} AND {ts} > span.ts AND {ts} <= span.ts + interval '15 minutes'
               OFFSET 0
               ) AS raw
         ORDER BY at
    """).format(
        time=us(sql.SQL("at")),
        values=sql.SQL(", ").join(map(sql.Identifier, counters.values())),
        ts=sql.Identifier(TIME),
        raw=store.names.raw,
        own=own_rows(store.layout),
    )
    parameters = {"meter": meter, "starts": [from_us(start) for start in quarters]}
    found: dict[tuple[int, str], list[Point]] = {(start, id_): [] for start in quarters for id_ in counters}
    cursor = await connection.execute(statement, parameters)
    since = perf_counter()
    while rows := await cursor.fetchmany(_FETCHED_AT_ONCE):
        for time_us, *values in rows:
            start = energy_quarter(time_us)
            for id_, value in zip(counters, values, strict=True):
                if value is not None and isfinite(value):
                    found[start, id_].append(Point(time_us, float(value)))
        if perf_counter() - since > TURN_S:
            await asyncio.sleep(0)
            since = perf_counter()
    return found


async def store_quarters(connection: Connection, names: Names, meter: str, folded: Sequence[Folded]) -> None:
    """Put them in place of what was there, with what the guard found in them."""
    if not folded:
        return
    statement = sql.SQL("""
        INSERT INTO {} (meter, measurand, ts, n, energy, gap_energy, gap_from, cost, unpriced,
                        last_ts, last_value, held)
        SELECT %s, * FROM unnest(%s::text[], %s::timestamptz[], %s::int4[], %s::float8[], %s::float8[],
                                 %s::timestamptz[], %s::float8[], %s::float8[],
                                 %s::timestamptz[], %s::float8[], %s::text[])
            ON CONFLICT (meter, measurand, ts) DO UPDATE
           SET n = excluded.n, energy = excluded.energy, gap_energy = excluded.gap_energy,
               gap_from = excluded.gap_from, cost = excluded.cost, unpriced = excluded.unpriced,
               last_ts = excluded.last_ts, last_value = excluded.last_value, held = excluded.held
    """).format(names.energy("15m"))
    columns = zip(*map(_row, folded), strict=True)
    await connection.execute(statement, (meter, *map(list, columns)))
    await _store_flags(connection, names, meter, folded)


async def _store_flags(connection: Connection, names: Names, meter: str, folded: Sequence[Folded]) -> None:
    statement = sql.SQL("""
        DELETE FROM {} AS flag USING unnest(%s::text[], %s::timestamptz[]) AS anew (measurand, quarter)
         WHERE flag.meter = %s AND flag.measurand = anew.measurand AND flag.quarter = anew.quarter
    """).format(names.flag)
    ids, starts = [each.measurand for each in folded], [from_us(each.quarter.start_us) for each in folded]
    await connection.execute(statement, (ids, starts, meter))
    flags = [(each.measurand, flag, each.quarter.start_us) for each in folded for flag in each.quarter.flags]
    if not flags:
        return
    statement = sql.SQL("""
        INSERT INTO {} (meter, measurand, ts, kind, value, before, quarter)
        SELECT %s, * FROM unnest(%s::text[], %s::timestamptz[], %s::text[], %s::float8[], %s::float8[],
                                 %s::timestamptz[])
    """).format(names.flag)
    columns = zip(*(_flag_row(*each) for each in flags), strict=True)
    await connection.execute(statement, (meter, *map(list, columns)))


def _row(folded: Folded) -> tuple[object, ...]:
    quarter = folded.quarter
    last = quarter.state.last
    if last is None:
        raise AssertionError("a quarter-hour with readings leaves a last one")
    return (
        folded.measurand,
        from_us(quarter.start_us),
        folded.n,
        float(quarter.energy),
        float(quarter.gap_energy),
        None if quarter.gap_from_us is None else from_us(quarter.gap_from_us),
        folded.cost,
        float(folded.unpriced),
        from_us(last.time_us),
        last.value,
        held_text(quarter.state),
    )


def _flag_row(id_: str, flag: Flag, quarter_us: int) -> tuple[object, ...]:
    return (id_, from_us(flag.time_us), flag.kind, flag.value, flag.before, from_us(quarter_us))
