"""RTU frames: requests to read registers, and answers found in what a line delivers.

Source: "MODBUS application protocol specification V1.1b3", sections 6.3, 6.4 and 7; "MODBUS over serial line
specification and implementation guide V1.02", section 2.5.1.
"""

import struct
from dataclasses import dataclass
from functools import lru_cache

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

EXCEPTION_BYTES = 5
EXCEPTION_FLAG = 0x80
HEADER_BYTES = 3
# Meters are asked the same again and again.
REQUESTS_KEPT = 256

_REQUEST = struct.Struct(">BBHH")


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
    def answer_bytes(self) -> int:
        """How long the answer is, if it is no exception."""
        return ANSWER_OVERHEAD_BYTES + 2 * self.count

    def __str__(self) -> str:
        return f"unit {self.unit}, function {self.function}, registers {self.address}+{self.count}"


@lru_cache(maxsize=REQUESTS_KEPT)
def encode(request: ReadRequest) -> bytes:
    """The frame as it goes over the line."""
    return append_crc(_REQUEST.pack(request.unit, request.function, request.address, request.count))


def answer_length(request: ReadRequest) -> int:
    """How many bytes the answer has, if it is no exception."""
    return request.answer_bytes


@dataclass(frozen=True, slots=True)
class Found:
    """An answer found in what came: the registers' bytes, and how many bytes lay `before` it that belong to nothing."""

    data: bytes
    before: int


def find_answer(request: ReadRequest, received: bytes) -> Found | None:
    """The answer to `request` in what has come so far, or None if it is not there whole.

    What lies before it is passed over: stray characters of an adapter that turns the line round, its echo of the
    request, or a late answer of another length. Unit, function, length and checksum must fit.

    Raises ExceptionAnswerError if the unit's exception is there instead, SilentTargetError if a gateway's is.
    """
    header = bytes((request.unit, request.function, 2 * request.count))
    start = received.find(header)
    while start >= 0:
        frame = received[start : start + request.answer_bytes]
        if len(frame) == request.answer_bytes and has_valid_crc(frame):
            return Found(frame[HEADER_BYTES:-2], start)
        start = received.find(header, start + 1)
    code = _exception_code(request, received)
    if code is not None:
        raise exception_error(code, request, request.encode(), received)
    return None


def missing_bytes(request: ReadRequest, received: bytes) -> int | None:
    """How many bytes of the answer must still come, at least one; None if it has not even begun."""
    start = received.find(bytes((request.unit, request.function, 2 * request.count)))
    return None if start < 0 else max(request.answer_bytes - (len(received) - start), 1)


def explain_failure(request: ReadRequest, received: bytes) -> AnswerError:
    """The error that tells what is wrong with `received`, all that came, in which there is no answer to `request`."""
    sent = request.encode()
    if not received:
        return NoAnswerError(f"{request}: no answer", sent, received)
    came = f"{len(received)} of {request.answer_bytes} bytes"
    if _is_foreign_frame(received):
        return ForeignAnswerError(f"{request}: the answer belongs to another request", sent, received)
    begins_right = request.encode()[:2] == received[:2]
    if begins_right and len(received) < request.answer_bytes:
        return ShortAnswerError(f"{request}: the answer broke off, {came}", sent, received)
    return DamagedAnswerError(f"{request}: the answer is damaged, {came}", sent, received)


def _exception_code(request: ReadRequest, received: bytes) -> int | None:
    header = bytes((request.unit, request.function | EXCEPTION_FLAG))
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
    length = ANSWER_OVERHEAD_BYTES + received[2]
    return len(received) >= length and has_valid_crc(received[:length])
