"""The reading side of the journal. Everything here runs in the one reader thread, on a connection of its own."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from smartmeter.journal.complete import CompleteValues
from smartmeter.journal.database import connect_read_only, connect_reader, file_identity
from smartmeter.journal.entry import Entry
from smartmeter.journal.health import Health
from smartmeter.journal.names import KEY_COLUMNS
from smartmeter.reading import Reading

# LEFT JOIN keeps the order of `reading`: no sorting, no row left out.
_ENTRIES = """
    SELECT meter.name, boot.name, reading.* FROM reading
    LEFT JOIN meter ON meter.id = reading.meter_id LEFT JOIN boot ON boot.id = reading.boot_id
    WHERE reading.sequence > ? ORDER BY reading.sequence LIMIT ?
"""
_VALUES_FROM = 2 + len(KEY_COLUMNS)


class JournalReader:
    """Keeps the file open; opens it anew after an error and when it is another one. Its methods raise sqlite3.Error.

    Invariant: the log and its index stay while one connection is open. A full disk could not make them anew.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None

    def entries_after(self, sequence: int, limit: int) -> list[Entry]:
        """The first `limit` committed readings beyond `sequence`."""
        with self._connected() as connection:
            cursor = connection.execute(_ENTRIES, (sequence, limit))
            measurands = tuple(name for name, *_ in cursor.description[_VALUES_FROM:])
            return [_entry(measurands, row) for row in cursor]

    def health_since(self, start_us: int, limit: int) -> list[Health]:
        """The first `limit` notes on quarter-hours from this one on, in order of time."""
        query = "SELECT part, name, quantity, start_us, value FROM health WHERE start_us >= ? ORDER BY start_us LIMIT ?"
        with self._connected() as connection:
            return [Health(*row) for row in connection.execute(query, (start_us, limit))]

    def oldest(self) -> int:
        """The number of the oldest committed reading; 0 if there is none."""
        with self._connected() as connection:
            (oldest,) = connection.execute("SELECT min(sequence) FROM reading").fetchone()
            return oldest or 0

    def count_between(self, after: int, through: int) -> int:
        """How many committed readings there are beyond `after`, up to `through`. Reads them all: not for many."""
        query = "SELECT count(*) FROM reading WHERE sequence > ? AND sequence <= ?"
        with self._connected() as connection:
            (count,) = connection.execute(query, (after, through)).fetchone()
            return int(count)

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        try:
            connection = self._open()
        except sqlite3.Error:
            with closing(connect_read_only(self._path)) as connection:
                yield connection
            return
        try:
            yield connection
        except sqlite3.Error:
            self.close()
            raise

    def _open(self) -> sqlite3.Connection:
        identity = file_identity(self._path)
        if self._connection is not None and identity != self._identity:
            self.close()
        if self._connection is None:
            self._connection = connect_reader(self._path)
            self._identity = identity
        return self._connection


def _entry(measurands: tuple[str, ...], row: tuple[Any, ...]) -> Entry:
    meter, boot, sequence, _, time_us, _, monotonic_us = row[:_VALUES_FROM]
    measured: Mapping[str, float]
    if None in row:
        values = zip(measurands, row[_VALUES_FROM:], strict=True)
        measured = {name: value for name, value in values if value is not None}
    else:
        measured = CompleteValues(measurands, row, _VALUES_FROM)
    return Entry(sequence, Reading(meter, time_us, boot, monotonic_us, measured))
