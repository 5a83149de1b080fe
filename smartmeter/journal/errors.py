"""What can be wrong with a journal, and how SQLite's errors are told apart."""

import sqlite3

from smartmeter.errors import SmartmeterError

# The low byte of an extended error code is the primary one: https://www.sqlite.org/rescode.html
_PRIMARY_CODE = 0xFF
_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_BAD_SECTOR = {sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_SHORT_READ, sqlite3.SQLITE_IOERR_CORRUPTFS}


class JournalError(SmartmeterError):
    """The journal cannot be opened or read."""


class JournalInUseError(JournalError):
    """Another process, such as the daemon, keeps the journal."""


def _code(error: BaseException) -> int:
    code = getattr(error, "sqlite_errorcode", 0)
    return code if isinstance(code, int) else 0


def is_damage(error: BaseException) -> bool:
    """Whether the file is no (sound) database any more."""
    return _code(error) & _PRIMARY_CODE in _DAMAGE


def is_bad_sector(error: BaseException) -> bool:
    """Whether the disk cannot give what the file should hold. It may be able to a moment later."""
    return _code(error) in _BAD_SECTOR


def error_text(error: BaseException) -> str:
    """One line: what SQLite or the system says, and by which name it can be looked up."""
    name = getattr(error, "sqlite_errorname", None)
    text = " ".join(str(error).split()) or type(error).__name__
    return f"{text} ({name})" if name else text
