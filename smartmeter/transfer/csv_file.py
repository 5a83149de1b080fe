"""Writes a sheet as CSV: RFC 4180, UTF-8, a header, decimal dots, times in UTC with a Z."""

import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import BinaryIO

from smartmeter.transfer.sheets import Cell, Sheet

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OFFSET = "+00:00"


async def write_csv(sheet: Sheet, file: BinaryIO, tell: Callable[[float, int], None]) -> int:
    """The number of rows written; `tell` hears how much is done, from 0 to 1, and how many rows that are.

    A number is the shortest text that is read as the same number. Raises OSError.
    """
    text = io.TextIOWrapper(file, "utf-8", newline="", write_through=False)
    try:
        writer = csv.writer(text)
        writer.writerow([column.name for column in sheet.columns])
        times = [index for index, column in enumerate(sheet.columns) if column.type == "time"]
        written = 0
        async for batch in sheet.batches:
            for row in batch.rows:
                cells = list(row)
                for index in times:
                    cells[index] = _time(cells[index])
                writer.writerow(cells)
            written += len(batch.rows)
            tell(batch.done, written)
        text.flush()
    finally:
        # Closing the file is its owner's business.
        text.detach()
    return written


def _time(time_us: Cell) -> Cell:
    """2024-07-01T12:00:00Z, with as many digits of the second as there are."""
    if not isinstance(time_us, int):
        return None
    return (_EPOCH + timedelta(microseconds=time_us)).isoformat().removesuffix(_OFFSET) + "Z"
