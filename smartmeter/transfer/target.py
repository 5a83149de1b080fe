"""Where an export goes: a file that is there as a whole or not at all, or standard output."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from smartmeter.transfer.errors import TransferError


@contextmanager
def target(path: Path | None) -> Iterator[BinaryIO]:
    """A file to write into, standard output if `path` is None.

    What is written lies beside `path` under another name and takes its place when the block has ended well; else it is
    gone again. A device or a pipe is written to as it is.

    Raises TransferError if the file cannot be written.
    """
    if path is None:
        yield sys.stdout.buffer
        return
    try:
        if path.exists() and not path.is_file():
            with path.open("wb") as file:
                yield file
        else:
            with _replacement(path) as file:
                yield file
    except BrokenPipeError:
        raise
    except OSError as error:
        raise TransferError(f"{path}: cannot be written: {error.strerror or error}") from None


@contextmanager
def _replacement(path: Path) -> Iterator[BinaryIO]:
    # Where a link leads, so that it stays one.
    path = path.resolve()
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with beside.open("wb") as file:
            yield cast("BinaryIO", file)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
