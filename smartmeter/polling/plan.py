"""Which blocks fetch a set of registers in the least line time."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from struct import Struct

from smartmeter.modbus.line import Line
from smartmeter.models import Register

REGISTER_BYTES = 2
_NANOSECONDS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Gap:
    """A run of addresses between two registers of a function, from `start` up to but not including `end`."""

    function: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Block:
    """One request: `count` registers from `address` by `function`, for the sake of `registers`.

    It may begin before the first of them and end behind the last one.
    """

    function: int
    address: int
    count: int
    registers: tuple[Register, ...]
    # What follows from the registers, worked out once for all the times that the block is read.
    measurands: tuple[str, ...] = field(init=False, compare=False, repr=False)
    # None if they are not all float32s as they stand.
    floats: Struct | None = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "measurands", tuple(register.measurand for register in self.registers))
        is_plain = all(register.is_plain_float32 for register in self.registers)
        object.__setattr__(self, "floats", Struct(_layout(self)) if is_plain else None)

    @property
    def is_padded(self) -> bool:
        """Whether it asks for more than what lies from its first register to its last one."""
        return self.count > _span(self.registers)

    def crosses(self, gap: Gap) -> bool:
        """Whether the block reads the whole of the gap."""
        within = self.address <= gap.start and gap.end <= self.address + self.count
        return within and gap.function == self.function


def _layout(block: Block) -> str:
    """How the registers lie in the bytes of the answer, as `struct` has it: float32s and what is passed over."""
    layout, position = ">", block.address
    for register in block.registers:
        layout += f"{REGISTER_BYTES * (register.address - position)}xf"
        position = register.address + register.count
    return layout + f"{REGISTER_BYTES * (block.address + block.count - position)}x"


@dataclass(frozen=True, slots=True)
class BlockRules:
    """What a meter takes in one request: so many registers, and across none of the `barriers`."""

    registers_per_request: int
    barriers: frozenset[Gap] = frozenset()


def plan_blocks(registers: Iterable[Register], line: Line, turnaround_s: float, rules: BlockRules) -> tuple[Block, ...]:
    """The blocks that fetch `registers` in the least line time; among equally fast plans one with the fewest blocks.

    Optimal by dynamic programming over the registers in order of address: blocks that overlap or interleave never pay,
    because the time of a block grows with its span.
    """
    by_function: dict[int, list[Register]] = {}
    for register in sorted(registers, key=lambda register: register.read_from):
        by_function.setdefault(register.function, []).append(register)
    return tuple(
        block
        for function in sorted(by_function)
        for block in _plan_function(by_function[function], line, turnaround_s, rules)
    )


def line_time_s(blocks: Iterable[Block], line: Line, turnaround_s: float) -> float:
    """Seconds that the blocks take on the line, silence included."""
    return sum(line.exchange_s(block.count, turnaround_s) for block in blocks)


def gaps_between(registers: Iterable[Register]) -> frozenset[Gap]:
    """The runs of addresses between the registers of one function that belong to none of them."""
    in_order = sorted(registers, key=lambda register: (register.function, register.read_from))
    return frozenset(
        Gap(left.function, left.read_to, right.read_from)
        for left, right in itertools.pairwise(in_order)
        if left.function == right.function and left.read_to < right.read_from
    )


def _plan_function(
    registers: Sequence[Register], line: Line, turnaround_s: float, rules: BlockRules
) -> Sequence[Block]:
    # best[j]: time in ns, number of blocks and where the last one begins, for the first j registers.
    best: list[tuple[int, int, int]] = [(0, 0, 0)]
    for end in range(1, len(registers) + 1):
        choices = [
            (best[start][0] + _block_ns(span, line, turnaround_s), best[start][1] + 1, start)
            for start, span in _possible_starts(registers, end, rules)
        ]
        best.append(min(choices))
    blocks: list[Block] = []
    end = len(registers)
    while end:
        start = best[end][2]
        blocks.append(_block(registers[start:end]))
        end = start
    return blocks[::-1]


def _possible_starts(registers: Sequence[Register], end: int, rules: BlockRules) -> Iterable[tuple[int, int]]:
    """Where the block that ends before `end` may begin, and how long it then is; one alone is always possible."""
    read_to = 0
    for start in range(end - 1, -1, -1):
        read_to = max(read_to, registers[start].read_to)
        span = read_to - registers[start].read_from
        if start < end - 1 and (
            span > rules.registers_per_request or is_barred(registers[start], registers[start + 1], rules)
        ):
            return
        yield start, span


def is_barred(left: Register, right: Register, rules: BlockRules) -> bool:
    """Whether no block may hold both registers, neighbours in order of address."""
    return any(
        barrier.function == left.function and left.read_to <= barrier.start and barrier.end <= right.read_from
        for barrier in rules.barriers
    )


def _block(registers: Sequence[Register]) -> Block:
    first = registers[0]
    return Block(first.function, first.read_from, _span(registers), tuple(registers))


def _span(registers: Sequence[Register]) -> int:
    return max(register.read_to for register in registers) - registers[0].read_from


def _block_ns(span: int, line: Line, turnaround_s: float) -> int:
    # Whole nanoseconds, so that equal times are equal and the number of blocks decides.
    return round(line.exchange_s(span, turnaround_s) * _NANOSECONDS)
