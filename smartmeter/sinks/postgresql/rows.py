"""Readings as rows of the table, and their way into it by COPY.

The event loop is shared with the meters: what takes time here lets the others have their turn every millisecond.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from time import perf_counter
from typing import Any, TypeVar

from psycopg import sql

from smartmeter.journal.complete import CompleteValues
from smartmeter.journal.entry import Entry
from smartmeter.reading import Reading
from smartmeter.sinks.postgresql.catalog import Column
from smartmeter.sinks.postgresql.connection import Connection
from smartmeter.sinks.postgresql.table import METER, TIME, CopyFormat, Layout
from smartmeter.sinks.sink import Refusal

TURN_S = 0.001

Item = TypeVar("Item")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# The years 1 to 9999, which a datetime can hold, in microseconds since 1970.
_TIMES_US = range(-62_135_596_800_000_000, 253_402_300_800_000_000)

_FORMATS: Mapping[CopyFormat, sql.SQL] = {"binary": sql.SQL("(FORMAT binary)"), "text": sql.SQL("(FORMAT text)")}


@dataclass(frozen=True, slots=True)
class Batch:
    """Readings on their way into a table, and those of its columns, by measurand id, that they have values for."""

    layout: Layout
    columns: Mapping[str, Column]
    entries: Sequence[Entry]

    @property
    def target(self) -> sql.Identifier:
        """The table."""
        return sql.Identifier(self.layout.schema, self.layout.table)

    @property
    def fixed_names(self) -> tuple[str, ...]:
        """The columns before the values: the time, and the meter if the table has a column for it."""
        return (TIME, METER) if self.layout.has_meter else (TIME,)

    @property
    def names(self) -> sql.Composed:
        """The columns of a row, in its order, with commas."""
        names = (*self.fixed_names, *(column.name for column in self.columns.values()))
        return sql.SQL(", ").join(map(sql.Identifier, names))

    @property
    def types(self) -> list[str]:
        """The types of what a row holds, as psycopg names them."""
        return [*("timestamptz", "text")[: len(self.fixed_names)], *("float8" for _ in self.columns)]

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """The readings as rows; what one has no value for is NULL."""
        # Most readings of a meter have the same measurands in the same order. How to put those into the table's is
        # found out once, which makes this twice as fast as looking up every value.
        arrangements: dict[tuple[str, ...], Callable[[tuple[Any, ...]], tuple[Any, ...]]] = {}
        complete: tuple[str, ...] | None = None
        arrange_complete: Callable[[tuple[Any, ...]], tuple[Any, ...]] = tuple
        for entry in self.entries:
            reading = entry.reading
            values = reading.values
            time = _EPOCH + timedelta(microseconds=reading.time_us)
            if isinstance(values, CompleteValues):
                if values.measurands is not complete:
                    complete = values.measurands
                    arrange_complete = self._arrangement_of_values(complete, values.start)
                fixed = (time, reading.meter) if self.layout.has_meter else (time,)
                yield fixed + arrange_complete(values.row)
                continue
            ids = tuple(values)
            arrange = arrangements.get(ids)
            if arrange is None:
                arrange = arrangements[ids] = self._arrangement(ids)
            yield arrange((time, reading.meter, *values.values(), None))

    def _arrangement_of_values(self, ids: Sequence[str], start: int) -> Callable[[tuple[Any, ...]], tuple[Any, ...]]:
        """What takes the values for the table's columns from a row in which those of `ids` stand from `start` on."""
        place = {id_: start + index for index, id_ in enumerate(ids)}
        places = [place.get(id_) for id_ in self.columns]
        known = [index for index in places if index is not None]
        if len(known) == len(places) > 1:
            return itemgetter(*known)
        return lambda row: tuple(None if index is None else row[index] for index in places)

    def _arrangement(self, ids: Sequence[str]) -> Callable[[tuple[Any, ...]], tuple[Any, ...]]:
        """What makes a row of a time, a meter, the values of these measurands, and a None for what is not there."""
        place = {id_: 2 + index for index, id_ in enumerate(ids)}
        places = [*range(len(self.fixed_names)), *(place.get(id_, -1) for id_ in self.columns)]
        # An itemgetter of one place would give no tuple.
        return itemgetter(*places) if len(places) > 1 else itemgetter(slice(0, 1))


async def in_turns(items: Iterable[Item]) -> AsyncIterator[Item]:
    """The items, with a turn for the rest of the program before them and after every millisecond."""
    await asyncio.sleep(0)
    since = perf_counter()
    for item in items:
        yield item
        if perf_counter() - since > TURN_S:
            await asyncio.sleep(0)
            since = perf_counter()


async def measurands_in(entries: Sequence[Entry]) -> frozenset[str]:
    """The ids of all measurands that the readings have."""
    different: set[tuple[str, ...]] = set()
    complete: tuple[str, ...] | None = None
    async for entry in in_turns(entries):
        values = entry.reading.values
        if not isinstance(values, CompleteValues):
            different.add(tuple(values))
        elif values.measurands is not complete:
            complete = values.measurands
            different.add(complete)
    return frozenset().union(*different)


async def batch_for(layout: Layout, entries: Sequence[Entry], ids: frozenset[str]) -> tuple[Batch, list[Refusal]]:
    """The readings that can go into this table, and refusals for those that cannot whatever the database says."""
    fitting, refusals = [], []
    async for entry in in_turns(entries):
        error = _misfit(layout, entry.reading)
        if error is None:
            fitting.append(entry)
        else:
            refusals.append(Refusal(entry.sequence, error))
    columns = {id_: column for id_, column in layout.columns.items() if id_ in ids}
    return Batch(layout, columns, fitting), refusals


async def copy(connection: Connection, batch: Batch, copy_format: CopyFormat) -> None:
    """Put the batch into the table: all of it, or nothing and psycopg.Error."""
    statement = sql.SQL("COPY {} ({}) FROM STDIN {}").format(batch.target, batch.names, _FORMATS[copy_format])
    await copy_rows(connection, statement, batch.types, batch.rows())


async def copy_rows(
    connection: Connection, statement: sql.Composed, types: Sequence[str], rows: Iterable[tuple[Any, ...]]
) -> None:
    """Run a COPY statement with these rows."""
    async with connection.cursor() as cursor, cursor.copy(statement) as copying:
        copying.set_types(types)
        async for row in in_turns(rows):
            await copying.write_row(row)


def _misfit(layout: Layout, reading: Reading) -> str | None:
    if layout.only_meter not in (None, reading.meter):
        return f"table {layout.schema}.{layout.table} is for meter {layout.only_meter} alone, not for {reading.meter}"
    if reading.time_us not in _TIMES_US:
        return f"time {reading.time_us} µs is beyond the years 1 to 9999"
    return None
