"""The statements that make roll-ups: quarter-hours from readings, hours and days from quarter-hours.

Each takes many periods at once, as arrays of their starts and ends.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import LiteralString

from psycopg import sql

from smartmeter.history.columns import Aggregate
from smartmeter.periods import Period
from smartmeter.sinks.postgresql.connection import Connection
from smartmeter.sinks.postgresql.dirty import own_rows
from smartmeter.sinks.postgresql.store import Store
from smartmeter.sinks.postgresql.table import TIME

# What is no number is no value. Of a counter's values in order of time the first and the last are taken.
_AGGREGATES: Mapping[Aggregate, LiteralString] = {
    "mean": "avg({value})",
    "min": "min({value})",
    "max": "max({value})",
    "first": "(array_agg({value} ORDER BY ts) FILTER (WHERE {value} IS NOT NULL))[1]",
    "last": "(array_agg({value} ORDER BY ts) FILTER (WHERE {value} IS NOT NULL))[count({value})]",
}
_DERIVED: Sequence[Period] = ("1h", "1d")


@dataclass(frozen=True, slots=True)
class Statements:
    """SQL as it is sent: putting it together takes long, so it is done once.

    `quarters` makes roll-ups from readings, None where TimescaleDB does it; `rollups` makes them from quarter-hours,
    `energy` the energy of a period from that of its quarter-hours.
    """

    quarters: bytes | None
    rollups: Mapping[Period, bytes]
    energy: Mapping[Period, bytes]


def statements_for(connection: Connection, store: Store) -> Statements:
    """The statements for this table."""
    return Statements(
        quarters=None if store.continuous else _quarters(store).as_bytes(connection),
        rollups={}
        if store.continuous
        else {period: _from_quarters(store, period).as_bytes(connection) for period in _DERIVED},
        energy={period: _energy(store, period).as_bytes(connection) for period in _DERIVED},
    )


def _quarters(store: Store) -> sql.Composed:
    """Invariant: a row gives way only to one of as many readings or more, because readings may have expired."""
    made = [
        sql.SQL(_AGGREGATES[column.aggregate]).format(
            value=sql.SQL("nullif({}::double precision, 'NaN')").format(sql.Identifier(column.source))
        )
        for column in store.columns
    ]
    return sql.SQL("""
        INSERT INTO {rollup} AS kept (meter, ts, n{names})
        SELECT %(meter)s, span.ts, made.*
          FROM unnest(%(starts)s::timestamptz[]) AS span (ts)
         CROSS JOIN LATERAL (
               SELECT count(*)::integer AS n{made} FROM {raw}
                WHERE {own} AND {time} >= span.ts AND {time} < span.ts + interval '15 minutes'
               ) AS made
         WHERE made.n > 0
            ON CONFLICT (meter, ts) DO UPDATE SET {changes} WHERE excluded.n >= kept.n
    """).format(
        rollup=store.names.rollup("15m"),
        names=_listed(store),
        made=sql.Composed([sql.SQL(", {}").format(each) for each in made]),
        raw=store.names.raw,
        own=own_rows(store.layout),
        time=sql.Identifier(TIME),
        changes=_changes(store),
    )


def _from_quarters(store: Store, period: Period) -> sql.Composed:
    made = [sql.SQL(_AGGREGATES[column.aggregate]).format(value=column.identifier) for column in store.columns]
    return sql.SQL("""
        INSERT INTO {rollup} (meter, ts, n{names})
        SELECT %(meter)s, span.ts, made.*
          FROM unnest(%(starts)s::timestamptz[], %(ends)s::timestamptz[]) AS span (ts, until)
         CROSS JOIN LATERAL (
               SELECT sum(n)::integer AS n{made} FROM {quarters}
                WHERE meter = %(meter)s AND ts >= span.ts AND ts < span.until
               ) AS made
         WHERE made.n > 0
            ON CONFLICT (meter, ts) DO UPDATE SET {changes}
    """).format(
        rollup=store.names.rollup(period),
        names=_listed(store),
        made=sql.Composed([sql.SQL(", {}").format(each) for each in made]),
        quarters=store.names.rollup("15m"),
        changes=_changes(store),
    )


def _energy(store: Store, period: Period) -> sql.Composed:
    return sql.SQL("""
        INSERT INTO {energy} (meter, ts, measurand, energy, gap_energy, gap_from, cost, unpriced)
        SELECT %(meter)s, span.ts, made.*
          FROM unnest(%(starts)s::timestamptz[], %(ends)s::timestamptz[]) AS span (ts, until)
         CROSS JOIN LATERAL (
               SELECT measurand, sum(energy), coalesce(sum(gap_energy) FILTER (WHERE gap_from < span.ts), 0),
                      min(gap_from) FILTER (WHERE gap_from < span.ts), sum(cost), sum(unpriced)
                 FROM {quarters}
                WHERE meter = %(meter)s AND measurand = ANY (%(measurands)s) AND ts >= span.ts AND ts < span.until
                GROUP BY measurand
               ) AS made
            ON CONFLICT (meter, measurand, ts) DO UPDATE
           SET energy = excluded.energy, gap_energy = excluded.gap_energy, gap_from = excluded.gap_from,
               cost = excluded.cost, unpriced = excluded.unpriced
    """).format(energy=store.names.energy(period), quarters=store.names.energy("15m"))


def _listed(store: Store) -> sql.Composed:
    return sql.Composed([sql.SQL(", {}").format(column.identifier) for column in store.columns])


def _changes(store: Store) -> sql.Composed:
    changes = [sql.SQL("{0} = excluded.{0}").format(column.identifier) for column in store.columns]
    return sql.SQL(", ").join([sql.SQL("n = excluded.n"), *changes])
