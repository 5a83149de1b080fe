import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartmeter.transfer.numbers import number, number_with_comma


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_what_python_writes_is_read_exactly(value):
    assert number(repr(value)) == value


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_with_a_decimal_comma_as_well(value):
    text = repr(value).replace(".", ",")
    assert number(text) == value
    assert number_with_comma(text) == value


@pytest.mark.parametrize("text", ["", " ", "NULL", "null", r"\N", "NaN", "nan", "None"])
def test_these_are_no_value(text):
    assert math.isnan(number(text))
    assert math.isnan(number_with_comma(text))


def test_a_german_spreadsheet_groups_thousands_by_dots():
    assert number_with_comma("1.234.567,5") == 1234567.5


@pytest.mark.parametrize("text", ["abc", "1,2,3", "12,5 V", "#WERT!", "1.2.3", "1,234.5"])
def test_anything_else_is_named(text):
    with pytest.raises(ValueError, match="is no number") as raised:
        number(text)
    assert repr(text) in str(raised.value)


def test_a_dot_alone_may_mean_thousands_where_others_have_a_comma():
    with pytest.raises(ValueError, match="decimal comma"):
        number_with_comma("1.234")
