"""Roll-ups: quarter-hours from readings, hours and days from quarter-hours."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from smartmeter.history.columns import Aggregate
from smartmeter.journal.names import measurand_columns, quoted
from smartmeter.journal.rollup_tables import counters_in, rollup_columns
from smartmeter.periods import QUARTER_US, Period

# From readings; of a counter the first and the last value in order of time.
_FROM_READINGS: Mapping[Aggregate, str] = {
    "mean": "avg({source})",
    "min": "min({source})",
    "max": "max({source})",
    "first": "(SELECT {source} FROM reading WHERE meter_id = :meter AND time_us >= :start AND time_us < :end "
    "AND {source} IS NOT NULL ORDER BY time_us, sequence LIMIT 1)",
    "last": "(SELECT {source} FROM reading WHERE meter_id = :meter AND time_us >= :start AND time_us < :end "
    "AND {source} IS NOT NULL ORDER BY time_us DESC, sequence DESC LIMIT 1)",
}
# From quarter-hours: each weighs the same, so that a time of denser reading does not weigh more.
_FROM_QUARTERS: Mapping[Aggregate, str] = {
    "mean": "avg({source})",
    "min": "min({source})",
    "max": "max({source})",
    "first": "(SELECT {source} FROM rollup_15m WHERE meter_id = :meter AND start_us >= :start AND start_us < :end "
    "AND {source} IS NOT NULL ORDER BY start_us LIMIT 1)",
    "last": "(SELECT {source} FROM rollup_15m WHERE meter_id = :meter AND start_us >= :start AND start_us < :end "
    "AND {source} IS NOT NULL ORDER BY start_us DESC LIMIT 1)",
}


@dataclass(frozen=True, slots=True)
class Statements:
    """SQL that makes a roll-up of a span; its parameters are `meter`, `start` and `end`. `counters`: their ids."""

    quarter: str
    hour: str
    day: str
    counters: tuple[str, ...]

    def of(self, period: Period) -> str:
        """The one for this period."""
        return {"15m": self.quarter, "1h": self.hour, "1d": self.day}[period]


def statements_for(connection: sqlite3.Connection) -> Statements:
    """The statements for the columns that there are now."""
    columns = rollup_columns(measurand_columns(connection))
    names = "".join(f", {quoted(column.name)}" for column in columns)
    of_readings = "".join(
        f", {_FROM_READINGS[each.aggregate].format(source=quoted(each.measurand))}" for each in columns
    )
    of_quarters = "".join(f", {_FROM_QUARTERS[each.aggregate].format(source=quoted(each.name))}" for each in columns)

    def longer(period: Period) -> str:
        return (
            f"INSERT OR REPLACE INTO rollup_{period} (meter_id, start_us, n{names}) "  # noqa: S608 our names, quoted
            f"SELECT :meter, :start, sum(n){of_quarters} FROM rollup_15m "
            "WHERE meter_id = :meter AND start_us >= :start AND start_us < :end GROUP BY meter_id"
        )

    return Statements(
        quarter=f"INSERT OR REPLACE INTO rollup_15m (meter_id, start_us, n{names}) "  # noqa: S608 our names, quoted
        f"SELECT :meter, :start, count(*){of_readings} FROM reading "
        "WHERE meter_id = :meter AND time_us >= :start AND time_us < :end GROUP BY meter_id",
        hour=longer("1h"),
        day=longer("1d"),
        counters=counters_in(connection),
    )


def roll_up_quarter(connection: sqlite3.Connection, statements: Statements, meter_id: int, start_us: int) -> None:
    """Make a quarter-hour anew from its readings.

    Invariant: it gives way only to one of as many readings or more, because readings may have expired.
    """
    span = {"meter": meter_id, "start": start_us, "end": start_us + QUARTER_US}
    (here,) = connection.execute(
        "SELECT count(*) FROM reading WHERE meter_id = :meter AND time_us >= :start AND time_us < :end", span
    ).fetchone()
    kept = connection.execute("SELECT n FROM rollup_15m WHERE meter_id = :meter AND start_us = :start", span).fetchone()
    if here and (kept is None or here >= kept[0]):
        connection.execute(statements.quarter, span)


def derive(
    connection: sqlite3.Connection, statements: Statements, meter_id: int, period: Period, span: tuple[int, int]
) -> None:
    """Make an hour or a day anew from its quarter-hours: the roll-up, and the energy of every counter."""
    start_us, end_us = span
    parameters = {"meter": meter_id, "start": start_us, "end": end_us}
    # Also those go that began elsewhere within the span, in another zone.
    connection.execute(_DELETE.format(table=f"rollup_{period}"), parameters)
    connection.execute(_DELETE.format(table=f"energy_{period}"), parameters)
    connection.execute(statements.of(period), parameters)
    connection.execute(_ENERGY.format(period=period), parameters)


_DELETE = "DELETE FROM {table} WHERE meter_id = :meter AND start_us >= :start AND start_us < :end"
_ENERGY = """
    INSERT INTO energy_{period} (meter_id, measurand, start_us, energy, gap_energy, gap_from_us, cost, unpriced)
    SELECT :meter, measurand, :start, sum(energy),
           coalesce(sum(gap_energy) FILTER (WHERE gap_from_us < :start), 0),
           min(gap_from_us) FILTER (WHERE gap_from_us < :start), sum(cost), sum(unpriced)
      FROM energy_15m
     WHERE meter_id = :meter AND start_us >= :start AND start_us < :end
     GROUP BY measurand
"""
