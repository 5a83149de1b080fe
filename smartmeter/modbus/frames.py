"""RTU frames: requests to read and to write registers, and answers found in what a line delivers.

Source: "MODBUS application protocol specification V1.1b3", sections 6.3, 6.4, 6.12 and 7; "MODBUS over serial line
specification and implementation guide V1.02", section 2.5.1.
"""

import struct
from collections.abc import Hashable
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from smartmeter.modbus.crc import append_crc, has_valid_crc
from smartmeter.modbus.errors import (
    AnswerError,
    DamagedAnswerError,
    ForeignAnswerError,
    NoAnswerError,
    ShortAnswerError,
    exception_error,
)
from smartmeter.modbus.line import ANSWER_OVERHEAD_BYTES
from smartmeter.modbus.write_request import WRITE_ANSWER_BYTES, WRITE_FUNCTIONS

EXCEPTION_BYTES = 5
EXCEPTION_FLAG = 0x80
HEADER_BYTES = 3
CRC_BYTES = 2
# Meters are asked the same again and again.
REQUESTS_KEPT = 256

_REQUEST = struct.Struct(">BBHH")


class Request(Hashable, Protocol):
    """What a unit can be asked, whatever frame carries it. Equal requests ask for the same.

    `shape` is what the answers of two requests have in common when one could be taken for the other's. `content` is
    from unit to data what goes out. The `answering_units` are those that an answer may carry; it begins with one of the
    `answer_beginnings` and has `answer_length` bytes, likewise from unit to data, if it is no exception.
    """

    @property
    def unit(self) -> int: ...

    @property
    def function(self) -> int: ...

    @property
    def shape(self) -> tuple[int, int, int]: ...

    @property
    def content(self) -> bytes: ...

    @property
    def answering_units(self) -> tuple[int, ...]: ...

    @property
    def answer_beginnings(self) -> tuple[bytes, ...]: ...

    @property
    def answer_length(self) -> int: ...


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """A request for `count` registers (1 to 125) from `address` (0 to 65535).

    `unit` is 1 to 247, `function` 3 (holding registers) or 4 (input registers).
    """

    unit: int
    function: int
    address: int
    count: int

    def encode(self) -> bytes:
        """The frame as it goes over the line."""
        return encode(self)

    @property
    def shape(self) -> tuple[int, int, int]:
        """What its answer shows of it: not the address."""
        return self.unit, self.function, self.count

    @property
    def content(self) -> bytes:
        """What every frame of it carries, from unit to count."""
        return _REQUEST.pack(self.unit, self.function, self.address, self.count)

    @property
    def answering_units(self) -> tuple[int, ...]:
        """Only the one that is asked."""
        return (self.unit,)

    @property
    def answer_beginnings(self) -> tuple[bytes, ...]:
        """What an answer begins with: unit, function, byte count."""
        return (bytes((self.unit, self.function, 2 * self.count)),)

    @property
    def answer_length(self) -> int:
        """How many bytes an answer carries, if it is no exception."""
        return HEADER_BYTES + 2 * self.count

    def __str__(self) -> str:
        return f"unit {self.unit}, function {self.function}, registers {self.address}+{self.count}"


@lru_cache(maxsize=REQUESTS_KEPT)
def encode(request: Request) -> bytes:
    """The frame as it goes over the line."""
    return append_crc(request.content)


def answer_length(request: Request) -> int:
    """How many bytes the answer has, if it is no exception."""
    return request.answer_length + CRC_BYTES


@dataclass(frozen=True, slots=True)
class Found:
    """An answer found in what came: its data, and how many bytes lay `before` it that belong to nothing.

    The data are the registers' bytes; the answer to a write has none.
    """

    data: bytes
    before: int


def find_answer(request: Request, received: bytes) -> Found | None:
    """The answer to `request` in what has come so far, or None if it is not there whole.

    What lies before it is passed over: stray characters of an adapter that turns the line round, its echo of the
    request, or a late answer of another length. Unit, function, length and checksum must fit, of a write the address
    and the count as well.

    Raises ExceptionAnswerError if the unit's exception is there instead, SilentTargetError if a gateway's is.
    """
    length = answer_length(request)
    for header in request.answer_beginnings:
        start = received.find(header)
        while start >= 0:
            frame = received[start : start + length]
            if len(frame) == length and has_valid_crc(frame):
                return Found(frame[len(header) : -CRC_BYTES], start)
            start = received.find(header, start + 1)
    code = _exception_code(request, received)
    if code is not None:
        raise exception_error(code, request, encode(request), received)
    return None


def missing_bytes(request: Request, received: bytes) -> int | None:
    """How many bytes of the answer must still come, at least one; None if it has not even begun."""
    starts = (received.find(header[:HEADER_BYTES]) for header in request.answer_beginnings)
    start = next((start for start in starts if start >= 0), None)
    return None if start is None else max(answer_length(request) - (len(received) - start), 1)


def explain_failure(request: Request, received: bytes) -> AnswerError:
    """The error that tells what is wrong with `received`, all that came, in which there is no answer to `request`."""
    sent = encode(request)
    if not received:
        return NoAnswerError(f"{request}: no answer", sent, received)
    length = answer_length(request)
    came = f"{len(received)} of {length} bytes"
    if _is_foreign_frame(received):
        return ForeignAnswerError(f"{request}: the answer belongs to another request", sent, received)
    begins_right = sent[:2] == received[:2]
    if begins_right and len(received) < length:
        return ShortAnswerError(f"{request}: the answer broke off, {came}", sent, received)
    return DamagedAnswerError(f"{request}: the answer is damaged, {came}", sent, received)


def _exception_code(request: Request, received: bytes) -> int | None:
    for unit in request.answering_units:
        header = bytes((unit, request.function | EXCEPTION_FLAG))
        start = received.find(header)
        while start >= 0:
            frame = received[start : start + EXCEPTION_BYTES]
            if len(frame) == EXCEPTION_BYTES and has_valid_crc(frame):
                return frame[2]
            start = received.find(header, start + 1)
    return None


def _is_foreign_frame(received: bytes) -> bool:
    if len(received) < EXCEPTION_BYTES:
        return False
    if received[1] & EXCEPTION_FLAG:
        return has_valid_crc(received[:EXCEPTION_BYTES])
    is_write = received[1] in WRITE_FUNCTIONS
    length = WRITE_ANSWER_BYTES + CRC_BYTES if is_write else ANSWER_OVERHEAD_BYTES + received[2]
    return len(received) >= length and has_valid_crc(received[:length])
