"""Modbus RTU on a serial line: one request at a time, exact silence, and no answer taken for another.

The event loop is woken when an answer begins and, if it is not there whole, when its last character must have come:
the length of an answer is known, and so is its time. Before each request the line has been silent for 3.5 characters,
which a timerfd measures; a meter may ignore what comes sooner ("MODBUS over serial line" V1.02, 2.5.1.1).

Answers carry no register address. After a time-out the line is therefore drained until it is silent; unit, function,
length and checksum must fit; and a different request of the same shape waits until an answer to the earlier one can no
longer come.
"""

import asyncio
import os
import time
from typing import Protocol, Self

from smartmeter.modbus import frames
from smartmeter.modbus.counters import LineCounters
from smartmeter.modbus.errors import AnswerError, ExceptionAnswerError, PortError, PortGoneError, SilentTargetError
from smartmeter.modbus.frames import Found, ReadRequest, Request
from smartmeter.modbus.line import Line, SerialFormat
from smartmeter.modbus.port import open_port
from smartmeter.modbus.timer import Timer, open_timer
from smartmeter.modbus.trace import Direction, Tap
from smartmeter.modbus.write_request import WriteRequest

# An answer that stops for so long has ended: USB adapters hold characters back for up to 16 ms, a busy host for longer.
BROKEN_OFF_S = 0.05
# How long after a time-out its answer may still come, as a multiple of the time-out.
LATE_FACTOR = 2.0
# A line that is never silent for so long is not worth waiting for.
DRAIN_LIMIT_S = 1.0
READ_BYTES = 4096


class BytePort(Protocol):
    """What bytes go through: an open serial port, or a socket. `port` is its name."""

    @property
    def port(self) -> str | None: ...

    def fileno(self) -> int: ...

    def close(self) -> None: ...


class Frames(Protocol):
    """How requests and answers look on the line; the module `frames` has those of RTU, `ascii_frames` of ASCII."""

    def encode(self, request: Request, /) -> bytes: ...

    def answer_length(self, request: Request, /) -> int: ...

    def find_answer(self, request: Request, received: bytes, /) -> Found | None: ...

    def missing_bytes(self, request: Request, received: bytes, /) -> int | None: ...

    def explain_failure(self, request: Request, received: bytes, /) -> AnswerError: ...


class RtuConnection:
    """An open serial line. Requests are made one after the other, by one task at a time."""

    _frames: Frames = frames
    # An answer that stops for so long has ended.
    _broken_off_s = BROKEN_OFF_S
    _it = "the port"

    def __init__(  # noqa: PLR0913, PLR0917 - a connection is described by that much
        self,
        port: BytePort,
        line: Line,
        timeout_s: float,
        counters: LineCounters,
        timer: Timer,
        tap: Tap | None = None,
    ) -> None:
        self._port = port
        self._fd: int = port.fileno()
        self._line = line
        # How long a meter may take to begin its answer; may be set anew between two requests.
        self.timeout_s = timeout_s
        self._counters = counters
        self._timer = timer
        self._tap = tap
        self._loop = asyncio.get_running_loop()
        self._last_activity_s = time.monotonic()
        # How long the last good answer took, from the first character of its request to its own last one.
        self.took_s = 0.0
        self._listening = False
        self._awaited: asyncio.Future[bytes] | None = None
        self._enough = 0
        # Shape of a request -> the latest that had no answer in time, and until when it may still come.
        self._unanswered: dict[tuple[int, int, int], tuple[Request, float]] = {}

    @classmethod
    def open(
        cls,
        path: str,
        serial_format: SerialFormat,
        timeout_s: float,
        counters: LineCounters,
        tap: Tap | None = None,
    ) -> Self:
        """Open the port at `path`; `timeout_s` is how long a meter may take to begin its answer.

        `tap` is told of every byte.

        Raises PortError.
        """
        port = open_port(path, serial_format)
        return cls(port, serial_format, timeout_s, counters, open_timer(), tap)

    @property
    def is_broken(self) -> bool:
        """Whether it must be opened anew before it can be used: a serial port says so only when it is used."""
        return False

    def close(self) -> None:
        """Give the port back."""
        self._stop_listening()
        self._timer.close()
        self._port.close()

    async def read(self, request: ReadRequest) -> bytes:
        """The registers' bytes, two each, high byte first.

        Raises AnswerError if no good answer comes in time, PortError if the port has gone away.
        """
        return await self._ask(request)

    async def write(self, request: WriteRequest) -> None:
        """Write registers, once; raises as `read`, and then they may be written all the same."""
        await self._ask(request)

    async def _ask(self, request: Request) -> bytes:
        await self._wait_for_late_answer(request)
        await self._wait_for_silence()
        self._counters.requests += 1
        sent_s = time.monotonic()
        self._write(self._frames.encode(request))
        try:
            data = await self._receive(request, sent_s)
        except AnswerError as error:
            self._counters.count_failure(error)
            await self._recover(request, error)
            raise
        finally:
            self._counters.busy_s += time.monotonic() - sent_s
        self._counters.answers += 1
        self.took_s = self._last_activity_s - sent_s
        return data

    async def listen(self, duration_s: float) -> None:
        """Take what comes unasked, for so long: late answers, which the tap is told of."""
        until_s = time.monotonic() + duration_s
        while chunk := await self._next_bytes(until_s):
            self._counters.late_bytes += len(chunk)

    async def _receive(self, request: Request, sent_s: float) -> bytes:
        # Some adapters hand an answer over in one piece, when its last character has come.
        length = self._frames.answer_length(request)
        line_s = (len(self._frames.encode(request)) + length) * self._line.character_s
        deadline_s = sent_s + line_s + self._line.silence_s + self.timeout_s
        received = b""
        expected = length
        while chunk := await self._next_bytes(deadline_s, enough=expected):
            received += chunk
            found = self._frames.find_answer(request, received)
            if found is not None:
                if len(received) > length:
                    self._counters.stray_bytes += len(self._without_late(received[: found.before]))
                    self._counters.late_bytes += len(self._without_late(received[found.before + length :]))
                return found.data
            rest = self._frames.missing_bytes(request, received)
            if rest is not None:
                self._stop_listening()
                await self._timer.sleep_until(self._last_activity_s + rest * self._line.character_s)
                deadline_s = time.monotonic() + self._broken_off_s
            expected = rest or length
        raise self._frames.explain_failure(request, received)

    async def _recover(self, request: Request, error: AnswerError) -> None:
        if isinstance(error, ExceptionAnswerError | SilentTargetError):
            return
        self._unanswered[request.shape] = (request, time.monotonic() + LATE_FACTOR * self.timeout_s)
        # What came before the time-out may be the beginning of what is still to come.
        await self._drain(error.received)

    async def _wait_for_late_answer(self, request: Request) -> None:
        # A success does not forgive: after a repeated request two answers may be under way.
        earlier, until_s = self._unanswered.get(request.shape, (request, 0.0))
        if earlier != request:
            await self._timer.sleep_until(until_s)

    async def _wait_for_silence(self) -> None:
        silent_s = self._last_activity_s + self._line.silence_s
        await self._timer.sleep_until(silent_s)
        unasked = self._read()
        if unasked:
            await self._drain(b"", unasked)
            await self._timer.sleep_until(self._last_activity_s + self._line.silence_s)

    async def _drain(self, begun: bytes, late: bytes = b"") -> None:
        """Take what comes until the line is silent; `begun` came before and is counted, `late` is not counted yet."""
        limit_s = time.monotonic() + DRAIN_LIMIT_S
        while chunk := await self._next_bytes(min(self._last_activity_s + self._broken_off_s, limit_s)):
            late += chunk
        if begun or late:
            self._counters.late_bytes += min(len(self._without_late(begun + late)), len(late))

    def _without_late(self, received: bytes) -> bytes:
        """What is left of it without the whole answers to earlier requests, which are counted."""
        for request, _ in self._unanswered.values():
            while (found := self._late_answer(request, received)) is not None:
                self._counters.late_answers += 1
                received = received[: found.before] + received[found.before + self._frames.answer_length(request) :]
        return received

    def _late_answer(self, request: Request, received: bytes) -> Found | None:
        try:
            return self._frames.find_answer(request, received)
        except AnswerError:
            # An exception does not say to which request.
            return None

    async def _next_bytes(self, deadline_s: float, enough: int = READ_BYTES) -> bytes:
        """What comes next, `enough` bytes or what there is of them; nothing if nothing comes before the deadline."""
        self._listen()
        awaited: asyncio.Future[bytes] = self._loop.create_future()
        self._awaited = awaited
        self._enough = enough
        timeout = self._loop.call_at(deadline_s, self._give_up_waiting)
        try:
            return await awaited
        finally:
            timeout.cancel()
            self._awaited = None

    def _listen(self) -> None:
        # Left on from one request to the next: a silent line costs nothing, switching does.
        if not self._listening:
            self._loop.add_reader(self._fd, self._take_bytes)
            self._listening = True

    def _stop_listening(self) -> None:
        if self._listening:
            self._loop.remove_reader(self._fd)
            self._listening = False

    def _take_bytes(self) -> None:
        if self._awaited is None or self._awaited.done():
            # Nobody waits, and what came unasked would wake the loop again and again.
            self._stop_listening()
            return
        try:
            self._awaited.set_result(self._read(self._enough))
        except PortError as error:
            self._awaited.set_exception(error)

    def _give_up_waiting(self) -> None:
        if self._awaited is not None and not self._awaited.done():
            self._awaited.set_result(b"")

    def _read(self, enough: int = READ_BYTES) -> bytes:
        """What can be read now, until nothing is left or there are `enough` bytes."""
        # A tty may give at most 64 bytes at a time.
        received = b""
        try:
            while len(received) < enough:
                chunk = os.read(self._fd, READ_BYTES)
                if not chunk:
                    raise PortGoneError(f"{self._port.port}: {self._it} has gone away")
                received += chunk
        except BlockingIOError:
            # Nothing is left.
            pass
        except OSError as error:
            raise PortGoneError(f"{self._port.port}: {self._it} has gone away ({error.strerror})") from error
        if received:
            self._last_activity_s = time.monotonic()
            if self._tap is not None:
                self._tap(Direction.RECEIVED, self._last_activity_s, received)
        return received

    def _write(self, frame: bytes) -> None:
        try:
            written = os.write(self._fd, frame)
        except OSError as error:
            raise PortError(f"{self._port.port}: {self._it} does not take data ({error.strerror})") from error
        if written != len(frame):
            raise PortError(f"{self._port.port}: {self._it} took {written} of {len(frame)} bytes")
        written_s = time.monotonic()
        self._last_activity_s = written_s + len(frame) * self._line.character_s
        if self._tap is not None:
            self._tap(Direction.SENT, written_s, frame)
