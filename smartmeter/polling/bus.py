"""A line that several meters share: its turns, its port that comes and goes, and when it is idle."""

import asyncio
import logging
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager

from smartmeter.modbus.errors import PortError
from smartmeter.modbus.frames import ReadRequest
from smartmeter.modbus.rtu import LineCounters, RtuConnection
from smartmeter.polling.turns import Turns
from smartmeter.settings.model import BusSettings

# How often a missing port is tried.
REOPEN_S = 1.0
# How soon to look again whether a busy line has become idle.
LOOK_AGAIN_S = 0.05

log = logging.getLogger(__name__)


class Bus:
    """One line. Blocks of different meters take turns, the one with the earliest deadline first."""

    def __init__(self, settings: BusSettings) -> None:
        self.settings = settings
        self.counters = LineCounters()
        self.trouble: str | None = None
        self._connection: RtuConnection | None = None
        self._turns = Turns()
        self._rounds = 0
        self._next_rounds_s: dict[str, float] = {}

    async def open(self) -> None:
        """Return when the port is open, however long that takes."""
        while self._connection is None:
            try:
                self._connection = RtuConnection.open(
                    self.settings.port, self.settings.format, self.settings.timeout_s, self.counters
                )
            except PortError as error:
                self._log_trouble(error)
                await asyncio.sleep(REOPEN_S)
        if self.trouble is not None:
            log.info("Bus %s: the port is open again.", self.settings.name)
            self.trouble = None

    def close(self) -> None:
        """Close the port if it is open."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    async def read(self, request: ReadRequest, deadline_s: float) -> bytes:
        """The registers' bytes; `deadline_s` is the moment by which the asking round should be done.

        Raises AnswerError if there is no good answer, PortError if the port is not open or has gone away.
        """
        async with self._turns.turn(deadline_s):
            if self._connection is None:
                raise PortError(f"{self.settings.port}: the port is closed")
            try:
                return await self._connection.read(request)
            except PortError as error:
                self._log_trouble(error)
                self.close()
                raise

    @contextmanager
    def round(self) -> Iterator[None]:
        """While a round is under way the line is not idle, even between two of its blocks."""
        self._rounds += 1
        try:
            yield
        finally:
            self._rounds -= 1

    def announce(self, meter: str, next_round_s: float) -> None:
        """Say when (monotonic) the next round of a meter begins."""
        self._next_rounds_s[meter] = next_round_s

    async def idle(self, needed_s: float, patience_s: float) -> None:
        """Return when no round will need the line for `needed_s` seconds, or after `patience_s` at the latest."""
        give_up_s = time.monotonic() + patience_s
        while (now_s := time.monotonic()) < give_up_s:
            # What lies in the past has begun, which is counted in rounds, or belongs to a meter that fell silent.
            coming_s = [moment_s for moment_s in self._next_rounds_s.values() if moment_s > now_s]
            next_round_s = min(coming_s, default=math.inf)
            if not self._rounds and next_round_s - now_s >= needed_s:
                return
            wait_s = LOOK_AGAIN_S if self._rounds else next_round_s - now_s + LOOK_AGAIN_S
            await asyncio.sleep(min(wait_s, give_up_s - now_s))

    def _log_trouble(self, error: PortError) -> None:
        if self.trouble is None:
            log.error("Bus %s: %s. Trying again every second.", self.settings.name, error)
        self.trouble = str(error)
