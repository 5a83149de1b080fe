"""Answers from the history, away from the daemon's loop: one after the other, and what many ask only once.

A year of energy takes a small machine most of a second of computing. In a thread of its own it holds up no line, and a
hundred open pages that want the same get what was computed for the first.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Hashable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from smartmeter.history.model import History
from smartmeter.journal.history import JournalHistory
from smartmeter.web.problems import ProblemError

# As often as roll-ups are made anew is often enough.
FRESH_S: Final = 10.0
# What is remembered at most: so many answers, and only those that are no larger.
REMEMBERED: Final = 32
LARGEST_REMEMBERED: Final = 128 * 1024
# So many wait at most; a machine that is slower than what is asked of it must not remember it all.
WAITING: Final = 100

Question = Callable[[History], Coroutine[Any, Any, bytes]]


@dataclass(frozen=True, slots=True)
class _Answer:
    """What is found, or will be, and when it was asked for."""

    asked_s: float
    found: "asyncio.Future[bytes]"


class LookUp:
    """Asks the journal at a path. Its methods are for the daemon's loop."""

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="web-history")
        self._waiting: set[asyncio.Future[bytes]] = set()
        self._answers: OrderedDict[Hashable, _Answer] = OrderedDict()

    async def ask(self, key: Hashable, question: Question) -> bytes:
        """What the question finds in the history; for the same key what was found in the last ten seconds.

        Raises what the question raises, and ProblemError if too many wait, or the page ends.
        """
        known = self._answers.get(key)
        if known is None or (known.found.done() and time.monotonic() - known.asked_s > FRESH_S):
            known = self._begin(key, question)
        # Who goes away must not take the answer from the others.
        await asyncio.wait([known.found])
        if known.found.cancelled():
            raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, "the program ends")
        return known.found.result()

    def close(self) -> None:
        """Let nobody wait any longer, and give back the thread."""
        self._executor.shutdown(wait=False, cancel_futures=True)
        for found in list(self._waiting):
            found.cancel()

    def _begin(self, key: Hashable, question: Question) -> _Answer:
        if len(self._waiting) >= WAITING:
            raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, "too much is asked at once", {"Retry-After": "10"})
        found = asyncio.get_running_loop().run_in_executor(self._executor, _answer, self._journal, question)
        begun = self._answers[key] = _Answer(time.monotonic(), found)
        self._waiting.add(found)
        self._answers.move_to_end(key)

        def done(_: "asyncio.Future[bytes]") -> None:
            self._waiting.discard(found)
            # Also looks whether it failed, so that nobody complains when all who asked have gone.
            if found.cancelled() or found.exception() or len(found.result()) > LARGEST_REMEMBERED:
                self._forget(key, begun)
            else:
                asyncio.get_running_loop().call_later(FRESH_S, self._forget, key, begun)

        found.add_done_callback(done)
        while len(self._answers) > REMEMBERED:
            self._answers.popitem(last=False)
        return begun

    def _forget(self, key: Hashable, answer: _Answer) -> None:
        if self._answers.get(key) is answer:
            del self._answers[key]


def _answer(journal: Path, question: Question) -> bytes:
    async def answer() -> bytes:
        history = JournalHistory(journal)
        try:
            return await question(history)
        finally:
            await history.close()

    return asyncio.run(answer())
