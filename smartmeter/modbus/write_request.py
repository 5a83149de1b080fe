"""Requests to write registers.

Source: "MODBUS application protocol specification V1.1b3", section 6.12: function 16; the answer repeats address and
count. Function 06 is not known to every meter, and so is never used.
"""

import struct
from dataclasses import dataclass

WRITE_REGISTERS = 16
# Writing one coil, one register, several coils, several registers: their answers all have unit, function and two words.
WRITE_FUNCTIONS = frozenset({5, 6, 15, WRITE_REGISTERS})
WRITE_ANSWER_BYTES = 6
# Section 6.12.
MOST_WRITTEN_BYTES = 2 * 123

_REQUEST = struct.Struct(">BBHHB")
_ANSWER = struct.Struct(">BBHH")


@dataclass(frozen=True, slots=True)
class WriteRequest:
    """A request to write `data`, 2 bytes for each of up to 123 registers, from `address` (0 to 65535) on.

    `unit` is 1 to 247: never 0, which would be all. `also_answers_as` are units that the answer may carry besides.
    """

    unit: int
    address: int
    data: bytes
    also_answers_as: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not self.unit or not self.data or len(self.data) % 2 or len(self.data) > MOST_WRITTEN_BYTES:
            raise ValueError(f"{self} cannot be written")

    @property
    def function(self) -> int:
        """16."""
        return WRITE_REGISTERS

    @property
    def count(self) -> int:
        """How many registers are written."""
        return len(self.data) // 2

    @property
    def shape(self) -> tuple[int, int, int]:
        """What another write's answer could have in common with its answer."""
        return self.unit, self.function, self.count

    @property
    def content(self) -> bytes:
        """What every frame of it carries, from unit to data."""
        return _REQUEST.pack(self.unit, self.function, self.address, self.count, len(self.data)) + self.data

    @property
    def answering_units(self) -> tuple[int, ...]:
        """The units that the answer may carry."""
        return self.unit, *self.also_answers_as

    @property
    def answer_beginnings(self) -> tuple[bytes, ...]:
        """What an answer is: unit, function, address, count."""
        return tuple(_ANSWER.pack(unit, self.function, self.address, self.count) for unit in self.answering_units)

    @property
    def answer_length(self) -> int:
        """How many bytes an answer carries, if it is no exception."""
        return WRITE_ANSWER_BYTES

    def __str__(self) -> str:
        return f"unit {self.unit}, function {self.function}, registers {self.address}+{self.count}"
