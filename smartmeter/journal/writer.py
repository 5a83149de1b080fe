"""The writing side of the journal. All of it runs in the one writer thread and may take as long as the disk likes."""

import logging
import os
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from smartmeter.energy.site import Site
from smartmeter.journal.damage import move_away, move_log_away, salvage_cursors, salvage_last
from smartmeter.journal.database import connect_read_only, connect_writer, file_identity, transaction
from smartmeter.journal.errors import JournalError, error_text, is_damage
from smartmeter.journal.health import Health
from smartmeter.journal.lock import lock_journal, unlock_journal
from smartmeter.journal.names import quoted
from smartmeter.journal.retention import delete_expired
from smartmeter.journal.row import Row
from smartmeter.journal.schema import migrate
from smartmeter.journal.upkeep import Upkeep

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Contents:
    """What a file holds: the newest reading's number (0: none), and how far each sink has come.

    `last` is the highest number that was ever given out, as far as that is known.
    """

    newest: int
    cursors: Mapping[str, int]
    last: int = 0


@dataclass(frozen=True, slots=True)
class Refusal:
    """A reading that a sink refuses for good. `at_us`: the UTC time of it in microseconds."""

    sink: str
    sequence: int
    error: str
    at_us: int


@dataclass(frozen=True, slots=True)
class Batch:
    """What goes into one transaction; in it a cursor never gets ahead of the refusals before it."""

    rows: Sequence[Row]
    cursors: Mapping[str, int]
    refusals: Sequence[Refusal]
    health: Sequence[Health] = ()


class JournalWriter:
    """The only connection that writes. Its methods raise sqlite3.Error, OSError or JournalError."""

    def __init__(
        self, path: Path, measurands: Sequence[str], sinks: Iterable[str], keep_s: float | None, site: Site
    ) -> None:
        self.path = path
        self._site = site
        self._sinks = frozenset(sinks)
        self._keep_s = keep_s
        self._measurands = tuple(measurands)
        names = "".join(f", {quoted(measurand)}" for measurand in self._measurands)
        places = ", ?" * len(self._measurands)
        # OR REPLACE: after a failed flush a transaction may turn out to be on the disk all the same. It is ours then,
        # the same readings under the same numbers.
        self._insert = (
            f"INSERT OR REPLACE INTO reading (sequence, meter_id, time_us, boot_id, monotonic_us{names}) "  # noqa: S608 our names, quoted
            f"VALUES (?, ?, ?, ?, ?{places})"
        )
        self._connection: sqlite3.Connection | None = None
        self._upkeep: Upkeep | None = None
        self._identity: tuple[int, int] | None = None
        self._meter_ids: dict[str, int] = {}
        self._boot_ids: dict[str, int] = {}
        self._lock: int | None = None

    def lock(self) -> None:
        """Makes sure that no other daemon keeps this journal. Raises JournalError."""
        self._lock = lock_journal(self.path)

    def open(self) -> Contents:
        """Opens the file, or a new one if it is missing or damaged."""
        self.disconnect()
        try:
            return self._open()
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            cursors, last = salvage_cursors(self.path), salvage_last(self.path)
            self.move_damaged(error_text(error))
            return Contents(self._open().newest, cursors, last)

    def move_damaged(self, reason: str) -> None:
        """Sets the file aside under another name; the next write begins a new one.

        A reader may still have the old one open. Invariant: the last connection to a file that was renamed leaves the
        log alone that has its log's name now (https://www.sqlite.org/src/file/src/pager.c, databaseIsUnmoved).
        """
        self.disconnect()
        if not self.path.exists():
            return
        aside = move_away(self.path)
        _log.critical(
            "The journal %s is damaged (%s). It has been set aside as %s with all that is in it, and a new one begins. "
            "Readings in it that a sink had not taken yet are not shipped; docs/journal.md says how to recover them.",
            self.path,
            reason,
            aside,
        )

    def contents_despite(self, error: Exception) -> Contents:
        """What the file holds, after `open` failed with `error`: a full disk may be able to give what it cannot take.

        Raises JournalError if this is the owner's to mend, or if it is not known where the sequence goes on.
        """
        for place in (self.path.parent, self.path):
            if place.exists() and not os.access(place, os.R_OK | os.W_OK):
                raise JournalError(f"{place}: must be readable and writable for this user: {error_text(error)}")
        if not self.path.exists() or not self.path.stat().st_size:
            return Contents(0, {})
        try:
            with closing(connect_read_only(self.path)) as connection:
                return _contents(connection)
        except sqlite3.Error:
            raise JournalError(f"{self.path}: cannot be opened: {error_text(error)}; see to the disk") from None

    def write(self, batch: Batch) -> Contents | None:
        """Writes `batch` and lets expired readings go, in one transaction; it is durable when this returns.

        Gives what the file held before if it had to be opened anew, else None. After an error comes `after_failure`.
        """
        reopened = self._ensure_open()
        connection = self._connected()
        with transaction(connection):
            self._write(connection, batch)
        return reopened

    def keep_up(self) -> bool:
        """Works off some of the quarter-hours whose readings changed, in transactions of its own; whether more wait."""
        return self._upkeep is not None and self._upkeep.work()

    def after_failure(self, error: Exception) -> str:
        """Closes the file, gives a line on what is wrong.

        The disk may be another one when the file is written next, and ids that were rolled back must not be used.
        """
        with suppress(sqlite3.Error):
            self.disconnect()
        try:
            disk = os.statvfs(self.path.parent)
        except OSError:
            return error_text(error)
        return f"{error_text(error)}, {disk.f_bavail * disk.f_frsize / 1e6:.0f} MB free"

    def disconnect(self) -> None:
        """Closes the file; the next write opens it anew."""
        connection, self._connection = self._connection, None
        self._upkeep = None
        self._meter_ids.clear()
        self._boot_ids.clear()
        if connection is not None:
            connection.close()

    def close(self) -> None:
        self.disconnect()
        if self._lock is not None:
            unlock_journal(self._lock)
            self._lock = None

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            raise sqlite3.ProgrammingError("the journal is not open")
        return self._connection

    def _open(self) -> Contents:
        connection = connect_writer(self.path)
        try:
            migrate(connection, self.path, self._measurands)
            contents = _contents(connection)
            upkeep = Upkeep(connection, self._site)
            identity = file_identity(self.path)
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        self._upkeep = upkeep
        self._identity = identity
        return contents

    def _ensure_open(self) -> Contents | None:
        if self._connection is None:
            return self.open()
        # SQLite goes on writing into a file that has no name any more.
        if file_identity(self.path) != self._identity:
            _log.error(
                "The journal %s was moved, replaced or deleted while it was in use: readings go into the file that has "
                "this name now, a new one if there is none.",
                self.path,
            )
            self.disconnect()
            move_log_away(self.path)
            return self.open()
        return None

    def _write(self, connection: sqlite3.Connection, batch: Batch) -> None:
        connection.executemany(self._insert, (self._parameters(connection, row) for row in batch.rows))
        if self._upkeep is not None:
            self._upkeep.mark((self._meter_ids[row.meter], row.time_us) for row in batch.rows)
        connection.executemany(
            "INSERT OR REPLACE INTO set_aside (sink, sequence, error, at_us) VALUES (?, ?, ?, ?)",
            ((refusal.sink, refusal.sequence, refusal.error, refusal.at_us) for refusal in batch.refusals),
        )
        connection.executemany(
            "INSERT OR REPLACE INTO health (part, name, quantity, start_us, value) VALUES (?, ?, ?, ?, ?)",
            ((each.part, each.name, each.quantity, each.start_us, each.value) for each in batch.health),
        )
        connection.executemany("INSERT OR REPLACE INTO cursor (sink, sequence) VALUES (?, ?)", batch.cursors.items())
        if self._keep_s is not None:
            delete_expired(connection, self._keep_s, self._taken(connection))

    def _taken(self, connection: sqlite3.Connection) -> int | None:
        """The last reading that every active sink has taken; None if there is no sink."""
        if not self._sinks:
            return None
        cursors = dict(connection.execute("SELECT sink, sequence FROM cursor").fetchall())
        return min(int(cursors.get(sink, 0)) for sink in self._sinks)

    def _parameters(self, connection: sqlite3.Connection, row: Row) -> tuple[float, ...]:
        meter_id = self._meter_ids.get(row.meter)
        if meter_id is None:
            connection.execute("INSERT OR IGNORE INTO meter (name) VALUES (?)", (row.meter,))
            (meter_id,) = connection.execute("SELECT id FROM meter WHERE name = ?", (row.meter,)).fetchone()
            self._meter_ids[row.meter] = meter_id
        boot_id = self._boot_ids.get(row.boot)
        if boot_id is None:
            connection.execute(
                "INSERT OR IGNORE INTO boot (name, first_sequence) VALUES (?, ?)", (row.boot, row.sequence)
            )
            (boot_id,) = connection.execute("SELECT id FROM boot WHERE name = ?", (row.boot,)).fetchone()
            self._boot_ids[row.boot] = boot_id
        return (row.sequence, meter_id, row.time_us, boot_id, row.monotonic_us, *row.values)


def _contents(connection: sqlite3.Connection) -> Contents:
    # The disk may have become full before the tables were made.
    if not connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'reading'").fetchone()[0]:
        return Contents(0, {})
    (newest,) = connection.execute("SELECT max(sequence) FROM reading").fetchone()
    return Contents(newest or 0, dict(connection.execute("SELECT sink, sequence FROM cursor").fetchall()))
