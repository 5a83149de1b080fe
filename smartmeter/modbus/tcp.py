"""Modbus TCP: requests carry a transaction id, so that no answer is taken for another's and several can be under way.

With a thousand meters this is where the processor's time goes. So the socket is read and written without asyncio's
transports, there is one wake-up for each packet, and one timer for a connection that is set anew only when it expires.
"""

import asyncio
import socket
import time
from collections.abc import Sequence
from typing import Self

from smartmeter.modbus.counters import LineCounters
from smartmeter.modbus.errors import AnswerError, DamagedAnswerError, NoAnswerError, PortError, ShortAnswerError
from smartmeter.modbus.frames import ReadRequest, Request
from smartmeter.modbus.mbap import TRANSACTIONS, NoModbusError, encode, next_frame, open_answer
from smartmeter.modbus.network import connect, explain
from smartmeter.modbus.ports import TcpPort
from smartmeter.modbus.trace import Direction, Tap
from smartmeter.modbus.write_request import WriteRequest

RECEIVED_AT_ONCE = 4096
NO_MODBUS = "what came is no Modbus TCP; is the gateway set to another protocol?"


class TcpConnection:
    """An open connection. One task at a time makes requests, one or several at once."""

    __slots__ = (
        "_answers",
        "_asked",
        "_counters",
        "_deadline_s",
        "_loop",
        "_name",
        "_received",
        "_sock",
        "_tap",
        "_timer",
        "_transaction",
        "_waiter",
        "_why_broken",
        "timeout_s",
        "took_s",
    )

    def __init__(
        self, sock: socket.socket, name: str, timeout_s: float, counters: LineCounters, tap: Tap | None = None
    ) -> None:
        self._sock = sock
        self._name = name
        # How long an answer may take; may be set anew between two requests.
        self.timeout_s = timeout_s
        self._counters = counters
        self._tap = tap
        self._loop = asyncio.get_running_loop()
        self._transaction = 0
        self._received = b""
        self._asked: dict[int, Request] = {}
        self._answers: dict[int, bytes | AnswerError] = {}
        self._waiter: asyncio.Future[None] | None = None
        self._deadline_s = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._why_broken = ""
        self.took_s = 0.0
        self._loop.add_reader(sock.fileno(), self._take_bytes)

    @classmethod
    async def connect(cls, port: TcpPort, timeout_s: float, counters: LineCounters, tap: Tap | None = None) -> Self:
        """Connect; `timeout_s` is how long an answer may take, `tap` is told of every byte.

        Raises PortError.
        """
        return cls(await connect(port), str(port), timeout_s, counters, tap)

    @property
    def is_broken(self) -> bool:
        """Whether the other side has closed it, or sends what is no Modbus: it must be opened anew."""
        return self._why_broken != ""

    def close(self) -> None:
        """Close the connection; who waits for an answer gets a PortError."""
        self._fail(f"{self._name}: the connection is closed")
        self._stop_listening()
        if self._timer is not None:
            self._timer.cancel()
        self._sock.close()

    async def read(self, request: ReadRequest) -> bytes:
        """The registers' bytes, two each, high byte first.

        Raises AnswerError if no good answer comes in time, PortError if the connection is lost.
        """
        return await self._ask(request)

    async def write(self, request: WriteRequest) -> None:
        """Write registers, once; raises as `read`, and then they may be written all the same."""
        await self._ask(request)

    async def _ask(self, request: Request) -> bytes:
        number = self._next_transaction()
        await self._exchange({number: request}, encode(number, request))
        answer = self._answers.pop(number)
        self._counters.requests += 1
        if isinstance(answer, AnswerError):
            self._counters.count_failure(answer)
            raise answer
        self._counters.answers += 1
        return answer

    async def listen(self, duration_s: float) -> None:
        """Let late answers come, for so long; the tap is told of them."""
        await asyncio.sleep(duration_s)

    async def read_several(self, requests: Sequence[ReadRequest]) -> list[bytes | AnswerError]:
        """For each of the requests, which are all sent at once, the registers' bytes or what went wrong.

        Raises PortError if the connection is lost.
        """
        asked: dict[int, Request] = {self._next_transaction(): request for request in requests}
        numbers = list(asked)
        # Each in a packet of its own, as the guide demands ("MODBUS messaging on TCP/IP" V1.0b).
        await self._exchange(asked, *(encode(number, request) for number, request in asked.items()))
        self._counters.requests += len(requests)
        answers = [self._answers.pop(number) for number in numbers]
        for answer in answers:
            if isinstance(answer, AnswerError):
                self._counters.count_failure(answer)
            else:
                self._counters.answers += 1
        return answers

    def _next_transaction(self) -> int:
        number = self._transaction
        self._transaction = (number + 1) % TRANSACTIONS
        return number

    async def _exchange(self, asked: dict[int, Request], *frames: bytes) -> None:
        """Send the requests, and return when each of them has an answer or an error."""
        if self._why_broken:
            raise PortError(f"{self._name}: {self._why_broken}")
        for frame in frames:
            self._send(frame)
        self._asked = asked
        self._answers = {}
        sent_s = time.monotonic()
        self._deadline_s = sent_s + self.timeout_s
        if self._timer is None:
            self._timer = self._loop.call_at(self._deadline_s, self._look_at_deadline)
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None
            self._asked = {}
            used_s = time.monotonic() - sent_s
            self._counters.busy_s += used_s
            self.took_s = used_s / len(frames)

    def _send(self, frame: bytes) -> None:
        try:
            sent = self._sock.send(frame)
        except OSError as error:
            raise PortError(f"{self._name}: {explain(error)}") from error
        if sent != len(frame):
            raise PortError(f"{self._name}: the connection took {sent} of {len(frame)} bytes")
        if self._tap is not None:
            self._tap(Direction.SENT, time.monotonic(), frame)

    def _take_bytes(self) -> None:
        try:
            chunk = self._sock.recv(RECEIVED_AT_ONCE)
        except BlockingIOError:
            return
        except OSError as error:
            self._break(explain(error))
            return
        if not chunk:
            self._break("the connection was closed by the other side")
            return
        if self._tap is not None:
            self._tap(Direction.RECEIVED, time.monotonic(), chunk)
        received = self._received + chunk if self._received else chunk
        try:
            while (frame := next_frame(received)) is not None:
                transaction, body = frame
                received = received[6 + len(body) :]
                self._take_answer(transaction, body)
        except NoModbusError:
            self._take_garbage(received)
            return
        self._received = received

    def _take_answer(self, transaction: int, body: bytes) -> None:
        request = self._asked.pop(transaction, None)
        if request is None:
            # Late, or for the second time, or to what was never asked.
            self._counters.late_answers += 1
            return
        self._answers[transaction] = open_answer(request, transaction, body)
        if not self._asked:
            self._done()
        else:
            self._deadline_s = time.monotonic() + self.timeout_s

    def _take_garbage(self, received: bytes) -> None:
        for number, request in self._asked.items():
            self._answers[number] = DamagedAnswerError(
                f"{request}: {NO_MODBUS}",
                encode(number, request),
                received,
            )
        self._asked = {}
        self._stop_listening()
        self._why_broken = NO_MODBUS
        self._done()

    def _look_at_deadline(self) -> None:
        self._timer = None
        if self._waiter is None or self._waiter.done():
            return
        if time.monotonic() < self._deadline_s:
            self._timer = self._loop.call_at(self._deadline_s, self._look_at_deadline)
            return
        for number, request in self._asked.items():
            self._answers[number] = self._explain_absence(number, request)
        self._asked = {}
        self._done()

    def _explain_absence(self, number: int, request: Request) -> AnswerError:
        sent, begun = encode(number, request), self._received
        if begun and begun[:2] == sent[:2]:
            return ShortAnswerError(f"{request}: the answer broke off after {len(begun)} bytes", sent, begun)
        return NoAnswerError(f"{request}: no answer", sent, b"")

    def _done(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _break(self, why: str) -> None:
        self._why_broken = why
        self._stop_listening()
        self._fail(f"{self._name}: {why}")

    def _fail(self, text: str) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(PortError(text))

    def _stop_listening(self) -> None:
        if self._sock.fileno() >= 0:
            self._loop.remove_reader(self._sock.fileno())
