"""ASCII frames: a colon, every byte as two hexadecimal digits, a checksum (LRC), carriage return and line feed.

Source: "MODBUS over serial line specification and implementation guide V1.02", sections 2.5.2 and 6.2.1. What the
functions mean is the same as in `frames`.
"""

from smartmeter.modbus.errors import (
    AnswerError,
    DamagedAnswerError,
    ForeignAnswerError,
    NoAnswerError,
    ShortAnswerError,
    exception_error,
)
from smartmeter.modbus.frames import EXCEPTION_FLAG, HEADER_BYTES, Found, Request

START, END = b":", b"\r\n"
LRC_BYTES = 1
# Unit, function, code.
EXCEPTION_BYTES = 3


def lrc(data: bytes) -> int:
    """The checksum: what is missing to make the sum of all bytes zero, in 8 bits."""
    return -sum(data) & 0xFF


def close_frame(data: bytes) -> bytes:
    """The frame that carries `data`."""
    return START + (data + bytes((lrc(data),))).hex().upper().encode() + END


def open_frame(frame: bytes) -> bytes | None:
    """What a frame carries; None if it is none, or damaged."""
    if not (frame.startswith(START) and frame.endswith(END)):
        return None
    try:
        data = bytes.fromhex(frame[len(START) : -len(END)].decode("ascii"))
    except ValueError:
        return None
    return data[:-LRC_BYTES] if len(data) > LRC_BYTES and sum(data) & 0xFF == 0 else None


def encode(request: Request) -> bytes:
    """The frame as it goes over the line."""
    return close_frame(request.content)


def answer_length(request: Request) -> int:
    """How many characters the answer has, if it is no exception."""
    return _length(request.answer_length)


def find_answer(request: Request, received: bytes) -> Found | None:
    """The answer to `request` in what has come so far, or None if it is not there whole.

    Raises ExceptionAnswerError if the unit's exception is there instead, SilentTargetError if a gateway's is.
    """
    for beginning in request.answer_beginnings:
        start, data = _find(_begin(beginning), answer_length(request), received)
        if data is not None:
            return Found(data[len(beginning) :], start)
    for unit in request.answering_units:
        refusal = _begin(bytes((unit, request.function | EXCEPTION_FLAG)))
        _, data = _find(refusal, _length(EXCEPTION_BYTES), received)
        if data is not None:
            raise exception_error(data[2], request, encode(request), received)
    return None


def missing_bytes(request: Request, received: bytes) -> int | None:
    """How many characters of the answer must still come, at least one; None if it has not even begun."""
    starts = (received.find(_begin(beginning[:HEADER_BYTES])) for beginning in request.answer_beginnings)
    start = next((start for start in starts if start >= 0), None)
    return None if start is None else max(answer_length(request) - (len(received) - start), 1)


def explain_failure(request: Request, received: bytes) -> AnswerError:
    """The error that tells what is wrong with `received`, all that came, in which there is no answer to `request`."""
    sent = encode(request)
    if not received:
        return NoAnswerError(f"{request}: no answer", sent, received)
    came = f"{len(received)} of {answer_length(request)} characters"
    if any(open_frame(START + part + END) is not None for part in _frame_contents(received)):
        return ForeignAnswerError(f"{request}: the answer belongs to another request", sent, received)
    if received.startswith(_begin(bytes((request.unit, request.function)))) and END not in received:
        return ShortAnswerError(f"{request}: the answer broke off, {came}", sent, received)
    return DamagedAnswerError(f"{request}: the answer is damaged, {came}", sent, received)


def _begin(data: bytes) -> bytes:
    return START + data.hex().upper().encode()


def _length(data_bytes: int) -> int:
    return len(START) + 2 * (data_bytes + LRC_BYTES) + len(END)


def _find(header: bytes, length: int, received: bytes) -> tuple[int, bytes | None]:
    """Where an undamaged frame of this length begins that begins like this, and what it carries."""
    start = received.find(header)
    while start >= 0:
        data = open_frame(received[start : start + length])
        if data is not None:
            return start, data
        start = received.find(header, start + 1)
    return -1, None


def _frame_contents(received: bytes) -> list[bytes]:
    return [part.rpartition(START)[2] for part in received.split(END)[:-1]]
