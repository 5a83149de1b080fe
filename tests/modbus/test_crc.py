import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartmeter.modbus.crc import append_crc, crc16, has_valid_crc


def crc_by_definition(data):
    """The algorithm of the guide's section 6.2.2, bit by bit."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            carry = crc & 1
            crc >>= 1
            if carry:
                crc ^= 0xA001
    return crc


@pytest.mark.parametrize(
    ("data", "crc"),
    [
        # The check value of CRC-16/MODBUS in the catalogues of CRC algorithms.
        (b"123456789", 0x4B37),
        # The guide's own example, section 6.2.2: 02 07 is sent as 02 07 41 12.
        (b"\x02\x07", 0x1241),
        # A captured request to an SDM630: 01 04 00 00 00 50 F0 36 (registers 0 to 79).
        (b"\x01\x04\x00\x00\x00\x50", 0x36F0),
        (b"", 0xFFFF),
    ],
)
def test_published_values(data, crc):
    assert crc16(data) == crc


@given(st.binary(max_size=256))
def test_is_the_definition(data):
    assert crc16(data) == crc_by_definition(data)


@given(st.binary(min_size=1, max_size=254))
def test_an_appended_crc_is_valid(data):
    frame = append_crc(data)
    assert frame[:-2] == data
    assert has_valid_crc(frame)


@given(st.binary(min_size=1, max_size=254), st.data())
def test_every_single_and_double_bit_error_is_noticed(data, draw):
    frame = bytearray(append_crc(data))
    bits = draw.draw(st.sets(st.integers(0, 8 * len(frame) - 1), min_size=1, max_size=2))
    for bit in bits:
        frame[bit // 8] ^= 1 << bit % 8
    assert not has_valid_crc(bytes(frame))


@pytest.mark.parametrize("frame", [b"", b"\xff", b"\xff\xff"])
def test_a_crc_of_nothing_is_no_frame(frame):
    assert not has_valid_crc(frame)
