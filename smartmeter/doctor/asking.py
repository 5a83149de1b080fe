"""Asks over a connection and keeps every byte, with its time, as evidence."""

import asyncio
from dataclasses import dataclass
from random import Random
from typing import Self

from smartmeter.doctor.evidence import Exchange, Piece
from smartmeter.doctor.latency_timer import USUAL_TIMER_S
from smartmeter.modbus.connection import Connection, open_connection
from smartmeter.modbus.counters import LineCounters
from smartmeter.modbus.errors import AnswerError
from smartmeter.modbus.frames import ReadRequest
from smartmeter.modbus.line import NetworkLine, SerialFormat
from smartmeter.modbus.ports import Port
from smartmeter.modbus.trace import Direction

# What else comes after an answer comes within so many characters; then the pause is at random, see latency_timer.
REST_CHARACTERS = 30
MOST_REST_S = 0.03


@dataclass(frozen=True, slots=True)
class _Told:
    direction: Direction
    piece: Piece


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request, how many things had been told before it, and what came of it."""

    request: ReadRequest
    told_before: int
    data: bytes | None
    error: AnswerError | None


class Asking:
    """An open line that is asked, with a random pause before every request."""

    def __init__(self, port: Port, line: SerialFormat | NetworkLine, patience_s: float, rng: Random) -> None:
        self._port = port
        self._line = line
        self._patience_s = patience_s
        self._rng = rng
        self._told: list[_Told] = []
        self._asked: list[_Asked] = []
        self._connection: Connection | None = None

    @classmethod
    async def begin(cls, port: Port, line: SerialFormat | NetworkLine, patience_s: float, rng: Random) -> Self:
        """Open the line; `patience_s` is how long an answer is waited for, much longer than usual.

        Raises PortError.
        """
        asking = cls(port, line, patience_s, rng)
        asking._connection = await asking._open()
        return asking

    def close(self) -> None:
        """Give the line back."""
        if self._connection is not None:
            self._connection.close()

    async def read(self, request: ReadRequest) -> bytes:
        """The registers' bytes. What happens is kept for `exchanges`.

        Raises AnswerError, PortError.
        """
        rest_s = min(MOST_REST_S, REST_CHARACTERS * self._line.character_s)
        await asyncio.sleep(rest_s + self._rng.uniform(0, USUAL_TIMER_S))
        if self._connection is None or self._connection.is_broken:
            self.close()
            self._connection = await self._open()
        before, data, failure = len(self._told), None, None
        try:
            data = await self._connection.read(request)
        except AnswerError as error:
            failure = error
            raise
        finally:
            self._asked.append(_Asked(request, before, data, failure))
        return data

    async def ask(self, request: ReadRequest) -> bytes | None:
        """The same, with None in place of an AnswerError."""
        try:
            return await self.read(request)
        except AnswerError:
            return None

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """All requests that were sent, and what came until the next one was: later than awaited, or twice, too."""
        sent = [self._sent_at(asked) for asked in self._asked]
        ends = [*(at for at in sent[1:] if at is not None), len(self._told)]
        exchanges = []
        for asked, at in zip(self._asked, sent, strict=True):
            if at is None:
                continue
            end = next(end for end in ends if end > at)
            pieces = tuple(told.piece for told in self._told[at + 1 : end] if told.direction is Direction.RECEIVED)
            exchanges.append(Exchange(asked.request, self._told[at].piece, pieces, asked.data, asked.error))
        return tuple(exchanges)

    def _sent_at(self, asked: _Asked) -> int | None:
        places = range(asked.told_before, len(self._told))
        return next((at for at in places if self._told[at].direction is Direction.SENT), None)

    async def _open(self) -> Connection:
        return await open_connection(self._port, self._line, self._patience_s, LineCounters(), self._tell)

    def _tell(self, direction: Direction, at_s: float, data: bytes) -> None:
        self._told.append(_Told(direction, Piece(at_s, data)))
