"""Reads a source in a process apart, while this one writes: a second core halves the time.

The child ignores Ctrl-C, which every process at the terminal gets: it ends when nobody takes what it reads any more.
"""

import asyncio
import os
import pickle
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import aclosing, contextmanager, suppress
from typing import BinaryIO

from smartmeter.errors import SmartmeterError
from smartmeter.transfer.source import Batch, Source


@contextmanager
def read_apart(source: Source, position: str | None) -> Iterator[Iterator[Batch]]:
    """The batches of a source behind a position; within the block. Nothing of the source may be open here.

    They raise SmartmeterError as `Source.batches` does.
    """
    readable_fd, writable_fd = os.pipe()
    sys.stdout.flush()
    child = os.fork()
    if not child:
        os.close(readable_fd)
        _end_as_child(source, position, writable_fd)
    os.close(writable_fd)
    try:
        with os.fdopen(readable_fd, "rb") as pipe:
            yield _received(pipe)
    finally:
        os.waitpid(child, 0)


def _received(pipe: BinaryIO) -> Iterator[Batch]:
    while True:
        try:
            item: Batch | SmartmeterError | None = pickle.load(pipe)  # noqa: S301 - from our own child
        except (EOFError, pickle.UnpicklingError):
            raise RuntimeError("the process that reads has failed") from None
        if item is None:
            return
        if isinstance(item, SmartmeterError):
            raise item
        yield item


def _end_as_child(source: Source, position: str | None, writable_fd: int) -> None:
    status = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        with suppress(BrokenPipeError), os.fdopen(writable_fd, "wb") as pipe:
            asyncio.run(_send(source, position, pipe))
        status = 0
    except BaseException:  # noqa: BLE001 - a child ends here, whatever happens
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


async def _send(source: Source, position: str | None, pipe: BinaryIO) -> None:
    last: SmartmeterError | None = None
    try:
        async with aclosing(source.batches(position)) as batches:
            async for batch in batches:
                pickle.dump(batch, pipe)
                # Else its end waits for the next one, and neither process works while the other does.
                pipe.flush()
    except SmartmeterError as error:
        last = error
    finally:
        await source.close()
    pickle.dump(last, pipe)
