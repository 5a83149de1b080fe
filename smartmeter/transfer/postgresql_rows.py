"""How the rows of a table come out of PostgreSQL: as texts, whatever the columns are, or twice as fast as numbers."""

import csv
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, TypeVar

from psycopg import AsyncCopy, sql

from smartmeter.reading import Reading
from smartmeter.sinks.postgresql.catalog import Table
from smartmeter.sinks.postgresql.table import METER_TYPES, TIME_TYPE, VALUE_TYPE
from smartmeter.sinks.postgresql.times import us
from smartmeter.transfer.columns import Columns
from smartmeter.transfer.numbers import NAN
from smartmeter.transfer.rows import BOOT, RowReader, measured_of
from smartmeter.transfer.source import BATCH_ROWS, Unreadable

Item = TypeVar("Item")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Chunk:
    """So many rows and what is in them. `last`: the last one's time and, if there is a column for it, its meter."""

    rows: int
    readings: Sequence[Reading]
    unreadable: Sequence[Unreadable]
    last: tuple[str, str | None]


class Way(Protocol):
    """A way for rows out of the database: what to select and in which format, and how to read it."""

    format: sql.SQL
    names: Sequence[sql.Composable]
    where: sql.Composable

    def chunks(self, copy: AsyncCopy, before: int) -> AsyncIterator[Chunk]:
        """What a COPY gives, after `before` rows that came earlier."""


def is_plain(table: Table, columns: Columns) -> bool:
    """Whether `Numbers` can read this table: times have a zone, values are doubles, meters are texts."""
    types = [table.columns[name].type for name in columns.names]
    values = {types[index] for index in columns.measurands.values()}
    is_text = columns.meter is None or types[columns.meter].startswith(METER_TYPES)
    return types[columns.time] == TIME_TYPE and values == {VALUE_TYPE} and is_text


class Texts:
    """Rows as CSV, in the order of the columns."""

    format = sql.SQL("csv")

    def __init__(self, columns: Columns, reader: RowReader) -> None:
        self._columns = columns
        self._reader = reader
        self.names: Sequence[sql.Composable] = [sql.Identifier(name) for name in columns.names]
        self.where: sql.Composable = sql.SQL("{} IS NOT NULL").format(self.names[columns.time])

    async def chunks(self, copy: AsyncCopy, before: int) -> AsyncIterator[Chunk]:
        async for lines in _in_batches(copy):
            texts = [str(line, "utf-8") for line in lines]
            rows = list(csv.reader(texts))
            if len(rows) != len(texts):
                # A name with a line break in it, which nobody has, would end a line too early.
                rows = [next(csv.reader([text])) for text in texts]
            readings, unreadable = self._reader.readings(rows, "row", range(before + 1, before + 1 + len(rows)))
            before += len(rows)
            time, meter = self._columns.time, self._columns.meter
            yield Chunk(len(rows), readings, unreadable, (rows[-1][time], None if meter is None else rows[-1][meter]))


class Numbers:
    """Rows in COPY's binary format: the time, the meter if there is a column for it, the values."""

    format = sql.SQL("binary")

    def __init__(self, columns: Columns, meter: str) -> None:
        self._meter = meter
        self._ids = tuple(columns.measurands)
        self._has_meter = columns.meter is not None
        time = sql.Identifier(columns.names[columns.time])
        meters = [] if columns.meter is None else [sql.Identifier(columns.names[columns.meter])]
        values = [sql.Identifier(columns.names[index]) for index in columns.measurands.values()]
        self.names: Sequence[sql.Composable] = [us(time), *meters, *values]
        self._types = ["int8", *(["text"] if meters else []), *(["float8"] * len(values))]
        # Infinite times have no number, and a position must be a date again.
        self.where: sql.Composable = sql.SQL("{} BETWEEN '0001-01-02 00:00Z' AND '9999-12-30 00:00Z'").format(time)

    async def chunks(self, copy: AsyncCopy, before: int) -> AsyncIterator[Chunk]:
        copy.set_types(self._types)
        async for rows in _in_batches(copy.rows()):
            readings, unreadable = [], []
            for index, row in enumerate(rows, before + 1):
                reading = self._reading(row)
                if not reading.meter:
                    unreadable.append(Unreadable(f"row {index}", "the meter has no name"))
                elif reading.values:
                    readings.append(reading)
            before += len(rows)
            time_us, meter, *_ = rows[-1]
            last = str(_EPOCH + timedelta(microseconds=time_us)), (meter or "") if self._has_meter else None
            yield Chunk(len(rows), readings, unreadable, last)

    def _reading(self, row: tuple[Any, ...]) -> Reading:
        if self._has_meter:
            time_us, meter, *values = row
        else:
            meter = None
            time_us, *values = row
        if None in values:
            values = [NAN if value is None else value for value in values]
        return Reading(meter or self._meter, time_us, BOOT, 0, measured_of(self._ids, values))


async def _in_batches(items: AsyncIterable[Item]) -> AsyncIterator[list[Item]]:
    batch: list[Item] = []
    async for item in items:
        batch.append(item)
        if len(batch) == BATCH_ROWS:
            yield batch
            batch = []
    if batch:
        yield batch
