"""Readings from a table in an SQLite file: the original's later format, or another journal of ours."""

import hashlib
import json
import sqlite3
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from zoneinfo import ZoneInfo

from smartmeter.measurands import find_measurand
from smartmeter.transfer.columns import TIME_NAMES, Columns, find_columns
from smartmeter.transfer.errors import TransferError
from smartmeter.transfer.rows import RowReader
from smartmeter.transfer.source import BATCH_ROWS, Batch, Outline

# https://www.sqlite.org/fileformat.html, section 1.3
_MAGIC = b"SQLite format 3\0"


def is_sqlite(path: Path) -> bool:
    """Whether the file is an SQLite database. Raises TransferError if it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(len(_MAGIC)) == _MAGIC
    except OSError as error:
        raise TransferError(f"{path}: cannot be read: {error.strerror}") from None


class SqliteSource:
    """The table (None: the only one that holds readings) in the file at `path`, in the order of its rowid.

    `meter` is whose readings they are where no column says it. See `Source`.

    Raises TransferError if it cannot be read or is no table of readings.
    """

    def __init__(self, path: Path, table: str | None, meter: str, zone: ZoneInfo) -> None:
        self._path = path
        self._meter = meter
        self._zone = zone
        with self._opened() as connection:
            self._table = _only_table(connection, path) if table is None else table
            names = _column_names(connection, self._table)
            if not names:
                raise TransferError(
                    f"{path}: there is no table {self._table!r}; there are {', '.join(_tables(connection)) or 'none'}"
                )
            self._columns = find_columns(names, self.name)
            self._rowid = "rowid" if _has_rowid(connection, self._table) else None
            first = connection.execute(f"SELECT * FROM {quoted(self._table)} LIMIT 1").fetchone()  # noqa: S608  quoted
        self._head = repr((names, first))

    @property
    def name(self) -> str:
        return f"{self._path}, table {self._table}"

    @property
    def key(self) -> str:
        """The table by its place, its columns and its first row: more rows make no other table of it."""
        return f"sqlite {self._path.resolve()} {self._table} {hashlib.sha256(self._head.encode()).hexdigest()[:16]}"

    @property
    def columns(self) -> Columns:
        return self._columns

    @property
    def is_sink(self) -> bool:
        return False

    async def outline(self) -> Outline:
        time = quoted(self._columns.names[self._columns.time])
        query = f"SELECT min({time}), max({time}), count(*) FROM {quoted(self._table)}"  # noqa: S608  quoted
        with self._opened() as connection:
            first, last, rows = connection.execute(query).fetchone()
        return Outline(_text(first), _text(last), f"{rows} rows")

    async def batches(self, position: str | None) -> AsyncGenerator[Batch, None]:
        at, latest = (0, {}) if position is None else json.loads(position)
        reader = RowReader(self._columns, self._meter, self._zone, latest)
        with self._opened() as connection:
            last = max(1, self._last(connection))
            rows = connection.execute(*self._query(at))
            while found := rows.fetchmany(BATCH_ROWS):
                numbers = [row[0] for row in found] if self._rowid else range(at + 1, at + 1 + len(found))
                cells = [["" if cell is None else cell for cell in row[1:]] for row in found]
                readings, unreadable = reader.readings(cells, "row", numbers)
                at = numbers[-1]
                yield Batch(len(found), readings, unreadable, json.dumps([at, reader.latest]), at / last)

    async def close(self) -> None:
        """Nothing is open between the batches."""

    def _query(self, at: int) -> tuple[str, tuple[int]]:
        table = quoted(self._table)
        if self._rowid:
            return f"SELECT rowid, * FROM {table} WHERE rowid > ? ORDER BY rowid", (at,)  # noqa: S608  quoted
        return f"SELECT NULL, * FROM {table} LIMIT -1 OFFSET ?", (at,)  # noqa: S608  quoted

    def _last(self, connection: sqlite3.Connection) -> int:
        what = f"max({self._rowid})" if self._rowid else "count(*)"
        (last,) = connection.execute(f"SELECT {what} FROM {quoted(self._table)}").fetchone()  # noqa: S608  quoted
        return int(last or 0)

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(f"{self._path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
                # What is no UTF-8 is told as a value that is no number.
                connection.text_factory = lambda text: text.decode("utf-8", "replace")
                yield connection
        except sqlite3.Error as error:
            raise TransferError(f"{self._path}: cannot be read as an SQLite file: {error}") from None


def quoted(name: str) -> str:
    """`name` as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def _only_table(connection: sqlite3.Connection, path: Path) -> str:
    tables = [table for table in _tables(connection) if _holds_readings(_column_names(connection, table))]
    if not tables:
        raise TransferError(f"{path}: no table in it has a column for the time and others named like measurands")
    if len(tables) > 1:
        raise TransferError(f"{path}: several tables hold readings; name one with --table: {', '.join(tables)}")
    return tables[0]


def _tables(connection: sqlite3.Connection) -> list[str]:
    """Tables and views, without SQLite's own."""
    query = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite!_%' ESCAPE '!'"
    return [name for (name,) in connection.execute(f"{query} ORDER BY name")]


def _column_names(connection: sqlite3.Connection, table: str) -> list[str]:
    return [name for _, name, *_ in connection.execute(f"PRAGMA table_info({quoted(table)})")]


def _holds_readings(names: Sequence[str]) -> bool:
    return any(name.lower() in TIME_NAMES for name in names) and any(map(find_measurand, names))


def _has_rowid(connection: sqlite3.Connection, table: str) -> bool:
    """Whether its rows have numbers: those of a view, and of a table WITHOUT ROWID, have none."""
    try:
        row = connection.execute(f"SELECT rowid FROM {quoted(table)} LIMIT 1").fetchone()  # noqa: S608  quoted
    except sqlite3.OperationalError:
        return False
    return row is not None and isinstance(row[0], int)


def _text(value: object) -> str | None:
    return None if value is None else str(value)
