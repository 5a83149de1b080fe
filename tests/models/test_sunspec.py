"""The layouts of SunSpec's information models, held against those that pysunspec2 brings along."""

import json
import pickle
import subprocess
import sys
from importlib import resources

import pytest

from smartmeter.measurands import measurands
from smartmeter.models import load_model, model_names
from smartmeter.models.catalogue import find_model
from smartmeter.models.definition import read_definition
from smartmeter.models.sunspec.layouts import POINT_TYPES, layouts, length_of

IDS = (101, 102, 103, 111, 112, 113, 201, 202, 203, 204, 211, 212, 213, 214)
UNITS = {"Wh": ("kWh", "0.001"), "VAh": ("kVAh", "0.001"), "Pct": ("1", "0.01"), "PF": ("1", "1")}
NAMES = {
    "A": "current_sum",
    "PhV": "voltage_ln_avg",
    "PPV": "voltage_ll_avg",
    "Hz": "frequency",
    "W": "active_power_total",
    "VA": "apparent_power_total",
    "VAR": "reactive_power_total",
    "PF": "power_factor_total",
    "WH": "active_energy_export",
    "TotWhExp": "active_energy_export",
    "TotWhImp": "active_energy_import",
    "TotVAhImp": "apparent_energy",
}
LINES = {"PhVphAB": "voltage_l1_l2", "PhVphBC": "voltage_l2_l3", "PhVphCA": "voltage_l3_l1"}
OF_PHASES = {
    "Aph": "current",
    "PhVph": "voltage",
    "Wph": "active_power",
    "VAph": "apparent_power",
    "PFph": "power_factor",
    "VARph": "reactive_power",
    "TotWhExpPh": "active_energy_export",
    "TotWhImpPh": "active_energy_import",
}
PHASES = {"A": "l1", "B": "l2", "C": "l3"}


def measurand_of(name):
    """Which measurand the point with this name is; None if it is none."""
    name = {"VAr": "VAR"}.get(name, name)
    lines = LINES.get(name.replace("PPVph", "PhVph"))
    of_phase = OF_PHASES.get(name[:-1])
    return NAMES.get(name) or lines or (f"{of_phase}_{PHASES[name[-1]]}" if of_phase and name[-1] in PHASES else None)


def published(id_):
    """The points of an information model as SunSpec publishes it: name, offset, type, scale factor's offset, unit."""
    text = (resources.files("sunspec2") / "models" / "json" / f"model_{id_}.json").read_text("utf-8")
    offset, points, places = 0, [], {}
    for point in json.loads(text)["group"]["points"]:
        places[point["name"]] = offset
        points.append((point["name"], offset, point["type"], point.get("sf"), point.get("units")))
        offset += point["size"]
    return [(*point, places.get(scale), unit) for *point, scale, unit in points], offset - 2


@pytest.mark.parametrize("id_", IDS)
def test_the_layout_is_the_published_one(id_):
    points, length = published(id_)
    layout = layouts()[id_]
    assert (layout.length, length_of(id_)) == (length, length)
    phases = layout.phases
    expected = {}
    for name, offset, type_, scale_at, unit in points:
        id_of = measurand_of(name)
        if id_of is None or any(f"l{phase}" in id_of.split("_") for phase in (2, 3) if phase > phases):
            continue
        own_unit, scale = UNITS.get(unit, (unit, "1"))
        assert measurands()[id_of].unit == own_unit
        given_out = id_ < 200 and id_of in ("active_power_total", "reactive_power_total")
        expected[id_of] = (offset, POINT_TYPES[type_], scale_at, f"-{scale}" if given_out else scale)
    assert {
        point.measurand: (point.offset, point.type, point.scale_at, str(point.scale)) for point in layout.points
    } == expected


def test_model_1_has_65_registers_or_66():
    points, length = published(1)
    assert length == 66
    assert points[-1][0] == "Pad"
    assert length_of(1) == 65


def test_sunspec_may_be_whatever_one_of_them_is():
    model = load_model("SunSpec")
    assert model.sunspec == IDS
    assert model.registers.keys() == {point.measurand for layout in layouts().values() for point in layout.points}


@pytest.mark.parametrize("name", ["SunSpec", "sunspec", "SUNSPEC-203", "sunspec-101"])
def test_they_have_names_in_any_case_and_one_model_each(name):
    model = load_model(name)
    assert model is load_model(name.upper())
    assert model.name.startswith("SunSpec")
    assert pickle.loads(pickle.dumps(model)) is model


@pytest.mark.parametrize("name", ["SunSpec-1", "SunSpec-104", "SunSpec-", "SunSpec-203x", "SunSpec203", "SunSpec-٢٠٣"])
def test_there_are_no_others(name):
    assert find_model(name) is None


def test_the_catalogue_lists_them_once():
    assert [name for name in model_names() if name.startswith("SunSpec")] == ["SunSpec"]


def test_a_file_cannot_build_on_one():
    _, [flaw] = read_definition({"name": "MINE", "like": "SunSpec-203"}, "MINE", find_model)
    assert flaw.text == "SunSpec-203 describes itself; name it in the settings, without a file"


def test_whoever_has_none_imports_nothing_of_it():
    code = "import sys, smartmeter.daemon, smartmeter.models as m; m.load_model('SDM530'); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "smartmeter.polling.round" in done.stdout.split()
    assert "sunspec" not in done.stdout
