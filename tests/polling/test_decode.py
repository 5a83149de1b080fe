import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartmeter.polling.decode import decode_float32


def encode(value):
    return struct.pack(">f", value)


@pytest.mark.parametrize("value", [230.1, 0.0, -0.0, 49.98, 5000.0, 0.1, 1e-40, 3.4028234663852886e38, 16777216.0])
def test_gives_the_decimal_that_people_would_write(value):
    decoded = decode_float32(encode(value))
    assert encode(decoded) == encode(value)
    assert len(repr(decoded)) <= len(repr(struct.unpack(">f", encode(value))[0]))


def test_230_1_volts_stay_230_1():
    assert decode_float32(bytes.fromhex("4366199a")) == 230.1


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_no_value(value):
    assert decode_float32(encode(value)) is None


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_is_the_same_float32_and_the_shortest_such_decimal(value):
    decoded = decode_float32(encode(value))
    assert encode(decoded) == encode(value)
    shorter = [float(f"{value:.{n}g}") for n in range(1, 9)]
    same = [candidate for candidate in shorter if abs(candidate) <= 3.4028235e38 and encode(candidate) == encode(value)]
    if same:
        assert len(repr(decoded)) <= len(repr(same[0]))
