"""Registers: where and how a model keeps a measurand."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Literal

Function = Literal[3, 4]
ValueType = Literal["float32", "float64", "u16", "s16", "u32", "s32", "u64", "s64"]
WordOrder = Literal["big", "little"]

# Registers of 16 bits that a value takes.
COUNTS: Mapping[ValueType, int] = MappingProxyType(
    {"float32": 2, "float64": 4, "u16": 1, "s16": 1, "u32": 2, "s32": 2, "u64": 4, "s64": 4}
)
FLOATS: frozenset[ValueType] = frozenset({"float32", "float64"})
SIGNED: frozenset[ValueType] = frozenset({"s16", "s32", "s64"})
REGISTER_BITS = 16
ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class Register:
    """Where a model keeps a measurand, and how: a value of `type` in `count` registers of 16 bits.

    `function` is the Modbus function code that reads it (3 holding, 4 input registers), `address` the one on the wire
    (0 to 65535), `source` the keys of the model's sources that vouch for it. `order` "big" means that the first
    register holds the high word, "little" the low one; within a word the high byte is always first. What is there
    times `scale` is the value in the measurand's unit. `na` are the contents, as unsigned numbers, that mean "no
    value". Where `scale_at` is the address of another register, the value is multiplied by ten to the power of what is
    there, and both must be read in one request.
    """

    measurand: str
    function: Function
    address: int
    source: str
    count: int = COUNTS["float32"]
    type: ValueType = "float32"
    order: WordOrder = "big"
    scale: Decimal = ONE
    na: frozenset[int] = frozenset()
    scale_at: int | None = None

    @property
    def is_plain_float32(self) -> bool:
        """Whether it is a float32 with the high word first, as it stands: most are, and most quickly read."""
        return (
            self.type == "float32"
            and self.order == "big"
            and self.scale == ONE
            and not self.na
            and self.scale_at is None
        )

    @property
    def end(self) -> int:
        """The address after its last one."""
        return self.address + self.count

    @property
    def read_from(self) -> int:
        """The first address that must be read for its sake."""
        return self.address if self.scale_at is None else min(self.address, self.scale_at)

    @property
    def read_to(self) -> int:
        """The address after the last one that must be read for its sake."""
        return self.end if self.scale_at is None else max(self.end, self.scale_at + 1)


def bits(type_: ValueType) -> int:
    """How many bits a value of the type has."""
    return REGISTER_BITS * COUNTS[type_]


def largest(type_: ValueType) -> int:
    """The content, as an unsigned number, that is the largest value of an integer type."""
    return (1 << (bits(type_) - (type_ in SIGNED))) - 1


def smallest(type_: ValueType) -> int:
    """The content, as an unsigned number, that is the smallest value of an integer type."""
    return 1 << (bits(type_) - 1) if type_ in SIGNED else 0
