"""What a recording is: pieces of bytes with their time, and what line they went over."""

from dataclasses import dataclass
from typing import Literal

from smartmeter.modbus.line import SerialFormat
from smartmeter.modbus.trace import Direction

# The kinds of ports, as `smartmeter.modbus.ports` writes them; "rtu" and "ascii" are serial lines.
Kind = Literal["rtu", "ascii", "tcp", "rtu+tcp", "rtu+udp"]
MICROSECONDS = 1_000_000


@dataclass(frozen=True, slots=True)
class MeterAsked:
    """A meter that was asked on purpose; `model` is None where nobody knew."""

    address: int
    model: str | None


@dataclass(frozen=True, slots=True)
class Header:
    """What is known of a recording besides its bytes.

    `serial` is how the line was set (None: a network), `program` the version that recorded it, `began` the UTC time in
    ISO 8601.
    """

    kind: Kind
    serial: SerialFormat | None = None
    meters: tuple[MeterAsked, ...] = ()
    program: str = ""
    began: str = ""


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes that were handed over at once, `time_us` after the beginning."""

    time_us: int
    direction: Direction
    data: bytes


@dataclass(frozen=True, slots=True)
class Recording:
    """A recorded line."""

    header: Header
    pieces: tuple[Piece, ...]
