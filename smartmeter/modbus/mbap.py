"""Modbus TCP frames: a header with a transaction id that the answer carries again, and no checksum.

Source: "MODBUS messaging on TCP/IP implementation guide V1.0b", section 3.1.3: the header is transaction, protocol (0),
length of what follows, unit.
"""

import struct

from smartmeter.modbus.errors import AnswerError, ForeignAnswerError, exception_error
from smartmeter.modbus.frames import EXCEPTION_FLAG, Request

TRANSACTIONS = 0x10000
# Transaction, protocol, length.
PREFIX_BYTES = 6
# What follows the length: unit and function at least; unit and 253 bytes at most.
SHORTEST, LONGEST = 2, 254
EXCEPTION_BYTES = 3

_PREFIX = struct.Struct(">HHH")


class NoModbusError(Exception):
    """What came is no Modbus TCP: there is no telling where the next answer begins."""


def encode(transaction: int, request: Request) -> bytes:
    """The request as it goes through the connection."""
    content = request.content
    return _PREFIX.pack(transaction, 0, len(content)) + content


def next_frame(received: bytes) -> tuple[int, bytes] | None:
    """The transaction of the first frame, and what follows its length; None if it is not there whole.

    Raises NoModbusError.
    """
    if len(received) < PREFIX_BYTES:
        return None
    transaction, protocol, length = _PREFIX.unpack_from(received)
    if protocol or not SHORTEST <= length <= LONGEST:
        raise NoModbusError
    end = PREFIX_BYTES + length
    return (transaction, received[PREFIX_BYTES:end]) if len(received) >= end else None


def open_answer(request: Request, transaction: int, body: bytes) -> bytes | AnswerError:
    """The data in what followed the length of an answer, none for a write, or what is wrong with it."""
    if len(body) == request.answer_length:
        for beginning in request.answer_beginnings:
            if body.startswith(beginning):
                return body[len(beginning) :]
    sent = encode(transaction, request)
    is_refused = len(body) == EXCEPTION_BYTES and body[1] == request.function | EXCEPTION_FLAG
    if is_refused and body[0] in request.answering_units:
        return exception_error(body[2], request, sent, body)
    return ForeignAnswerError(f"{request}: the answer belongs to another request", sent, body)
