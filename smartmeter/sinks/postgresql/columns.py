"""The columns of roll-ups: they follow those of the raw table."""

from dataclasses import dataclass

from psycopg import sql

from smartmeter.history.columns import Aggregate, aggregates, rollup_column
from smartmeter.measurands import measurands
from smartmeter.sinks.postgresql.table import Layout


@dataclass(frozen=True, slots=True)
class RollupColumn:
    """A column of the roll-ups: its `name`, and the measurand and the column of the raw table that it is made from."""

    name: str
    measurand: str
    source: str
    aggregate: Aggregate

    @property
    def identifier(self) -> sql.Identifier:
        """Its name, quoted."""
        return sql.Identifier(self.name)


def wanted_columns(layout: Layout) -> tuple[RollupColumn, ...]:
    """The columns that roll-ups of this table have."""
    return tuple(
        RollupColumn(rollup_column(column.name, aggregate), id_, column.name, aggregate)
        for id_, column in layout.columns.items()
        for aggregate in aggregates(measurands()[id_].kind)
    )
