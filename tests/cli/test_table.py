"""The table of the running values: every value is in it once, in the right place, whatever the meter is called."""

import io
import re
from collections import Counter

import pytest
from rich.console import Console

from smartmeter.cli.table import values_table
from smartmeter.live import LatestValue
from smartmeter.measurands import measurands
from smartmeter.models import load_model, model_names

NOW_US = 1_782_000_000_000_000
SECOND_US = 1_000_000


def shown(latest, language="en", width=100):
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(values_table(latest, language, NOW_US, width))
    return console.file.getvalue().splitlines()


def values_of(model, age_s=1):
    """A value for each measurand, no two alike."""
    ids = load_model(model).registers
    return {id_: LatestValue(1000.0 + number, NOW_US - age_s * SECOND_US) for number, id_ in enumerate(ids)}


def row(lines, label):
    (found,) = [line for line in lines if line.startswith(f"│ {label}  ")]
    return found.strip("│ ").removeprefix(label).split()


@pytest.mark.parametrize("model", model_names())
def test_every_value_is_shown_once(model):
    values = values_of(model)
    for language, width in (("en", 80), ("de", 80), ("en", 150), ("de", 200)):
        lines = shown({"house": values}, language, width)
        numbers = Counter(float(number) for number in re.findall(r"\d+\.\d+", "\n".join(lines)))
        assert numbers == Counter(value.value for value in values.values()), (language, width)
        assert max(map(len, lines)) == width, language


def test_phases_stand_in_columns():
    values = {"voltage_l1": 231.04, "voltage_l2": 232, "voltage_l3": 233, "voltage_ln_avg": 232.01}
    values |= {"voltage_l1_l2": 400, "voltage_l3_l1": 402, "voltage_ll_avg": 401}
    values |= {"current_n": 0.5, "current_sum": 7.1234, "current_avg": 2.5, "power_factor_total_negated": -0.98}
    values |= {"current_demand_l2_max": 9, "active_energy_import_l3": 12.345, "active_energy_import": 99.5}
    lines = shown({"house": {id_: LatestValue(value, NOW_US) for id_, value in values.items()}})
    assert lines[1].strip("│ ").split() == ["L1", "L2", "L3", "N", "all"]
    assert row(lines, "Voltage") == ["231.0", "232.0", "233.0", "232.0", "V"]
    assert row(lines, "Voltage L-L") == ["400.0", "402.0", "401.0", "V"]
    assert row(lines, "Neutral current") == ["0.500", "7.123", "A"]
    assert row(lines, "Average line current") == ["2.500", "A"]
    assert row(lines, "Total power factor, sign reversed") == ["-0.980"]
    assert row(lines, "Current demand, maximum") == ["9.000", "A"]
    assert row(lines, "Active energy, import") == ["12.35", "99.50", "kWh"]
    ends = {line.index("V") for line in lines[2:4]}
    assert len(ends) == 1, "units stand below each other"


def test_every_unit_has_its_decimals():
    everything = {id_: LatestValue(1.0, NOW_US) for id_ in measurands()}
    assert "".join(shown({"house": everything})).count("1.0") == len(everything)


def test_a_value_that_is_no_number_is_a_dash():
    assert row(shown({"house": {"frequency": LatestValue(None, NOW_US)}}), "Frequency") == ["-", "Hz"]


def test_what_is_older_than_the_newest_has_its_age():
    values = {
        "frequency": LatestValue(50.0, NOW_US - 3 * SECOND_US),
        "charge": LatestValue(1.0, NOW_US - 300 * SECOND_US),
    }
    lines = shown({"house": values})
    assert "3 s ago" in lines[0]
    assert row(lines, "Frequency") == ["50.000", "Hz"]
    assert row(lines, "Charge") == ["1.0", "Ah", "5", "min"]


@pytest.mark.parametrize(
    ("age_s", "text"), [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h"), (7200 * 24, "2 d"), (-5, "0 s")]
)
def test_ages_are_short(age_s, text):
    assert f"  {text} ago" in shown({"house": {"frequency": LatestValue(50.0, NOW_US - age_s * SECOND_US)}})[0]


def test_german_words():
    lines = shown({"Haus": values_of("SDM230", 5)}, "de")
    assert "Haus" in lines[0]
    assert "vor 5 s" in lines[0]
    assert row(lines, "Frequenz")[1] == "Hz"


@pytest.mark.parametrize("name", ["[red]", "[/]", "a[b", "Wärmepumpe :smile:"])
def test_a_meter_may_be_called_anything(name):
    assert name in shown({name: values_of("SDM230")})[0]


def test_several_meters_and_none():
    lines = shown({"a": values_of("SDM230"), "b": values_of("SDM230")})
    assert sum(line.startswith("╭") for line in lines) == 2
    assert shown({}) == ["no values yet"]
    assert shown({}, "de") == ["noch keine Werte"]
