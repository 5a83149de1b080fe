"""Who may use a line next: the one whose round must be done first."""

import asyncio
import heapq
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count


class Turns:
    """A lock that goes to the waiter with the earliest deadline, among equals to the one who came first."""

    def __init__(self) -> None:
        self._taken = False
        self._order = count()
        self._waiting: list[tuple[float, int, asyncio.Future[None]]] = []

    @asynccontextmanager
    async def turn(self, deadline_s: float) -> AsyncIterator[None]:
        """Hold the line; `deadline_s` is the moment by which the holder wants to be done."""
        await self.take(deadline_s)
        try:
            yield
        finally:
            self.pass_on()

    async def take(self, deadline_s: float) -> None:
        """Wait for the turn; `pass_on` ends it. `turn` does both."""
        if not self._taken:
            self._taken = True
            return
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (deadline_s, next(self._order), mine))
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():
                # The turn came in the same moment as the cancellation.
                self.pass_on()
            raise

    def pass_on(self) -> None:
        """Let the next one have the line."""
        while self._waiting:
            _, _, waiter = heapq.heappop(self._waiting)
            if not waiter.done():
                waiter.set_result(None)
                return
        self._taken = False
