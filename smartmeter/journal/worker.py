"""A thread for calls that may wait for the disk."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

_T = TypeVar("_T")


class Worker:
    """Runs calls one after the other in one thread of its own, as SQLite's connections want it."""

    def __init__(self, name: str) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)

    async def run(self, function: Callable[..., _T], *args: object) -> _T:
        """Gives what `function(*args)` gives. A call that has begun runs to its end even if the wait is cancelled."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, partial(function, *args))

    def close(self) -> None:
        """Ends the thread after the call that it is in."""
        self._executor.shutdown(wait=False)
