"""A line that several meters share: its turns, its port that comes and goes, and when it is idle."""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from smartmeter.modbus.connection import Connection, open_connection
from smartmeter.modbus.counters import LineCounters
from smartmeter.modbus.errors import AnswerError, ModbusError, NoAnswerError, PortError, SilentTargetError
from smartmeter.modbus.frames import ReadRequest
from smartmeter.modbus.ports import is_network, parse_port
from smartmeter.modbus.tcp import TcpConnection
from smartmeter.modbus.write_request import WriteRequest
from smartmeter.polling.turnaround import turnaround_s
from smartmeter.polling.turns import Turns
from smartmeter.settings.model import BusSettings

# How often a missing port is tried; over a network less and less often, down to the second.
REOPEN_S = 1.0
LAST_REOPEN_S = 5.0
# So many requests in a row without any answer, of whichever meter, and a connection is made anew: it may be half open.
SILENT_REQUESTS = 4
# How soon to look again whether a busy line has become idle.
LOOK_AGAIN_S = 0.05

log = logging.getLogger(__name__)


class Bus:
    """One line. Blocks of different meters take turns, the one with the earliest deadline first."""

    def __init__(self, settings: BusSettings) -> None:
        self.settings = settings
        self.counters = LineCounters()
        self.trouble: str | None = None
        self._port = parse_port(settings.port)
        self._is_network = is_network(self._port)
        self._connection: Connection | None = None
        self._opening = asyncio.Lock()
        self._pause_s = 0.0
        self._silent_requests = 0
        self._turns = Turns()
        self._rounds = 0
        self._next_rounds_s: dict[str, float] = {}

    async def open(self) -> None:
        """Return when the port is open, however long that takes."""
        async with self._opening:
            while self._connection is None:
                await asyncio.sleep(self._pause_s)
                try:
                    self._connection = await self._connect()
                except PortError as error:
                    self._log_trouble(error)
                    self._lengthen_pause()
        if not self._is_network:
            # A connection says little: a gateway may take it and end it at once.
            self._note_recovery()

    def close(self) -> None:
        """Close the port if it is open."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    async def read(
        self, request: ReadRequest, deadline_s: float, note_turnaround: Callable[[float], None] | None = None
    ) -> bytes:
        """The registers' bytes; `deadline_s` is the moment by which the asking round should be done.

        `note_turnaround` is told the seconds that the meter took before it answered.

        Raises AnswerError if there is no good answer, PortError if the port is not open or has gone away.
        """
        await self._turns.take(deadline_s)
        try:
            connection = await self._usable()
            data = await connection.read(request)
            if note_turnaround is not None:
                note_turnaround(turnaround_s(self.settings.format, request.count, connection.took_s))
        except ModbusError as error:
            self._note_error(error)
            raise
        finally:
            self._turns.pass_on()
        self._note_answer()
        return data

    async def write(self, request: WriteRequest, deadline_s: float) -> None:
        """Write registers, once, when the turn comes.

        Raises as `read`; the meter may have taken them all the same.
        """
        await self._turns.take(deadline_s)
        try:
            await (await self._usable()).write(request)
        except ModbusError as error:
            self._note_error(error)
            raise
        finally:
            self._turns.pass_on()
        self._note_answer()

    async def read_several(
        self,
        requests: Sequence[ReadRequest],
        deadline_s: float,
        note_turnaround: Callable[[float], None] | None = None,
    ) -> list[bytes | AnswerError]:
        """For each request the registers' bytes or what went wrong; as many at a time as the settings allow.

        `note_turnaround` is told the seconds that each of those that went at once took on average.

        Raises PortError as `read` does.
        """
        answers: list[bytes | AnswerError] = []
        for start in range(0, len(requests), self.settings.pipeline):
            await self._turns.take(deadline_s)
            try:
                connection = await self._usable()
                if not isinstance(connection, TcpConnection):
                    raise TypeError("only Modbus TCP takes several requests at once")
                asked = requests[start : start + self.settings.pipeline]
                came = await connection.read_several(asked)
                answers += came
                if note_turnaround is not None and not any(isinstance(answer, AnswerError) for answer in came):
                    note_turnaround(turnaround_s(self.settings.format, asked[0].count, connection.took_s))
            except ModbusError as error:
                self._note_error(error)
                raise
            finally:
                self._turns.pass_on()
        for answer in answers:
            if isinstance(answer, AnswerError):
                self._note_failure(answer)
            else:
                self._note_answer()
        return answers

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

    async def _connect(self) -> Connection:
        return await open_connection(self._port, self.settings.format, self.settings.timeout_s, self.counters)

    async def _usable(self) -> Connection:
        """The connection; if it was closed while nobody asked, or seems to be half open, a new one."""
        if self._connection is None:
            raise PortError(f"{self.settings.port}: the port is closed")
        if self._connection.is_broken or (self._is_network and self._silent_requests >= SILENT_REQUESTS):
            # Who calls `open` meanwhile waits, and finds this one.
            async with self._opening:
                self.close()
                self._silent_requests = 0
                self.counters.reconnects += 1
                self._connection = await self._connect()
        return self._connection

    def _note_answer(self) -> None:
        self._silent_requests = 0
        self._pause_s = 0.0
        if self.trouble is not None:
            self._note_recovery()

    def _note_error(self, error: ModbusError) -> None:
        if isinstance(error, AnswerError):
            self._note_failure(error)
        elif isinstance(error, PortError):
            self._note_loss(error)

    def _note_failure(self, error: AnswerError) -> None:
        # A gateway that says that a meter is silent is there.
        is_silence = isinstance(error, NoAnswerError) and not isinstance(error, SilentTargetError)
        self._silent_requests = self._silent_requests + 1 if is_silence else 0

    def _note_loss(self, error: PortError) -> None:
        self._log_trouble(error)
        self.close()
        if self._is_network:
            self._lengthen_pause()

    def _lengthen_pause(self) -> None:
        longest_s = max(REOPEN_S, LAST_REOPEN_S) if self._is_network else REOPEN_S
        self._pause_s = min(max(2 * self._pause_s, REOPEN_S), longest_s)

    def _note_recovery(self) -> None:
        self._pause_s = 0.0
        if self.trouble is not None:
            log.info("Bus %s: the port is open again.", self.settings.name)
            self.trouble = None

    def _log_trouble(self, error: PortError) -> None:
        if self.trouble is None:
            again = "every few seconds" if self._is_network else "every second"
            log.error("Bus %s: %s. Trying again %s.", self.settings.name, error, again)
        self.trouble = str(error)
