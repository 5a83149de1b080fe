"""What has become of damaged frames: a few flipped bits, or nothing that is left of an answer."""

from itertools import combinations

from smartmeter.modbus.crc import crc16
from smartmeter.modbus.frames import HEADER_BYTES, ReadRequest, answer_length

# Longer frames have too many pairs of bits to try, and one pair in 65,536 fits by chance.
LONGEST_REPAIRED = 13
MOST_BITS = 2


def wrong_bits(request: ReadRequest, received: bytes) -> int | None:
    """How many bits, one or two, must be flipped for `received` to be an answer to `request`; None if more, or unknown.

    Only short answers are tried: those with at most 4 registers.
    """
    if len(received) != answer_length(request) or len(received) > LONGEST_REPAIRED:
        return None
    header = bytes((request.unit, request.function, 2 * request.count))
    # A CRC is linear: what flipping a bit does to it does not depend on the other bits.
    whole = crc16(received)
    effects = _effects(len(received))
    for bits in range(1, MOST_BITS + 1):
        for flipped in combinations(range(8 * len(received)), bits):
            left = whole
            for bit in flipped:
                left ^= effects[bit]
            if left == 0 and _flip(received, flipped)[:HEADER_BYTES] == header:
                return bits
    return None


def _effects(size: int) -> list[int]:
    """What flipping each bit of a frame does to its CRC."""
    nothing = crc16(bytes(size))
    return [crc16(_flip(bytes(size), (bit,))) ^ nothing for bit in range(8 * size)]


def _flip(frame: bytes, bits: tuple[int, ...]) -> bytes:
    flipped = bytearray(frame)
    for bit in bits:
        flipped[bit // 8] ^= 1 << bit % 8
    return bytes(flipped)
