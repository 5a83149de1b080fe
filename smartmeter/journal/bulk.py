"""Puts years of readings into the journal at once, while no daemon keeps it."""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from smartmeter.clock import system_clock
from smartmeter.energy.site import Site
from smartmeter.journal.database import connect_writer, transaction
from smartmeter.journal.dirty import count_marks
from smartmeter.journal.errors import JournalError, error_text
from smartmeter.journal.lock import lock_journal, unlock_journal
from smartmeter.journal.names import measurand_columns, quoted
from smartmeter.journal.row import Packer, Row
from smartmeter.journal.schema import migrate
from smartmeter.journal.upkeep import Upkeep
from smartmeter.reading import Reading

# A boot before all others, of a clock that stands still: retention counts running time, so it makes nothing older.
IMPORT_BOOT = "import"
_BEFORE_ALL = -(2**62)
# What works off roll-ups tells so often how far it is.
_SLICE_S = 0.5

# A meter's number, and the time.
_Key = tuple[int, int]

# Gives numbers to so many readings, after so many that have theirs.
_Numbers = Callable[[int, int], range]

# Hears how much is done, and how much there is.
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class _Stamp:
    """The boot that imported readings carry, the first number of its readings, and the time of its clock."""

    boot: str
    first: int
    monotonic_us: int


class JournalImport:
    """The journal at `path`, opened for imports: `for_shipping` or `not_for_shipping`. To be closed.

    Its methods raise JournalError.
    """

    def __init__(self, path: Path, measurands: Iterable[str], site: Site) -> None:
        self._path = path
        self._lock = lock_journal(path)
        try:
            self._connection = connect_writer(path)
            migrate(self._connection, path, measurands)
            self._upkeep = Upkeep(self._connection, site)
            self._ids = measurand_columns(self._connection)
        except BaseException as error:
            unlock_journal(self._lock)
            if isinstance(error, sqlite3.Error):
                raise self._refused(error) from None
            raise
        names = "".join(f", {quoted(id_)}" for id_ in self._ids)
        places = ", ?" * len(self._ids)
        self._insert = (
            f"INSERT INTO reading (sequence, meter_id, time_us, boot_id, monotonic_us{names}) "  # noqa: S608 ours, quoted
            f"VALUES (?, ?, ?, ?, ?{places})"
        )
        self._meters: dict[str, int] = {}
        self._given = 0
        self._numbers = _below(1)
        self._stamp = _Stamp(IMPORT_BOOT, _BEFORE_ALL, 0)

    @classmethod
    def for_shipping(cls, path: Path, measurands: Iterable[str], site: Site) -> Self:
        """What is imported is shipped like every reading: it gets numbers beyond the newest.

        Raises JournalError if a daemon keeps the journal, or it cannot be written.
        """
        journal = cls(path, measurands, site)
        newest = journal._number("SELECT max(sequence) FROM reading")
        newest = max(newest, journal._number("SELECT max(sequence) FROM cursor"))
        clock = system_clock()
        journal._numbers = _beyond(newest)
        journal._stamp = _Stamp(clock.boot, newest + 1, clock.monotonic_us())
        return journal

    @classmethod
    def not_for_shipping(cls, path: Path, measurands: Iterable[str], site: Site) -> Self:
        """What is imported counts as shipped: it gets numbers below the oldest, which no sink asks for.

        Raises JournalError if a daemon keeps the journal, or it cannot be written.
        """
        journal = cls(path, measurands, site)
        journal._numbers = _below(min(1, journal._number("SELECT min(sequence) FROM reading")))
        return journal

    def append(self, readings: Sequence[Reading], source: str, position: str) -> int:
        """Put these in, and note that `source` has been read up to `position`, all in one transaction.

        Gives how many it were; what there is already a reading of (meter and time) is passed over.
        """
        packer = Packer(self._ids)
        try:
            with transaction(self._connection):
                fresh = self._fresh([packer.pack(0, reading) for reading in readings])
                stamps = (self._boot_id(), self._stamp.monotonic_us) if fresh else ()
                self._connection.executemany(
                    self._insert,
                    (
                        (number, *key, *stamps, *row.values)
                        for number, (key, row) in zip(self._numbers(self._given, len(fresh)), fresh, strict=True)
                    ),
                )
                self._upkeep.mark(key for key, _ in fresh)
                self._connection.execute(
                    "INSERT INTO import_position (source, position, readings) VALUES (?, ?, ?) "
                    "ON CONFLICT (source) DO UPDATE SET position = excluded.position, "
                    "readings = readings + excluded.readings",
                    (source, position, len(fresh)),
                )
        except sqlite3.Error as error:
            # What was noted for this transaction went with it.
            self._meters.clear()
            self._upkeep.forget_marks()
            raise self._refused(error) from None
        self._given += len(fresh)
        return len(fresh)

    def position(self, source: str) -> str | None:
        """How far this source has been read; None if not at all."""
        row = self._connection.execute("SELECT position FROM import_position WHERE source = ?", (source,)).fetchone()
        return None if row is None else str(row[0])

    def refresh(self, tell: Progress) -> None:
        """Roll everything up that waits for it; `tell` hears of the quarter-hours."""
        try:
            total = count_marks(self._connection)
            while self._upkeep.work(_SLICE_S):
                left = count_marks(self._connection)
                total = max(total, left)
                tell(total - left, total)
        except sqlite3.Error as error:
            raise self._refused(error) from None
        tell(total, total)

    def close(self) -> None:
        """Close the journal, and let a daemon have it."""
        self._connection.close()
        unlock_journal(self._lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _fresh(self, rows: Sequence[Row]) -> list[tuple[_Key, Row]]:
        """Those of which there is no reading yet, with their keys."""
        fresh: dict[_Key, Row] = {}
        for row in rows:
            key = (self._meter_id(row.meter), row.time_us)
            if key not in fresh and not self._is_there(key):
                fresh[key] = row
        return list(fresh.items())

    def _is_there(self, key: _Key) -> bool:
        query = "SELECT 1 FROM reading WHERE meter_id = ? AND time_us = ? LIMIT 1"
        return self._connection.execute(query, key).fetchone() is not None

    def _meter_id(self, name: str) -> int:
        if name not in self._meters:
            self._connection.execute("INSERT OR IGNORE INTO meter (name) VALUES (?)", (name,))
            (self._meters[name],) = self._connection.execute("SELECT id FROM meter WHERE name = ?", (name,)).fetchone()
        return self._meters[name]

    def _boot_id(self) -> int:
        """The number of the boot that imported readings carry; it is noted with the first of them."""
        boot = self._stamp.boot
        self._connection.execute(
            "INSERT OR IGNORE INTO boot (name, first_sequence) VALUES (?, ?)", (boot, self._stamp.first)
        )
        (boot_id,) = self._connection.execute("SELECT id FROM boot WHERE name = ?", (boot,)).fetchone()
        return int(boot_id)

    def _number(self, query: str) -> int:
        (number,) = self._connection.execute(query).fetchone()
        return number or 0

    def _refused(self, error: sqlite3.Error) -> JournalError:
        return JournalError(f"{self._path}: cannot be written: {error_text(error)}")


def _beyond(newest: int) -> _Numbers:
    return lambda given, count: range(newest + 1 + given, newest + 1 + given + count)


def _below(oldest: int) -> _Numbers:
    """Rising in each batch all the same: SQLite then fills its pages."""
    return lambda given, count: range(oldest - given - count, oldest - given)
