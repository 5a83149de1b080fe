"""Writes a sheet as Parquet. Importing this imports pyarrow, which not everybody has."""

from collections.abc import Callable, Sequence
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from smartmeter.transfer.sheets import Cell, Column, Sheet

# 9 MB with 68 values each; readers skip groups whose times they do not want.
GROUP_ROWS = 16_384

_TYPES = {
    "time": pa.timestamp("us", tz="UTC"),
    "text": pa.dictionary(pa.int32(), pa.string()),
    "count": pa.int64(),
    "number": pa.float64(),
}


async def write_parquet(sheet: Sheet, file: BinaryIO, tell: Callable[[float, int], None]) -> int:
    """The number of rows written; `tell` hears how much is done, from 0 to 1, and how many rows that are.

    Raises OSError.
    """
    schema = pa.schema([_field(column) for column in sheet.columns])
    rows: list[Sequence[Cell]] = []
    written = 0
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        async for batch in sheet.batches:
            rows.extend(batch.rows)
            written += len(batch.rows)
            while len(rows) >= GROUP_ROWS:
                writer.write_table(_table(rows[:GROUP_ROWS], schema), row_group_size=GROUP_ROWS)
                del rows[:GROUP_ROWS]
            tell(batch.done, written)
        if rows:
            writer.write_table(_table(rows, schema), row_group_size=GROUP_ROWS)
    return written


def _field(column: Column) -> "pa.Field":
    return pa.field(column.name, _TYPES[column.type], metadata={"unit": column.unit} if column.unit else None)


def _table(rows: Sequence[Sequence[Cell]], schema: "pa.Schema") -> "pa.Table":
    columns = zip(*rows, strict=True)
    return pa.table([pa.array(cells, field.type) for cells, field in zip(columns, schema, strict=True)], schema=schema)
