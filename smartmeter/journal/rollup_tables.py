"""The tables of the roll-ups: their columns follow those of the readings."""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from smartmeter.history.columns import Aggregate, aggregates, rollup_column
from smartmeter.journal.names import measurand_columns, quoted, table_columns
from smartmeter.measurands import Kind, measurands
from smartmeter.periods import PERIODS


@dataclass(frozen=True, slots=True)
class RollupColumn:
    """A column of the roll-ups: what it keeps of which measurand."""

    name: str
    measurand: str
    aggregate: Aggregate


def rollup_columns(ids: Iterable[str]) -> tuple[RollupColumn, ...]:
    """The columns of the roll-ups of these measurands."""
    return tuple(
        RollupColumn(rollup_column(id_, aggregate), id_, aggregate)
        for id_ in ids
        for aggregate in aggregates(kind_of(id_))
    )


def counters_in(connection: sqlite3.Connection) -> tuple[str, ...]:
    """The counters that the readings have columns for."""
    return tuple(id_ for id_ in measurand_columns(connection) if kind_of(id_) == "counter")


def kind_of(id_: str) -> Kind:
    """The kind of a measurand; one that only another version knows counts as fluctuating."""
    known = measurands().get(id_)
    return "instantaneous" if known is None else known.kind


def make_rollup_tables(connection: sqlite3.Connection) -> None:
    """Make those that are missing, and add the columns that they lack, within the caller's transaction."""
    wanted = [column.name for column in rollup_columns(measurand_columns(connection))]
    for period in PERIODS:
        table = f"rollup_{period}"
        present = table_columns(connection, table)
        if not present:
            values = "".join(f"{quoted(name)} REAL, " for name in wanted)
            # All at once: to add a column to a table, SQLite reads the whole schema anew.
            connection.execute(
                f"CREATE TABLE {table} (meter_id INTEGER NOT NULL REFERENCES meter, start_us INTEGER NOT NULL, "
                f"n INTEGER NOT NULL, {values}PRIMARY KEY (meter_id, start_us)) WITHOUT ROWID"
            )
            continue
        for name in wanted:
            if name not in present:
                connection.execute(f"ALTER TABLE {table} ADD COLUMN {quoted(name)} REAL")
