"""Files that only their owner may read: settings, in which passwords may stand."""

import os
import tempfile
from pathlib import Path

from smartmeter.errors import SmartmeterError


class FileError(SmartmeterError):
    """A file cannot be written."""


def create_private_file(path: Path, text: str) -> None:
    """Write a new file, readable by its owner only; never one in place of another.

    Raises FileError.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise FileError(f"{path} is there already; --force replaces it, -o names another file") from error
    except OSError as error:
        raise FileError(f"{path} cannot be written: {error.strerror}") from error
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        path.unlink()
        raise FileError(f"{path} cannot be written: {error.strerror}") from error


def replace_private_file(path: Path, text: str) -> None:
    """Write a file in place of what is there, which stays whole until the new one is complete.

    Raises FileError.
    """
    try:
        # Made readable by its owner only.
        descriptor, name = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
        temporary = Path(name)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
            temporary.replace(path)
        except OSError:
            temporary.unlink()
            raise
    except OSError as error:
        raise FileError(f"{path} cannot be written: {error.strerror}") from error
