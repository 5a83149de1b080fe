import math
import struct
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartmeter.models import Register
from smartmeter.models.register import COUNTS, FLOATS, SIGNED, bits, largest, smallest
from smartmeter.polling.decode import _any_shortest, decode, decode_float32, decode_scaled, shortest_float32
from smartmeter.simulator.contents import content_of


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


usual = st.floats(2.0**-14, 2.0**20, width=32) | st.floats(-(2.0**20), -(2.0**-14), width=32)
neat = st.decimals(-200_000, 200_000, allow_nan=False, places=4).map(
    lambda value: struct.unpack(">f", encode(value))[0]
)


@given(usual | neat | st.integers(-14, 20).map(lambda exponent: 2.0**exponent))
def test_the_short_way_for_usual_values_gives_what_the_long_way_gives(value):
    assert shortest_float32(value) == _any_shortest(value)


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_is_the_same_float32_and_the_shortest_such_decimal(value):
    decoded = decode_float32(encode(value))
    assert encode(decoded) == encode(value)
    shorter = [float(f"{value:.{n}g}") for n in range(1, 9)]
    same = [candidate for candidate in shorter if abs(candidate) <= 3.4028235e38 and encode(candidate) == encode(value)]
    if same:
        assert len(repr(decoded)) <= len(repr(same[0]))


def register(type_, order="big", scale="1", na=()):
    return Register("voltage_l1", 3, 0, "", COUNTS[type_], type_, order, Decimal(scale), frozenset(na))


# Type, order of the words, scale, what the registers hold, and the value.
CONTENTS = [
    ("float32", "big", "1", "4366199a", 230.1),
    ("float32", "little", "1", "199a4366", 230.1),
    ("float32", "big", "1000", "3f9e0419", 1234.5),
    ("float32", "big", "0.001", "4640e400", 12.345),
    ("float32", "big", "1", "7fc00000", None),
    ("float32", "little", "1000", "0000ff80", None),
    ("float64", "big", "0.001", "40c81c8000000000", 12.345),
    ("float64", "little", "1", "00000000000040c8", 12288.0),
    ("float64", "big", "1", "fff8000000000000", None),
    ("u16", "big", "0.1", "08fd", 230.1),
    ("u16", "little", "0.01", "1388", 50.0),
    ("u16", "big", "1", "ffff", 65535.0),
    ("s16", "big", "0.001", "fc18", -1.0),
    ("s16", "big", "10", "fffe", -20.0),
    ("u32", "big", "0.01", "0001e240", 1234.56),
    ("u32", "big", "1", "ffffffff", 4294967295.0),
    ("s32", "little", "0.1", "08fd0000", 230.1),
    ("s32", "little", "0.1", "fff6ffff", -1.0),
    ("s32", "big", "0.01", "ffffff9c", -1.0),
    ("u64", "big", "0.01", "00000000075bcd15", 1234567.89),
    ("u64", "little", "1", "cd15075b00000000", 123456789.0),
    ("u64", "big", "0.001", "ffffffffffffffff", 18446744073709551.615),
    ("s64", "big", "0.001", "ffffffffffffffff", -0.001),
    ("s32", "big", "-1", "00000005", -5.0),
]


@pytest.mark.parametrize(("type_", "order", "scale", "content", "value"), CONTENTS)
def test_what_registers_hold_becomes_the_value(type_, order, scale, content, value):
    assert decode(register(type_, order, scale), bytes.fromhex(content)) == value


@pytest.mark.parametrize("raw", [2301, 2299, 3, 7, 100001, 12345])
def test_scales_are_multiplied_as_decimals_are(raw):
    for scale in ("0.1", "0.01", "0.001"):
        value = decode(register("u32", scale=scale), raw.to_bytes(4, "big"))
        assert repr(value) == repr(float(f"{Decimal(raw) * Decimal(scale)}"))


@pytest.mark.parametrize("order", ["big", "little"])
@pytest.mark.parametrize("type_", sorted(COUNTS.keys() - FLOATS))
def test_markers_are_no_value_and_their_neighbours_are(type_, order):
    for marker, step in ((largest(type_), -1), (smallest(type_), 1)):
        one = register(type_, order, na=[marker])
        assert decode(one, contents(one, marker)) is None
        assert decode(one, contents(one, marker + step)) is not None


def contents(one, number):
    """The bytes of a register that hold an unsigned number."""
    words = struct.unpack(f">{one.count}H", number.to_bytes(2 * one.count, "big"))
    return struct.pack(f">{one.count}H", *(words if one.order == "big" else words[::-1]))


TYPES = st.sampled_from(sorted(COUNTS))
ORDERS = st.sampled_from(["big", "little"])
SCALES = st.sampled_from(["1", "10", "1000", "0.1", "0.01", "0.001", "0.0001", "-0.1"])


@given(st.data(), TYPES, ORDERS, SCALES)
def test_what_a_virtual_meter_shows_is_what_is_read(data, type_, order, scale):
    one = register(type_, order, scale)
    if type_ in FLOATS:
        raw = Decimal(data.draw(st.integers(-999_999, 999_999))) / 1000
    else:
        half = 1 << (bits(type_) - 1)
        least, most = (-half, half - 1) if type_ in SIGNED else (0, 2 * half - 1)
        # What a float holds exactly enough to come back as the same whole number.
        raw = Decimal(data.draw(st.integers(max(least, -(10**14)), min(most, 10**14))))
    value = float(raw * Decimal(scale))
    assert decode(one, content_of(one, value)) == value


def scaled(type_, scale="1", na=()):
    return replace(register(type_, scale=scale, na=na), scale_at=9)


@pytest.mark.parametrize(
    ("type_", "scale", "content", "exponent", "value"),
    [
        ("u16", "1", "08fd", -1, 230.1),
        ("u16", "1", "08fd", 0, 2301.0),
        ("s16", "-1", "fc18", 1, 10000.0),
        ("s16", "0.01", "270f", -2, 0.9999),
        ("u32", "0.001", "075bcd15", 3, 123456789.0),
        ("u16", "1", "ffff", -10, 0.0000065535),
        ("u16", "1", "0001", 10, 1e10),
    ],
)
def test_a_scale_factor_is_a_power_of_ten(type_, scale, content, exponent, value):
    decoded = decode_scaled(scaled(type_, scale), bytes.fromhex(content), struct.pack(">h", exponent))
    assert decoded == value
    assert isinstance(decoded, float)


@given(
    st.data(),
    st.sampled_from(["u16", "s16", "u32"]),
    st.integers(-10, 10),
    st.sampled_from(["1", "-1", "0.001", "0.01"]),
)
def test_scaling_gives_the_float_that_is_nearest_to_the_exact_value(data, type_, exponent, scale):
    half = 1 << (bits(type_) - 1)
    raw = data.draw(st.integers(*((-half, half - 1) if type_ in SIGNED else (0, 2 * half - 1))))
    content = raw.to_bytes(bits(type_) // 8, signed=type_ in SIGNED)
    exact = raw * Fraction(scale) * Fraction(10) ** exponent
    assert decode_scaled(scaled(type_, scale), content, struct.pack(">h", exponent)) == float(exact)


@pytest.mark.parametrize("scale_factor", [-0x8000, -11, 11, 0x7FFF])
def test_without_a_scale_factor_there_is_no_value(scale_factor):
    assert decode_scaled(scaled("s16"), b"\x01\x02", struct.pack(">h", scale_factor)) is None
    assert decode(scaled("s16"), b"\x01\x02") is None


def test_a_marker_is_no_value_whatever_the_scale_factor():
    assert decode_scaled(scaled("s16", na=[0x8000]), b"\x80\x00", b"\x00\x01") is None


def test_zero_has_no_sign():
    assert str(decode(register("s16", scale="-1"), b"\x00\x00")) == "0.0"
