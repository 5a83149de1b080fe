"""Answers from the history, away from the daemon's loop: one after the other, and what many ask only once.

A year of energy takes a small machine most of a second of computing. In a thread of its own it holds up no line, and a
hundred open pages that want the same get what was computed for the first.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Hashable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, TypeVar

from smartmeter.history.model import History
from smartmeter.journal.history import JournalHistory

_T = TypeVar("_T")

# As often as roll-ups are made anew is often enough.
FRESH_S: Final = 10.0
REMEMBERED: Final = 64

Question = Callable[[History], Coroutine[Any, Any, _T]]


class LookUp:
    """Asks the journal at a path. Its methods are for the daemon's loop."""

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="web-history")
        self._answers: OrderedDict[Hashable, tuple[float, asyncio.Future[Any]]] = OrderedDict()

    async def ask(self, key: Hashable, question: Question[_T]) -> _T:
        """What the question finds in the history; for the same key what was found in the last ten seconds.

        Raises what the question raises.
        """
        now_s = time.monotonic()
        known = self._answers.get(key)
        if known is None or now_s - known[0] > FRESH_S or _has_failed(known[1]):
            future = asyncio.get_running_loop().run_in_executor(self._executor, _answer, self._journal, question)
            self._answers[key] = known = (now_s, future)
            self._answers.move_to_end(key)
            while len(self._answers) > REMEMBERED:
                self._answers.popitem(last=False)
        # Who goes away must not take the answer from the others.
        return await asyncio.shield(known[1])

    def close(self) -> None:
        """Give back the thread."""
        self._executor.shutdown(wait=False, cancel_futures=True)


def _has_failed(future: "asyncio.Future[Any]") -> bool:
    return future.done() and (future.cancelled() or future.exception() is not None)


def _answer(journal: Path, question: Question[_T]) -> _T:
    async def answer() -> _T:
        history = JournalHistory(journal)
        try:
            return await question(history)
        finally:
            await history.close()

    return asyncio.run(answer())
