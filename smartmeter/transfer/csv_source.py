"""Readings from a CSV file: the original's, psql's, a spreadsheet's, our own."""

import asyncio
import csv
import hashlib
import json
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import BinaryIO
from zoneinfo import ZoneInfo

from smartmeter.transfer.columns import Columns
from smartmeter.transfer.csv_look import look_at_csv
from smartmeter.transfer.errors import TransferError
from smartmeter.transfer.numbers import number, number_with_comma
from smartmeter.transfer.rows import RowReader
from smartmeter.transfer.source import Batch, Outline

# Some 2000 rows of the original's 68 values.
BATCH_BYTES = 1_200_000
_TAIL_BYTES = 65536
_CHUNK_BYTES = 1 << 20


class CsvSource:
    """The file at `path`; `meter` is whose readings they are where no column says it. See `Source`.

    A row is a line: a quotation mark that is never closed costs its own row and no other.

    Raises TransferError if it cannot be read or is no table of readings.
    """

    def __init__(self, path: Path, meter: str, zone: ZoneInfo) -> None:
        self._path = path
        self._look = look_at_csv(path)
        self._meter = meter
        self._zone = zone

    @property
    def name(self) -> str:
        return str(self._path)

    @property
    def key(self) -> str:
        """The file by its place, its header and its first row: more rows at its end make no other file of it."""
        return f"csv {self._path.resolve()} {hashlib.sha256(self._look.head).hexdigest()[:16]}"

    @property
    def columns(self) -> Columns:
        return self._look.columns

    @property
    def is_sink(self) -> bool:
        return False

    async def outline(self) -> Outline:
        return await asyncio.to_thread(self._outline)

    async def batches(self, position: str | None) -> AsyncGenerator[Batch, None]:
        look = self._look
        at, line, latest = (look.begin, look.line, {}) if position is None else json.loads(position)
        reader = RowReader(
            look.columns, self._meter, self._zone, latest, number_with_comma if look.decimal_comma else number
        )
        with self._opened() as file:
            size = file.seek(0, 2)
            if at > size:
                # It is shorter than it was.
                at, line = look.begin, look.line
            file.seek(at)
            while lines := self._read(file):
                readings, unreadable = reader.readings(self._rows(lines), "line", range(line, line + len(lines)))
                # A line without an end may be a piece of one: it is read once more when there is more.
                ended = lines if lines[-1].endswith(b"\n") else lines[:-1]
                at, line = at + sum(map(len, ended)), line + len(ended)
                yield Batch(len(lines), readings, unreadable, json.dumps([at, line, reader.latest]), at / max(1, size))

    async def close(self) -> None:
        """Nothing is open between the batches."""

    def _opened(self) -> BinaryIO:
        try:
            return self._path.open("rb")
        except OSError as error:
            raise TransferError(f"{self._path}: cannot be read: {error.strerror}") from None

    def _read(self, file: BinaryIO) -> list[bytes]:
        try:
            return file.readlines(BATCH_BYTES)
        except OSError as error:
            raise TransferError(f"{self._path}: cannot be read any more: {error.strerror}") from None

    def _rows(self, lines: Sequence[bytes]) -> list[list[str]]:
        encoding, delimiter = self._look.encoding, self._look.delimiter
        texts = [line.decode(encoding, "replace") for line in lines]
        try:
            rows = list(csv.reader(texts, delimiter=delimiter))
        except csv.Error:
            rows = []
        if len(rows) == len(texts):
            return rows
        # Some row goes over more than a line, by a quotation mark too few.
        return [_row(text, delimiter) for text in texts]

    def _outline(self) -> Outline:
        with self._opened() as file:
            file.seek(self._look.begin)
            first = self._time(file.readline())
            size = file.seek(0, 2)
            file.seek(max(self._look.begin, size - _TAIL_BYTES))
            tail = file.read().splitlines()
            file.seek(self._look.begin)
            count, last = 0, b""
            while chunk := file.read(_CHUNK_BYTES):
                count, last = count + chunk.count(b"\n"), chunk[-1:]
        rows = count + (last not in (b"", b"\n"))
        return Outline(first, self._time(tail[-1]) if tail else None, f"{rows} rows")

    def _time(self, line: bytes) -> str | None:
        row = self._rows([line])[0]
        return row[self.columns.time] if self.columns.time < len(row) else None


def _row(text: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([text], delimiter=delimiter), [])
    except csv.Error:
        # Longer than any row: told as one with too few columns.
        return [text]
