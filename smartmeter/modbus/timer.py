"""Waiting for a moment of the monotonic clock, more exactly than the event loop does.

asyncio's epoll loop rounds every wait up to whole milliseconds; the silence between two frames is 2.0 ms at 19200 baud.
A timerfd wakes the loop within about a tenth of a millisecond, without a thread and without busy waiting. Where there
is none (macOS, whose kqueue loop does not round) the loop's own timer serves.
"""

import asyncio
import os
import sys
import time
from typing import Protocol

if sys.platform == "linux":
    from smartmeter.modbus.timerfd import timerfd_create, timerfd_set


class Timer(Protocol):
    """Something that can wait for a moment."""

    async def sleep_until(self, moment_s: float) -> None:
        """Return at the moment `moment_s` of `time.monotonic()`, never earlier."""

    def close(self) -> None:
        """Give back what it holds."""


class TimerfdTimer:
    """A timer on a timerfd of the running event loop. One wait at a time."""

    def __init__(self) -> None:
        self._fd = timerfd_create()
        self._loop = asyncio.get_running_loop()
        self._wake: asyncio.Future[None] | None = None
        self._loop.add_reader(self._fd, self._expired)

    async def sleep_until(self, moment_s: float) -> None:
        if moment_s <= time.monotonic():
            return
        timerfd_set(self._fd, moment_s)
        self._wake = self._loop.create_future()
        try:
            await self._wake
        finally:
            self._wake = None

    def close(self) -> None:
        self._loop.remove_reader(self._fd)
        os.close(self._fd)

    def _expired(self) -> None:
        try:
            os.read(self._fd, 8)
        except BlockingIOError:
            # Set anew after it had expired: that expiry no longer counts.
            return
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)


class LoopTimer:
    """A timer on the event loop's own clock."""

    async def sleep_until(self, moment_s: float) -> None:
        while (rest_s := moment_s - time.monotonic()) > 0:  # noqa: ASYNC110 - a moment is waited for, no condition
            await asyncio.sleep(rest_s)

    def close(self) -> None:
        """Nothing is held."""


def open_timer() -> Timer:
    """The most exact timer of this platform, on the running event loop."""
    return TimerfdTimer() if sys.platform == "linux" else LoopTimer()
