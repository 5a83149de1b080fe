"""An answer that all get who ask for it within a moment."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any


class Shared:
    """What `make` gives, made anew for who asks later than `fresh_s` after it was begun."""

    def __init__(self, make: Callable[[], Coroutine[Any, Any, bytes]], fresh_s: float) -> None:
        self._make = make
        self._fresh_s = fresh_s
        self._begun_s = 0.0
        self._made: asyncio.Task[bytes] | None = None

    async def get(self) -> bytes:
        """The answer. Raises what `make` raises."""
        made = self._made
        if made is None or (made.done() and time.monotonic() - self._begun_s > self._fresh_s):
            self._begun_s = time.monotonic()
            made = self._made = asyncio.create_task(self._make())
        # Who goes away must not take the answer from the others.
        await asyncio.wait([made])
        return made.result()

    def forget(self) -> None:
        """It is no longer so."""
        self._made = None

    def close(self) -> None:
        """Let nobody wait any longer."""
        if self._made is not None:
            self._made.cancel()
            self._made = None
