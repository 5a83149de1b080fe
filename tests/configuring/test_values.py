"""What owners write for a parameter, and what its registers hold."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartmeter.configuring.errors import SetError
from smartmeter.configuring.values import content_with, parse_value, shown, value_in
from smartmeter.models import load_model, model_names

PARAMETERS = [
    (model, name, value)
    for model in model_names()
    for name, parameter in load_model(model).setup.parameters.items()
    for value in (parameter.values or map(str, range(parameter.least, parameter.most + 1)))
]


def parameter(model, name):
    return load_model(model).setup.parameters[name]


@given(st.sampled_from(PARAMETERS), st.binary(min_size=4, max_size=4))
def test_whatever_is_written_is_shown_again(case, present):
    model, name, value = case
    what = parameter(model, name)
    content = content_with(what, parse_value(what, value), present)
    assert len(content) == 2 * what.count
    assert shown(what, content) == f"{value} {what.unit}".rstrip()


@pytest.mark.parametrize(
    ("model", "name", "text", "number"),
    [
        ("SDM630", "baudrate", "9600", 2),
        ("SDM630", "baudrate", "9600.0", 2),
        ("SDM630", "parity", "e", 1),
        ("SDM630", "parity", "n2", 3),
        ("SDM630", "pulse_constant", "1e-1", 2),
        ("SDM630", "system_type", "3p4w", 3),
        ("SDM630", "address", "247", 247),
        ("SDM230", "pulse_constant", ".001", 0),
        ("SDM72DMV2", "pulse_constant", "1000", 0),
        ("SDM72DM", "resettable_energy", "reset", 3),
    ],
)
def test_what_is_meant(model, name, text, number):
    assert parse_value(parameter(model, name), text) == number


@pytest.mark.parametrize(
    ("model", "name", "text", "allowed"),
    [
        # Never the code in place of the value.
        ("SDM630", "baudrate", "2", "2400, 4800, 9600, 19200, 38400"),
        ("SDM530", "baudrate", "19200", "2400, 4800, 9600"),
        ("SDM230", "baudrate", "19200", "2400, 4800, 9600"),
        ("SDM72DM", "baudrate", "19200", "1200, 2400, 4800, 9600"),
        ("SDM630", "parity", "M", "N, E, O, N2"),
        ("SDM630", "address", "0", "1 to 247"),
        ("SDM630", "address", "248", "1 to 247"),
        ("SDM630", "address", "1.5", "1 to 247"),
        ("SDM630", "address", "nan", "1 to 247"),
        ("SDM630", "address", "", "1 to 247"),
        ("SDM630", "demand_period", "16", "0, 5, 8, 10, 15, 20, 30, 60 min"),
        ("SDM72DMV2", "system_type", "3P3W", "1P2W, 3P4W"),
    ],
)
def test_what_is_in_no_list_is_refused_with_the_list(model, name, text, allowed):
    with pytest.raises(SetError, match=f"{name} cannot be .*; it can be {allowed}$"):
        parse_value(parameter(model, name), text)


def test_the_other_bytes_stay():
    slide = parameter("SDM230", "slide_time")
    assert content_with(slide, 12, bytes.fromhex("15010060")) == bytes.fromhex("15120060")


def test_what_is_in_no_list_is_shown_as_it_is():
    assert shown(parameter("SDM630", "baudrate"), bytes.fromhex("40A00000")) == "5, which is in no list"
    assert math.isnan(value_in(parameter("SDM230", "demand_period"), bytes.fromhex("1A000000")))
