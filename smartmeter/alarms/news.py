"""Tells those who wait that there is something new."""

import asyncio


class News:
    """A count that only grows. Whoever has seen it at some number can wait until it is beyond that."""

    def __init__(self) -> None:
        self._count = 0
        self._changed = asyncio.Event()

    @property
    def count(self) -> int:
        return self._count

    def announce(self) -> None:
        """Wake all who wait."""
        self._count += 1
        self._changed.set()
        self._changed = asyncio.Event()

    async def beyond(self, count: int) -> None:
        """Return when something was announced after the count was `count`."""
        while self._count <= count:
            await self._changed.wait()
