from hypothesis import given
from hypothesis import strategies as st

from smartmeter.doctor.damage import wrong_bits
from smartmeter.modbus.crc import append_crc
from smartmeter.modbus.frames import ReadRequest, answer_length

REQUEST = ReadRequest(1, 4, 0, 2)
FRAME_BITS = 8 * answer_length(REQUEST)


def flipped(frame, bits):
    damaged = bytearray(frame)
    for bit in bits:
        damaged[bit // 8] ^= 1 << bit % 8
    return bytes(damaged)


@given(st.binary(min_size=4, max_size=4), st.sets(st.integers(0, FRAME_BITS - 1), min_size=1, max_size=2))
def test_one_and_two_wrong_bits_are_found(data, bits):
    frame = append_crc(bytes((1, 4, 4)) + data)
    assert wrong_bits(REQUEST, flipped(frame, bits)) == len(bits)


@given(st.binary(min_size=2, max_size=2))
def test_answers_laid_over_one_another_are_beyond_that(last):
    one, other = (append_crc(bytes((1, 4, 4, 0x43, 0x66)) + data) for data in (last, b"\x12\x34"))
    both = bytes(left & (right << 4 | right >> 4) & 0xFF for left, right in zip(one, other, strict=True))
    assert wrong_bits(REQUEST, both) is None


def test_another_length_and_long_answers_are_not_tried():
    assert wrong_bits(REQUEST, bytes(8)) is None
    assert wrong_bits(ReadRequest(1, 4, 0, 5), bytes(15)) is None
