"""Neighbouring requests of one meter that differ in length, so that a late answer fits no other request.

Answers on a serial line carry no register address: unit, function and length are all that tells them apart. Where the
fastest plan asks twice in a row for equally many registers, its blocks are asked for in another order; if that is not
enough, another division is taken, or a value or a gap beside a block is read as well, if that costs a few characters at
most. A gateway is no better off on the line behind it, so that this holds for every kind of line.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import NamedTuple

from smartmeter.modbus.line import Line
from smartmeter.models import Register
from smartmeter.polling.plan import Block, BlockRules, is_barred

# What it is worth that two neighbours differ: the time of so many registers.
WORTH_REGISTERS = 3
_NANOSECONDS = 1_000_000_000


class _Piece(NamedTuple):
    """A possible block: for the registers from number `start` to before `end`, by these addresses."""

    start: int
    end: int
    address: int
    length: int


class _Way(NamedTuple):
    """What it costs to read everything from a piece on, in ns and in blocks, and how it goes on."""

    cost_ns: int
    blocks: int
    piece: _Piece
    rest: "_Way | None"


def alike_neighbours(blocks: Sequence[Block]) -> int:
    """How many blocks ask for as much as the next one by the same function; the first one comes after the last."""
    if len(blocks) <= 1:
        return 0
    followers = (*blocks[1:], *blocks[:1])
    return sum(_shape(block) == _shape(follower) for block, follower in zip(blocks, followers, strict=True))


def tell_apart(
    blocks: Sequence[Block], beside: Iterable[Register], line: Line, turnaround_s: float, rules: BlockRules
) -> tuple[Block, ...]:
    """Blocks for the same registers, of which as few neighbours are alike as it is worth.

    `blocks` is the fastest plan; it is kept if no neighbours are alike. `beside` are the registers that may be read as
    well, with the gaps between them, as far as the rules allow it.
    """
    if not alike_neighbours(blocks):
        return tuple(blocks)
    rearranged = _rearranged(blocks)
    if not alike_neighbours(rearranged):
        return rearranged
    beside = tuple(beside)
    functions = list(dict.fromkeys(block.function for block in blocks))
    apart: list[Block] = []
    for function in functions:
        wanted = [register for block in blocks if block.function == function for register in block.registers]
        readable = [register for register in beside if register.function == function]
        search = _Search(_pieces(wanted, readable, rules), line, turnaround_s)
        way = search.best_circle() if len(functions) == 1 else search.best()
        apart += _blocks_of(way, wanted)
    return min(rearranged, tuple(apart), _rearranged(apart), key=alike_neighbours)


def _rearranged(blocks: Sequence[Block]) -> tuple[Block, ...]:
    """The blocks in an order in which as few neighbours as possible are alike."""
    often = Counter(map(_shape, blocks))
    in_order = sorted(blocks, key=lambda block: (-often[_shape(block)], _shape(block), block.address))
    # The most frequent ones on every second place, and so on with the others; what is left goes in between.
    places = (*range(0, len(blocks), 2), *range(1, len(blocks), 2))
    arranged = [block for _, block in sorted(zip(places, in_order, strict=True), key=lambda placed: placed[0])]
    # It goes round, so that it may begin anywhere.
    first = min(range(len(arranged)), key=lambda place: (arranged[place].function, arranged[place].address))
    return (*arranged[first:], *arranged[:first])


def _shape(block: Block) -> tuple[int, int]:
    return block.function, block.count


class _Search:
    """The best way through the pieces, by dynamic programming from the last register on."""

    def __init__(self, pieces: Sequence[Sequence[_Piece]], line: Line, turnaround_s: float) -> None:
        self._pieces = pieces
        counts = {piece.length for of_start in pieces for piece in of_start}
        self._cost_ns = {count: round(line.exchange_s(count, turnaround_s) * _NANOSECONDS) for count in counts}
        self._alike_ns = round((line.exchange_s(WORTH_REGISTERS, 0.0) - line.exchange_s(0, 0.0)) * _NANOSECONDS)

    def best(self) -> _Way:
        """The best way, whatever is read before and afterwards."""
        return min(self._ways(0)[0], key=_cost)

    def best_circle(self) -> _Way:
        """The best way if the first piece comes again after the last one."""
        open_ways = self._ways(0)
        best: _Way | None = None
        for way in sorted((self._joined(first, open_ways[first.end]) for first in self._pieces[0]), key=_cost):
            # A way with an end that must differ from its beginning is never better than the same one without.
            if best is not None and _cost(way) >= _cost(best):
                break
            first = way.piece
            circle = way if way.rest is None else self._joined(first, self._ways(first.length)[first.end])
            if best is None or _cost(circle) < _cost(best):
                best = circle
        assert best is not None  # noqa: S101 - each register can be read alone
        return best

    def _ways(self, last_unlike: int) -> list[list[_Way]]:
        """From each register the best way, and the best that begins with another length than that one.

        A last piece of `last_unlike` registers has an alike neighbour.
        """
        ways: list[list[_Way]] = [[] for _ in range(len(self._pieces) + 1)]
        for start in range(len(self._pieces) - 1, -1, -1):
            best: dict[int, _Way] = {}
            for piece in self._pieces[start]:
                way = self._joined(piece, ways[piece.end], last_unlike)
                known = best.get(piece.length)
                if known is None or _cost(way) < _cost(known):
                    best[piece.length] = way
            ways[start] = sorted(best.values(), key=_cost)[:2]
        return ways

    def _joined(self, piece: _Piece, rests: Iterable[_Way], last_unlike: int = 0) -> _Way:
        own_ns, count = self._cost_ns[piece.length], piece.length
        joined = [
            _Way(
                own_ns + rest.cost_ns + (self._alike_ns if rest.piece.length == count else 0),
                rest.blocks + 1,
                piece,
                rest,
            )
            for rest in rests
        ]
        if not joined:
            return _Way(own_ns + (self._alike_ns if count == last_unlike else 0), 1, piece, None)
        return min(joined, key=_cost)


def _pieces(wanted: Sequence[Register], readable: Sequence[Register], rules: BlockRules) -> Sequence[Sequence[_Piece]]:
    """The possible blocks that begin with each register: as they are, and a little longer where that may be."""
    grain = math.gcd(*(register.count for register in readable))

    @cache
    def may_read(start: int, end: int) -> bool:
        return _may_read(readable, rules, start, end)

    def from_register(start: int) -> Iterator[_Piece]:
        read_from, read_to = wanted[start].read_from, 0
        for last in range(start, len(wanted)):
            read_to = max(read_to, wanted[last].read_to)
            length = read_to - read_from
            if last > start and (
                length > rules.registers_per_request or is_barred(wanted[last - 1], wanted[last], rules)
            ):
                return
            yield _Piece(start, last + 1, read_from, length)
            if length + grain > rules.registers_per_request:
                continue
            if may_read(read_to, read_to + grain):
                yield _Piece(start, last + 1, read_from, length + grain)
            elif may_read(read_from - grain, read_from):
                yield _Piece(start, last + 1, read_from - grain, length + grain)

    return [[*from_register(start)] for start in range(len(wanted))]


def _may_read(readable: Sequence[Register], rules: BlockRules, start: int, end: int) -> bool:
    """Whether the addresses lie within the meter's map, cut no value, and touch nothing that it refuses."""
    if not readable or start < min(register.address for register in readable):
        return False
    if end > max(register.end for register in readable):
        return False
    function = readable[0].function
    barred = any(gap.function == function and gap.start < end and start < gap.end for gap in rules.barriers)
    touched = (register for register in readable if register.address < end and start < register.end)
    return not barred and all(start <= register.address and register.end <= end for register in touched)


def _blocks_of(way: _Way | None, wanted: Sequence[Register]) -> Iterator[Block]:
    while way is not None:
        start, end, address, count = way.piece
        yield Block(wanted[start].function, address, count, tuple(wanted[start:end]))
        way = way.rest


def _cost(way: _Way) -> tuple[int, int]:
    return way.cost_ns, way.blocks
