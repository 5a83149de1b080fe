"""The fast interval: for a while everything is read and shipped more often."""

import asyncio
import logging
import time

from smartmeter.settings.model import FastSettings

log = logging.getLogger(__name__)


class FastInterval:
    """Off at first; `start` switches it on for a while, and asked for again the time starts anew."""

    def __init__(self, settings: FastSettings) -> None:
        self._settings = settings
        self._interval_us = settings.interval_us
        self._until_s = 0.0
        self._waiting: set[asyncio.Future[None]] = set()

    @property
    def active(self) -> bool:
        """Whether the fast interval holds now."""
        return time.monotonic() < self._until_s

    @property
    def interval_us(self) -> int:
        """The interval while it holds, or held, in microseconds."""
        return self._interval_us

    @property
    def until_s(self) -> float:
        """The monotonic moment at which it ends, or ended."""
        return self._until_s

    @property
    def left_s(self) -> float:
        """How long it holds yet, in seconds."""
        return max(0.0, self._until_s - time.monotonic())

    def start(self, interval_us: int | None = None, duration_s: float | None = None) -> None:
        """Begin, or begin anew; where nothing is said, with the interval and the duration of the settings."""
        self._interval_us = self._settings.interval_us if interval_us is None else interval_us
        lasts_s = self._settings.duration_s if duration_s is None else duration_s
        self._until_s = time.monotonic() + lasts_s
        log.info("Fast interval: everything every %g s for %g s.", self._interval_us / 1e6, lasts_s)
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)

    async def sleep(self, seconds: float) -> None:
        """Sleep, but no longer than until the fast interval is started."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(waiter)
        timeout = asyncio.get_running_loop().call_later(seconds, _wake, waiter)
        try:
            await waiter
        finally:
            timeout.cancel()
            self._waiting.discard(waiter)


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
