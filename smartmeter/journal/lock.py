"""One daemon per journal: an advisory lock on a file beside it.

Not on the journal itself: closing any descriptor of that file would drop the locks by which SQLite protects it
(https://www.sqlite.org/howtocorrupt.html, section 2.2).
"""

import fcntl
import os
from pathlib import Path

from smartmeter.journal.errors import JournalError, JournalInUseError


def lock_journal(path: Path) -> int:
    """Takes the lock of the journal at `path` and gives the descriptor that holds it until it is closed.

    The file stays when the lock goes; deleting it would let two daemons hold a lock each.

    Raises JournalInUseError if another process has the lock, JournalError if the file cannot be made.
    """
    lock_path = path.with_name(path.name + ".lock")
    try:
        descriptor = os.open(lock_path, os.O_RDWR | os.O_CREAT, 0o644)
    except FileNotFoundError:
        raise JournalError(
            f"{path.parent}: the directory of the journal does not exist; make it, or set [journal] path"
        ) from None
    except OSError as error:
        raise JournalError(
            f"{lock_path}: {error.strerror}; the journal's directory must be writable for this user"
        ) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip()
        os.close(descriptor)
        raise JournalInUseError(
            f"{path}: another smartmeter (process {holder or 'unknown'}) keeps this journal; stop it first, "
            "or set another [journal] path"
        ) from None
    except OSError as error:
        os.close(descriptor)
        raise JournalError(
            f"{lock_path}: cannot be locked ({error.strerror}); put the journal on a local disk"
        ) from None
    _name_holder(descriptor)
    return descriptor


def unlock_journal(descriptor: int) -> None:
    """Gives back the lock that `lock_journal` took."""
    os.close(descriptor)


def _name_holder(descriptor: int) -> None:
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    except OSError:
        # A full disk. The lock holds all the same, only its holder stays unnamed.
        return
