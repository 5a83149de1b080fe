"""Finds the frames in bytes as a line delivered them: by their lengths and checksums, whatever lies between them.

Sources: "MODBUS application protocol specification V1.1b3", section 6 (what follows which function), and "MODBUS over
serial line specification and implementation guide V1.02", sections 2.5.1 and 2.5.2 (frames).
"""

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from smartmeter.modbus import ascii_frames, mbap
from smartmeter.modbus.crc import CRC_BYTES, has_valid_crc

EXCEPTION_FLAG = 0x80
# Unit, function, code, CRC.
EXCEPTION_BYTES = 5
# Of requests to read, and of whatever sets one thing or is sent back: unit, function, two words, CRC.
SHORT_BYTES = 8
# Unit, function, byte count, CRC around the data of an answer; unit, function, two words, byte count, CRC of a request.
ANSWER_BYTES, LONG_REQUEST_BYTES = 5, 9
SHORTEST_BYTES, LONGEST_BYTES = 4, 256

READING = range(1, 5)
SETTING_ONE = (5, 6, 8)
SETTING_SEVERAL = (15, 16)


@dataclass(frozen=True, slots=True)
class Frame:
    """What a frame carries, whatever line it comes over: `pdu` is the function and what follows it."""

    unit: int
    pdu: bytes


@dataclass(frozen=True, slots=True)
class Part:
    """The bytes from `start` to `end`: a frame, or None where there is none."""

    start: int
    end: int
    frame: Frame | None


def rtu_parts(data: bytes, bounds: Collection[int] = ()) -> Iterator[Part]:
    """The parts of what came with RTU frames, one after the other.

    A frame of a function that is not known here ends at one of the `bounds`, where a piece of the bytes ended.
    """
    begin = position = 0
    ends = sorted({*bounds, len(data)})
    while position < len(data):
        end = _rtu_end(data, position, ends)
        if end is None:
            position += 1
            continue
        if begin < position:
            yield Part(begin, position, None)
        yield Part(position, end, Frame(data[position], data[position + 1 : end - CRC_BYTES]))
        begin = position = end
    if begin < len(data):
        yield Part(begin, len(data), None)


def ascii_parts(data: bytes, bounds: Collection[int] = ()) -> Iterator[Part]:  # noqa: ARG001 - its frames are marked
    """The parts of what came with ASCII frames."""
    begin = 0
    while (end := data.find(ascii_frames.END, begin)) >= 0:
        end += len(ascii_frames.END)
        start = data.rfind(ascii_frames.START, begin, end)
        content = ascii_frames.open_frame(data[start:end]) if start >= 0 else None
        if content is None or len(content) <= 1:
            yield Part(begin, end, None)
        else:
            if begin < start:
                yield Part(begin, start, None)
            yield Part(start, end, Frame(content[0], content[1:]))
        begin = end
    if begin < len(data):
        yield Part(begin, len(data), None)


@dataclass(frozen=True, slots=True)
class TcpPart:
    """A Modbus TCP frame that ends at `end`, with its transaction."""

    end: int
    transaction: int
    frame: Frame


def tcp_parts(data: bytes) -> Iterator[TcpPart]:
    """The frames of Modbus TCP in what came over a connection, until something else comes."""
    position = 0
    while True:
        try:
            found = mbap.next_frame(data[position : position + mbap.PREFIX_BYTES + mbap.LONGEST])
        except mbap.NoModbusError:
            return
        if found is None:
            return
        transaction, body = found
        position += mbap.PREFIX_BYTES + len(body)
        yield TcpPart(position, transaction, Frame(body[0], body[1:]))


def _rtu_end(data: bytes, start: int, ends: list[int]) -> int | None:
    """Where the frame ends that begins at `start`; None if none does."""
    for length in _rtu_lengths(data, start, ends):
        if has_valid_crc(data[start : start + length]) and start + length <= len(data):
            return start + length
    return None


def _rtu_lengths(data: bytes, start: int, ends: list[int]) -> Iterator[int]:
    """How long a frame that begins at `start` can be, the shortest first: zeros after a frame leave its CRC valid."""
    if len(data) - start < SHORTEST_BYTES:
        return
    function = data[start + 1]
    if function & EXCEPTION_FLAG:
        yield EXCEPTION_BYTES
    elif function in READING:
        yield from sorted((SHORT_BYTES, ANSWER_BYTES + data[start + 2]))
    elif function in SETTING_ONE:
        yield SHORT_BYTES
    elif function in SETTING_SEVERAL:
        yield SHORT_BYTES
        if start + 6 < len(data):
            yield LONG_REQUEST_BYTES + data[start + 6]
    elif start == 0 or ends[bisect_left(ends, start)] == start:
        shortest, longest = bisect_left(ends, start + SHORTEST_BYTES), bisect_right(ends, start + LONGEST_BYTES)
        yield from (end - start for end in ends[shortest:longest])
