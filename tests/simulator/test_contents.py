"""What registers hold of a value, against bytes that were worked out by hand."""

from decimal import Decimal

import pytest

from smartmeter.models import Register
from smartmeter.models.register import COUNTS
from smartmeter.simulator.contents import content_of, shown_by


def register(type_, order, scale):
    return Register("voltage_l1", 3, 0, "", COUNTS[type_], type_, order, Decimal(scale))


@pytest.mark.parametrize(
    ("type_", "order", "scale", "value", "content", "shown"),
    [
        ("float32", "big", "1", 230.1, "4366199a", 230.10000610351562),
        ("float32", "little", "1", 230.1, "199a4366", 230.10000610351562),
        ("float32", "big", "0.1", 230.0, "450fc000", 230.0),
        ("float64", "big", "0.001", 12.345, "40c81c8000000000", 12.345),
        ("u16", "big", "0.1", 230.14, "08fd", 230.1),
        ("u16", "big", "1", -5.0, "0000", 0.0),
        ("u16", "big", "0.001", 230.0, "ffff", 65.535),
        ("s16", "big", "0.001", -1.0, "fc18", -1.0),
        ("s16", "big", "10", -99999999.0, "8000", -327680.0),
        ("u32", "big", "0.01", 1234.56, "0001e240", 1234.56),
        ("s32", "little", "0.1", 230.1, "08fd0000", 230.1),
        ("s32", "little", "0.1", -1.0, "fff6ffff", -1.0),
        ("u64", "big", "0.01", 1234567.89, "00000000075bcd15", 1234567.89),
        ("s64", "little", "1", -2.0, "fffeffffffffffff", -2.0),
    ],
)
def test_a_value_becomes_bytes_and_what_is_left_of_it_a_number(type_, order, scale, value, content, shown):
    one = register(type_, order, scale)
    assert content_of(one, value).hex() == content
    assert shown_by(one, bytes.fromhex(content)) == shown
