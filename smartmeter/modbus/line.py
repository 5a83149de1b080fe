"""The time that things take on a serial Modbus line.

Source: "MODBUS over serial line specification and implementation guide V1.02", sections 2.5.1 (frames, silence) and
2.5.2 (characters).
"""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Literal, Protocol

Parity = Literal["N", "E", "O"]

SILENCE_CHARACTERS = 3.5
# Above 19200 baud the guide fixes the silence (section 2.5.1.1).
FAST_LINE_BAUDRATE = 19200
FAST_LINE_SILENCE_S = 0.00175

# Unit, function, start, count, CRC.
REQUEST_BYTES = 8
# Unit, function, byte count, CRC around the data.
ANSWER_OVERHEAD_BYTES = 5
# Colon, unit, function, start, count, LRC, carriage return, line feed.
ASCII_REQUEST_CHARACTERS = 17
# Colon, unit, function, byte count, LRC, carriage return, line feed around the data.
ASCII_ANSWER_OVERHEAD_CHARACTERS = 11

# What a request over a network takes besides the meter's own time: both ways and both ends.
NETWORK_LATENCY_S = 0.002
# And two bytes more of its answer, at 10 Mbit/s.
NETWORK_REGISTER_S = 2e-6


class Line(Hashable, Protocol):
    """What carries requests to meters, as far as its time goes. Equal lines are equal and hash alike."""

    @property
    def character_s(self) -> float:
        """Seconds that one character takes."""

    @property
    def silence_s(self) -> float:
        """Seconds of silence that must precede a frame."""

    def exchange_s(self, count: int, turnaround_s: float) -> float:
        """Seconds that reading `count` registers takes; `turnaround_s` is the meter's own time."""


@dataclass(frozen=True, slots=True)
class NetworkLine:
    """A network: a request takes the same time however much it asks for, so that few and large ones win."""

    @property
    def character_s(self) -> float:
        """Seconds that one character takes: none that count."""
        return 0.0

    @property
    def silence_s(self) -> float:
        """Nothing has to be silent."""
        return 0.0

    def exchange_s(self, count: int, turnaround_s: float) -> float:
        """Seconds that reading `count` registers takes; `turnaround_s` is the meter's own time."""
        return NETWORK_LATENCY_S + turnaround_s + count * NETWORK_REGISTER_S

    def __str__(self) -> str:
        return "over the network"


@dataclass(frozen=True, slots=True)
class SerialFormat:
    """How characters look on a line: `baudrate` in bits per second, `bytesize` 7 or 8, `stopbits` 1 or 2."""

    baudrate: int
    bytesize: int = 8
    parity: Parity = "N"
    stopbits: int = 1

    @property
    def character_bits(self) -> int:
        """Bits that one character takes: start, data, parity if any, stop."""
        return 1 + self.bytesize + (self.parity != "N") + self.stopbits

    @property
    def character_s(self) -> float:
        """Seconds that one character takes."""
        return self.character_bits / self.baudrate

    @property
    def silence_s(self) -> float:
        """Seconds of silence that end a frame and must precede the next."""
        if self.baudrate > FAST_LINE_BAUDRATE:
            return FAST_LINE_SILENCE_S
        return SILENCE_CHARACTERS * self.character_s

    def exchange_s(self, count: int, turnaround_s: float) -> float:
        """Seconds that reading `count` registers takes.

        From the first character of the request to the end of the silence after the answer; `turnaround_s` is the
        meter's time between the two.
        """
        characters = REQUEST_BYTES + ANSWER_OVERHEAD_BYTES + 2 * count
        return characters * self.character_s + turnaround_s + 2 * self.silence_s

    def __str__(self) -> str:
        return f"{self.baudrate} {self.bytesize}{self.parity}{self.stopbits}"


@dataclass(frozen=True, slots=True)
class AsciiFormat(SerialFormat):
    """How characters look on a line with Modbus ASCII, which takes two for every byte (section 2.5.2)."""

    def exchange_s(self, count: int, turnaround_s: float) -> float:
        """Seconds that reading `count` registers takes, as for RTU."""
        characters = ASCII_REQUEST_CHARACTERS + ASCII_ANSWER_OVERHEAD_CHARACTERS + 4 * count
        return characters * self.character_s + turnaround_s + 2 * self.silence_s
