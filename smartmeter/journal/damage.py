"""A journal that SQLite cannot read any more is kept under another name, and what is simple is saved."""

import os
import sqlite3
from collections.abc import Iterable
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

from smartmeter.journal.database import connect_reader

_LOG_SUFFIXES = ("-wal", "-shm")
# A thousand meters read every second for eleven days, and no sink took any of it.
_MORE_THAN_EVER_WAIT = 1_000_000_000


def salvage_cursors(path: Path) -> dict[str, int]:
    """How far each sink had come, as far as the damaged file still says."""
    found = _salvage(path, "SELECT sink, sequence FROM cursor")
    return {sink: sequence for sink, sequence in found if isinstance(sink, str) and isinstance(sequence, int)}


def salvage_last(path: Path) -> int:
    """A number that no reading in the damaged file goes beyond, so that what is recovered from it keeps its numbers."""
    found = _salvage(path, "SELECT max(sequence) FROM reading")
    if found and isinstance(found[0][0], int):
        return found[0][0]
    return max(salvage_cursors(path).values(), default=0) + _MORE_THAN_EVER_WAIT


def _salvage(path: Path, query: str) -> list[tuple[object, ...]]:
    try:
        with closing(connect_reader(path)) as connection:
            return connection.execute(query).fetchall()
    except sqlite3.Error:
        return []


def move_away(path: Path) -> Path:
    """Renames the journal with its log, and gives its new name. Nothing may have it open. Raises OSError.

    The log keeps its place beside the file, so that `sqlite3 NAME .recover` finds it. It goes first: a power cut
    between the two leaves a database without a log, never a new database with the old one's log.
    """
    target = _free_name(path, "damaged")
    _rename(path, target, (*_LOG_SUFFIXES, ""))
    return target


def move_log_away(path: Path) -> None:
    """Renames the log that a journal left behind when it was moved or replaced. Raises OSError.

    SQLite would take it for the log of the file that is there now, and mix the two
    (https://www.sqlite.org/howtocorrupt.html, section 2.5).
    """
    _rename(path, _free_name(path, "left"), _LOG_SUFFIXES)


def _rename(path: Path, target: Path, suffixes: Iterable[str]) -> None:
    for suffix in suffixes:
        with suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(target.with_name(target.name + suffix))
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _free_name(path: Path, what: str) -> Path:
    first = path.with_name(f"{path.name}.{what}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
    target, number = first, 1
    while any(target.with_name(target.name + suffix).exists() for suffix in ("", *_LOG_SUFFIXES)):
        number += 1
        target = first.with_name(f"{first.name}-{number}")
    return target
