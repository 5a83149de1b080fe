"""Connections to the journal's file, and how SQLite is set up for an SD card. docs/journal.md has the measurements."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from smartmeter.journal.errors import is_damage

# Holds two rows of 68 values. A commit of one row touches three pages: pages of 4 KB write half as much again.
PAGE_BYTES = 2048
# The log is copied into the database when it has grown to this. Longer means fewer copies of the pages that every
# commit touches, and more to read after a crash.
CHECKPOINT_BYTES = 4 * 1024 * 1024
# A reader that holds a long transaction (a dashboard over a year) keeps the log growing; afterwards it is cut to this.
# Not to less: a log that is overwritten in place costs the file system no new blocks.
LOG_LIMIT_BYTES = 2 * CHECKPOINT_BYTES
WRITER_CACHE_KB = 512
READER_CACHE_KB = 256
# How long another program may hold the write lock (the sqlite3 shell, a backup) before a commit is put off.
BUSY_TIMEOUT_S = 5.0

WRITER_PRAGMAS: tuple[str, ...] = (
    f"page_size = {PAGE_BYTES}",
    # The pages that retention frees are used again; giving them back to the disk would mean moving others.
    "auto_vacuum = NONE",
    # Invariant: a transaction is in the log as a whole or, by the log's checksums, not at all. With FULL the log is
    # flushed to the disk before COMMIT returns: what was committed survives a power cut.
    # https://www.sqlite.org/pragma.html#pragma_synchronous
    "synchronous = FULL",
    f"wal_autocheckpoint = {CHECKPOINT_BYTES // PAGE_BYTES}",
    f"journal_size_limit = {LOG_LIMIT_BYTES}",
    f"cache_size = -{WRITER_CACHE_KB}",
    # Debian compiles SQLite to overwrite with zeros what is deleted: writing for nothing here.
    "secure_delete = OFF",
    "cell_size_check = ON",
    "temp_store = MEMORY",
)
_READER_PRAGMAS = (f"cache_size = -{READER_CACHE_KB}", "cell_size_check = ON", "temp_store = MEMORY", "query_only = ON")


def connect_writer(path: Path) -> sqlite3.Connection:
    """The one connection that writes; makes the file if there is none. Raises sqlite3.Error."""
    return _connect(path, "rwc", WRITER_PRAGMAS)


def use_log(connection: sqlite3.Connection) -> None:
    """Turns WAL mode on, once it is known that the file is ours. Raises sqlite3.Error.

    Invariant: in WAL mode readers never wait for the writer, nor it for them; each sees the file as it was when its
    transaction began (https://www.sqlite.org/wal.html).
    """
    connection.execute("PRAGMA journal_mode = WAL")


def connect_reader(path: Path) -> sqlite3.Connection:
    """A connection of the daemon that only reads; never makes the database. Raises sqlite3.Error."""
    # Not mode=ro: while the daemon runs, the log's index may have to be made anew, by whoever comes first.
    return _connect(path, "rw", _READER_PRAGMAS)


def connect_read_only(path: Path) -> sqlite3.Connection:
    """Opens the file as far as it can be opened without writing. To be closed soon. Raises sqlite3.Error.

    In WAL mode reading needs the index of the log, a file that has to be made if no one has the journal open. Where
    that is impossible (no rights, a full disk) and there is no log either, nobody writes and the database is all there
    is: then it is read as immutable.
    """
    try:
        return _connect(path, "ro", _READER_PRAGMAS)
    except sqlite3.Error as error:
        log = path.with_name(path.name + "-wal")
        if is_damage(error) or not path.exists() or (log.exists() and log.stat().st_size):
            raise
        return _connect(path, "ro&immutable=1", _READER_PRAGMAS)


def file_identity(path: Path) -> tuple[int, int] | None:
    """Tells whether two looks at `path` met the same file; None if there is none. Raises OSError."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def _connect(path: Path, mode: str, pragmas: Iterable[str]) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=BUSY_TIMEOUT_S)
    try:
        # The first that needs the file's header opens it in earnest: what is wrong with it shows here.
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All or nothing; takes the write lock at once, so that it cannot fail half-way for want of it."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # A full disk or an I/O error may have ended the transaction already:
        # https://www.sqlite.org/lang_transaction.html#response_to_errors_within_a_transaction
        if connection.in_transaction:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
        raise
