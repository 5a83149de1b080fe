"""Roll-ups as TimescaleDB's continuous aggregates, and its policies. Needs 2.13 or later.

The quarter-hours are made from the readings; hours and days from the quarter-hours, which never expire.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import LiteralString
from zoneinfo import ZoneInfo

from psycopg import sql

from smartmeter.history.columns import Aggregate
from smartmeter.periods import PERIODS, Period
from smartmeter.sinks.postgresql.columns import RollupColumn
from smartmeter.sinks.postgresql.connection import Connection
from smartmeter.sinks.postgresql.names import Names
from smartmeter.sinks.postgresql.table import METER, TIME

COMPRESS_AFTER = timedelta(days=7)
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_QUARTER = timedelta(minutes=15)
# What is younger than end_offset is computed when it is asked for.
_END_OFFSETS: Mapping[Period, timedelta] = {"15m": 2 * _QUARTER, "1h": 2 * _HOUR, "1d": 2 * _DAY}
_SCHEDULES: Mapping[Period, timedelta] = {"15m": _QUARTER, "1h": _HOUR, "1d": _HOUR}

_AGGREGATES: Mapping[Aggregate, LiteralString] = {
    "mean": "avg({source})",
    "min": "min({source})",
    "max": "max({source})",
    "first": "{first}({source}, {time}) FILTER (WHERE {source} IS NOT NULL)",
    "last": "{last}({source}, {time}) FILTER (WHERE {source} IS NOT NULL)",
}


@dataclass(frozen=True, slots=True)
class Continuous:
    """The aggregates of a table: `schema` is where the extension's functions are."""

    schema: str
    names: Names
    columns: Sequence[RollupColumn]
    zone: ZoneInfo

    def function(self, name: str) -> sql.Identifier:
        """A function of the extension."""
        return sql.Identifier(self.schema, name)


async def make_aggregates(connection: Connection, continuous: Continuous) -> None:
    """Make all three, empty: they show what is in the raw table all the same. Inside the caller's transaction."""
    for period in PERIODS:
        await _make(connection, continuous, period)


async def compress_readings(connection: Connection, continuous: Continuous) -> None:
    """Have those compressed that are a week old. Inside the caller's transaction."""
    raw = continuous.names.raw
    await connection.execute(
        sql.SQL(
            "ALTER TABLE {} SET (timescaledb.compress, timescaledb.compress_segmentby = {},"
            " timescaledb.compress_orderby = {})"
        ).format(raw, sql.Literal(METER), sql.Literal(TIME))
    )
    await _call(
        connection,
        "SELECT {}(%s::regclass, compress_after => %s::interval, if_not_exists => true)",
        continuous.function("add_compression_policy"),
        (raw.as_string(connection), COMPRESS_AFTER),
    )


async def make_hours_and_days(connection: Connection, continuous: Continuous) -> None:
    """Make those of another zone in their place. Inside the caller's transaction."""
    hours_and_days: tuple[Period, Period] = ("1h", "1d")
    for period in hours_and_days:
        await connection.execute(sql.SQL("DROP MATERIALIZED VIEW {}").format(continuous.names.rollup(period)))
        await _make(connection, continuous, period)


async def drop_aggregates(connection: Connection, names: Names) -> None:
    """Inside the caller's transaction."""
    for period in reversed(PERIODS):
        await connection.execute(sql.SQL("DROP MATERIALIZED VIEW IF EXISTS {}").format(names.rollup(period)))


async def remember_more_than_readings(connection: Connection, names: Names) -> bool:
    """Whether the quarter-hours reach further back than the readings: then they cannot be made anew."""
    statement = sql.SQL(
        "SELECT coalesce((SELECT min({time}) FROM {quarters}) < (SELECT date_trunc('day', min({time})) FROM {raw}),"
        " (SELECT min({time}) FROM {quarters}) IS NOT NULL)"
    ).format(time=sql.Identifier(TIME), quarters=names.rollup("15m"), raw=names.raw)
    return await (await connection.execute(statement)).fetchone() == (True,)


async def keep_readings_for(connection: Connection, continuous: Continuous, keep: timedelta | None) -> None:
    """Let older readings go, or none. What is refreshed is younger, so that roll-ups of older ones stay as they are."""
    raw = continuous.names.raw.as_string(connection)
    quarters = continuous.names.rollup("15m").as_string(connection)
    remove = continuous.function("remove_retention_policy")
    await _call(connection, "SELECT {}(%s::regclass, if_exists => true)", remove, (raw,))
    if keep is not None:
        add = continuous.function("add_retention_policy")
        await _call(connection, "SELECT {}(%s::regclass, drop_after => %s::interval)", add, (raw, keep))
    remove = continuous.function("remove_continuous_aggregate_policy")
    await _call(connection, "SELECT {}(%s::regclass, if_exists => true)", remove, (quarters,))
    await _add_refresh(connection, continuous, "15m", keep)


async def refresh_aggregates(connection: Connection, continuous: Continuous) -> None:
    """Bring all three up to date now, which may take long. Not inside a transaction, on a connection for this alone."""
    await connection.execute("SET statement_timeout = 0")
    refresh = continuous.function("refresh_continuous_aggregate")
    for period in PERIODS:
        rollup = continuous.names.rollup(period).as_string(connection)
        await _call(connection, "CALL {}(%s::regclass, NULL, NULL)", refresh, (rollup,))


async def _make(connection: Connection, continuous: Continuous, period: Period) -> None:
    names = continuous.names
    source, count, place = (
        (names.raw, "count(*)", _in_raw) if period == "15m" else (names.rollup("15m"), "sum(n)", _in_quarters)
    )
    values = [sql.SQL(", {}").format(_value(continuous, column, place(column))) for column in continuous.columns]
    await connection.execute(
        sql.SQL(
            "CREATE MATERIALIZED VIEW {rollup} WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS"
            " SELECT {meter}, {bucket} AS {time}, {count}::integer AS n{values} FROM {source} GROUP BY 1, 2"
            " WITH NO DATA"
        ).format(
            rollup=names.rollup(period),
            meter=sql.Identifier(METER),
            bucket=_bucket(continuous, period),
            time=sql.Identifier(TIME),
            count=sql.SQL(count),
            values=sql.Composed(values),
            source=source,
        )
    )
    await _add_refresh(connection, continuous, period, None)


def _bucket(continuous: Continuous, period: Period) -> sql.Composed:
    bucket, time = continuous.function("time_bucket"), sql.Identifier(TIME)
    if period == "15m":
        return sql.SQL("{}('15 minutes'::interval, {})").format(bucket, time)
    if period == "1d":
        return sql.SQL("{}('1 day'::interval, {}, {})").format(bucket, time, sql.Literal(continuous.zone.key))
    # Not by the zone: the hour that comes twice when clocks are set back would be one.
    shift = (datetime.now(UTC).astimezone(continuous.zone).utcoffset() or timedelta()) % _HOUR
    if not shift:
        return sql.SQL("{}('1 hour'::interval, {})").format(bucket, time)
    origin = sql.Literal(datetime(2000, 1, 1, tzinfo=UTC) - shift)
    return sql.SQL("{}('1 hour'::interval, {}, origin => {})").format(bucket, time, origin)


def _value(continuous: Continuous, column: RollupColumn, source: sql.Composable) -> sql.Composed:
    return sql.SQL("{} AS {}").format(
        sql.SQL(_AGGREGATES[column.aggregate]).format(
            source=source,
            time=sql.Identifier(TIME),
            first=continuous.function("first"),
            last=continuous.function("last"),
        ),
        column.identifier,
    )


def _in_raw(column: RollupColumn) -> sql.Composable:
    return sql.SQL("nullif({}::double precision, 'NaN')").format(sql.Identifier(column.source))


def _in_quarters(column: RollupColumn) -> sql.Composable:
    return column.identifier


async def _add_refresh(
    connection: Connection, continuous: Continuous, period: Period, start_offset: timedelta | None
) -> None:
    await _call(
        connection,
        "SELECT {}(%s::regclass, start_offset => %s::interval, end_offset => %s::interval,"
        " schedule_interval => %s::interval)",
        continuous.function("add_continuous_aggregate_policy"),
        (continuous.names.rollup(period).as_string(connection), start_offset, _END_OFFSETS[period], _SCHEDULES[period]),
    )


async def _call(
    connection: Connection, statement: LiteralString, function: sql.Identifier, parameters: Sequence[object]
) -> None:
    await connection.execute(sql.SQL(statement).format(function), parameters)
