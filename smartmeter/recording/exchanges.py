"""What was asked and answered in a recording, whatever line it came over."""

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from smartmeter.modbus.line import NetworkLine, SerialFormat
from smartmeter.modbus.trace import Direction
from smartmeter.recording.parts import EXCEPTION_FLAG, Frame, Part, ascii_parts, rtu_parts, tcp_parts
from smartmeter.recording.recording import MICROSECONDS, Piece, Recording

Split = Callable[[bytes, Collection[int]], Iterator[Part]]

READING_REGISTERS = (3, 4)
# Function, start, count.
READ_REQUEST_BYTES = 5


@dataclass(frozen=True, slots=True)
class Reply:
    """What came after a request: a frame, or `bytes` that are none.

    `turnaround_s` is the time that the meter took: from the silence after the request to the first character.
    """

    turnaround_s: float
    content: Frame | bytes


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request, and all that came until the next one: usually one answer, or nothing."""

    request: Frame
    replies: tuple[Reply, ...]


def exchanges(recording: Recording) -> list[Exchange]:
    """The exchanges of a recording, in their order.

    Answers of Modbus TCP belong to the request with their transaction; everywhere else, to the latest one.
    """
    if recording.header.kind == "tcp":
        return _of_tcp(recording.pieces)
    line = recording.header.serial or NetworkLine()
    split: Split = ascii_parts if recording.header.kind == "ascii" else rtu_parts
    heard = [piece for piece in recording.pieces if piece.direction is Direction.HEARD]
    if heard:
        return list(_of_heard(heard, split, line))
    return list(_of_asked(recording.pieces, split, line))


def is_read(pdu: bytes) -> bool:
    """Whether it is a request to read registers."""
    return len(pdu) == READ_REQUEST_BYTES and pdu[0] in READING_REGISTERS


def answers(request: Frame, reply: Frame) -> bool:
    """Whether the reply is an answer to the request, be it an exception: by unit, function and length."""
    if reply.unit != request.unit or not reply.pdu or reply.pdu[0] & ~EXCEPTION_FLAG != request.pdu[0]:
        return False
    if reply.pdu[0] & EXCEPTION_FLAG or not is_read(request.pdu):
        return True
    return len(reply.pdu) == 2 + 2 * int.from_bytes(request.pdu[3:5], "big")


def _of_tcp(pieces: Sequence[Piece]) -> list[Exchange]:
    sent = [piece for piece in pieces if piece.direction is Direction.SENT]
    received = [piece for piece in pieces if piece.direction is Direction.RECEIVED]
    data, ends = _joined(received)
    come: dict[int, list[tuple[int, Frame]]] = {}
    for part in tcp_parts(data):
        time_us = received[bisect_left(ends, part.end)].time_us
        come.setdefault(part.transaction, []).append((time_us, part.frame))
    found: list[Exchange] = []
    asked = [(piece.time_us, part) for piece in sent for part in tcp_parts(piece.data)]
    # Transactions are counted anew after 65535, and with every connection.
    until: dict[int, int] = {}
    for time_us, part in reversed(asked):
        replies = tuple(
            Reply((at_us - time_us) / MICROSECONDS, frame)
            for at_us, frame in come.get(part.transaction, ())
            if time_us <= at_us and (part.transaction not in until or at_us < until[part.transaction])
        )
        until[part.transaction] = time_us
        found.append(Exchange(part.frame, replies))
    return found[::-1]


def _of_asked(pieces: Sequence[Piece], split: Split, line: SerialFormat | NetworkLine) -> Iterator[Exchange]:
    """Exchanges of a recording that tells what was sent from what was received."""
    starts = [index for index, piece in enumerate(pieces) if piece.direction is Direction.SENT]
    for start, end in pairwise([*starts, len(pieces)]):
        sent = pieces[start]
        request = next((part.frame for part in split(sent.data, ()) if part.frame is not None), None)
        if request is None:
            continue
        end_s = sent.time_us / MICROSECONDS + len(sent.data) * line.character_s
        timed = _timed(pieces[start + 1 : end], split, line)
        yield Exchange(request, tuple(_reply(content, start_s, end_s, line) for content, start_s, _ in timed))


def _of_heard(pieces: Sequence[Piece], split: Split, line: SerialFormat | NetworkLine) -> Iterator[Exchange]:
    """Exchanges that others had: which frames are requests follows from their looks and their order."""
    request: Frame | None = None
    asked_s = 0.0
    replies: list[Reply] = []
    for content, start_s, end_s in _timed(pieces, split, line):
        if isinstance(content, Frame) and _is_request(content, request, replies):
            if request is not None:
                yield Exchange(request, tuple(replies))
            request, asked_s, replies = content, end_s, []
        elif request is not None:
            replies.append(_reply(content, start_s, asked_s, line))
    if request is not None:
        yield Exchange(request, tuple(replies))


def _is_request(frame: Frame, latest: Frame | None, replies: Sequence[Reply]) -> bool:
    if frame.pdu[0] & EXCEPTION_FLAG:
        return False
    if is_read(frame.pdu):
        # An answer of this length would carry three bytes, and registers have two.
        return True
    is_answered = any(isinstance(reply.content, Frame) for reply in replies)
    return latest is None or is_answered or not answers(latest, frame)


def _reply(content: Frame | bytes, start_s: float, asked_s: float, line: SerialFormat | NetworkLine) -> Reply:
    return Reply(max(0.0, start_s - asked_s - line.silence_s), content)


def _timed(
    pieces: Sequence[Piece], split: Split, line: SerialFormat | NetworkLine
) -> Iterator[tuple[Frame | bytes, float, float]]:
    """What came, with the times of its first and after its last character, in seconds."""
    data, ends = _joined(pieces)
    for part in split(data, ends):
        piece = bisect_left(ends, part.end)
        # A piece is there when its last character has come.
        end_s = pieces[piece].time_us / MICROSECONDS - (ends[piece] - part.end) * line.character_s
        start_s = end_s - (part.end - part.start) * line.character_s
        yield part.frame or data[part.start : part.end], start_s, end_s


def _joined(pieces: Sequence[Piece]) -> tuple[bytes, list[int]]:
    """All bytes, and where each piece ends in them."""
    ends: list[int] = []
    length = 0
    for piece in pieces:
        length += len(piece.data)
        ends.append(length)
    return b"".join(piece.data for piece in pieces), ends
