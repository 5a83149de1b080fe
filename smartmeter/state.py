"""What the program remembers besides readings: alarms, what was not told yet, who may talk to the bot, known meters.

A small SQLite file beside the journal. It is written seldom, so it has a plain rollback journal, and a command may
write it while the daemon runs: each transaction is all or nothing, and durable when it returns.
"""

import itertools
import logging
import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from smartmeter.errors import SmartmeterError

# How long another process may hold the file.
_BUSY_TIMEOUT_S = 5.0
# "SmSt" in ASCII; tells whose file this is.
_APPLICATION_ID = 0x536D5374
_FIRST = (
    # The alarms that are on or about to be, by their rule, and whether their begin was told.
    "CREATE TABLE alarm (rule TEXT PRIMARY KEY, state TEXT NOT NULL, told INTEGER NOT NULL) WITHOUT ROWID",
    # What is to be told; numbers are never used twice, as recipients remember them.
    "CREATE TABLE event (sequence INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT NOT NULL)",
    # How far each recipient was told.
    "CREATE TABLE recipient (name TEXT PRIMARY KEY, sequence INTEGER NOT NULL) WITHOUT ROWID",
    # Alarms that are to be quiet until a moment; the empty name stands for all.
    "CREATE TABLE mute (alarm TEXT PRIMARY KEY, begun TEXT NOT NULL, duration_us INTEGER NOT NULL) WITHOUT ROWID",
    # Chats of the bot.
    "CREATE TABLE chat (id INTEGER PRIMARY KEY, title TEXT NOT NULL, paired_us INTEGER NOT NULL)",
    # The code that is valid, how often a wrong one came, and since when pairing is closed.
    "CREATE TABLE pairing (id INTEGER PRIMARY KEY, code TEXT, issued TEXT, wrong INTEGER NOT NULL, closed TEXT)",
    "INSERT INTO pairing (id, wrong) VALUES (1, 0)",
)
_SECOND = (
    # What was learned of meters, as JSON; a meter that tells no serial number has an empty one.
    """CREATE TABLE meter (
        bus TEXT NOT NULL, address INTEGER NOT NULL, serial_number TEXT NOT NULL, learned TEXT NOT NULL,
        PRIMARY KEY (bus, address, serial_number)
    ) WITHOUT ROWID""",
)
# What makes a file of each form out of one of the form before.
_STEPS = (_FIRST, _SECOND)
_SCHEMA = len(_STEPS)
log = logging.getLogger(__name__)

_P = ParamSpec("_P")
_T = TypeVar("_T")


class StateError(SmartmeterError):
    """The file cannot be read or written."""


class _DamageError(Exception):
    """The file can be opened, but not all of it can be right."""


def create_state(path: Path) -> None:
    """Make the file if there is none, for its owner alone; one that is damaged is set aside first.

    An earlier version's file is brought to this version's form, and keeps what it holds.

    Raises StateError if it is a newer version's, or another program's, or cannot be made.
    """
    try:
        try:
            _make(path)
        except (sqlite3.DatabaseError, _DamageError) as error:
            if not _is_damage(error):
                raise
            aside = path.with_name(f"{path.name}.damaged-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}")
            path.rename(aside)
            log.warning("%s was damaged (%s) and is now called %s; chats must be paired anew.", path, error, aside.name)
            _make(path)
    except (sqlite3.Error, _DamageError, OSError) as error:
        raise StateError(_trouble(path, error)) from None


def with_state(
    path: Path, function: Callable[Concatenate[sqlite3.Connection, _P], _T], *args: _P.args, **kwargs: _P.kwargs
) -> _T:
    """What `function(connection, *args)` gives, in one transaction on the file, which must be there.

    Raises StateError if it cannot be read or written.
    """

    def checked(connection: sqlite3.Connection) -> _T:
        if _schema(connection, path) == 0:
            raise StateError(f"{path}: this is no file of smartmeter's alarms and chats")
        return function(connection, *args, **kwargs)

    try:
        if not path.exists():
            # Made by another user than the daemon's, it would be closed to the daemon.
            raise StateError(f"{path}: there is no such file yet; is smartmeter running with these settings?")
        return _on_file(path, checked)
    except (sqlite3.Error, OSError) as error:
        raise StateError(_trouble(path, error)) from None


def _on_file(path: Path, function: Callable[[sqlite3.Connection], _T]) -> _T:
    uri = f"{path.absolute().as_uri()}?mode=rw"
    with closing(sqlite3.connect(uri, uri=True, isolation_level=None, timeout=_BUSY_TIMEOUT_S)) as connection:
        connection.execute("PRAGMA synchronous = FULL")
        # On a disk that has become read-only it is like BEGIN: what is there can still be read.
        connection.execute("BEGIN IMMEDIATE")
        result = function(connection)
        connection.execute("COMMIT")
        return result


def _schema(connection: sqlite3.Connection, path: Path) -> int:
    (schema,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if tables and application != _APPLICATION_ID:
        raise StateError(f"{path}: this is another program's database; set another [journal] path")
    if schema > _SCHEMA:
        raise StateError(f"{path}: a newer smartmeter wrote this file; start that one")
    return int(schema)


def _make(path: Path) -> None:
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))

    def make(connection: sqlite3.Connection) -> None:
        schema = _schema(connection, path)
        for statement in itertools.chain(*_STEPS[schema:]):
            connection.execute(statement)
        if schema < _SCHEMA:
            connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {_SCHEMA}")
        (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            raise _DamageError(found)

    _on_file(path, make)


def _is_damage(error: Exception) -> bool:
    damage = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
    return isinstance(error, _DamageError) or (isinstance(error, sqlite3.Error) and _code(error) in damage)


def _code(error: sqlite3.Error) -> int:
    """SQLite's code without its extension (https://www.sqlite.org/rescode.html); 0 if it is an error of Python's."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def _trouble(path: Path, error: Exception) -> str:
    return f"{path}: {error}; it holds alarms and paired chats and what was learned of meters, see to its directory"
