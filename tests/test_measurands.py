import re

import pytest

from smartmeter.measurands import find_measurand, measurands

KINDS = {"instantaneous", "counter", "demand", "maximum"}
UNITS = {"V", "A", "W", "var", "VA", "1", "deg", "Hz", "%", "kWh", "kvarh", "kVAh", "Ah"}


@pytest.mark.parametrize("measurand", measurands().values(), ids=lambda measurand: measurand.id)
def test_entry_is_complete(measurand):
    assert re.fullmatch(r"[a-z][a-z0-9_]*", measurand.id)
    assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", measurand.german)
    assert measurand.kind in KINDS
    assert measurand.unit in UNITS
    assert measurand.obis is None or re.fullmatch(r"\d+\.\d+\.\d+", measurand.obis)
    assert measurand.label("en")
    assert measurand.label("de")


def test_names_are_unique_in_both_languages_and_in_any_case():
    names = [name.lower() for m in measurands().values() for name in {m.id, m.german.lower()}]
    assert len(set(names)) == len(names)
    assert len({m.obis for m in measurands().values() if m.obis}) == sum(1 for m in measurands().values() if m.obis)


def test_is_found_by_either_name_in_any_case():
    for name in ("voltage_l1", "VOLTAGE_L1", "Spannung_L1", "spannung_l1"):
        assert find_measurand(name).id == "voltage_l1"
    assert find_measurand("spannung_l4") is None


def test_columns_and_labels_follow_the_language():
    power = measurands()["active_power_total"]
    assert power.column("en") == "active_power_total"
    assert power.column("de") == "aktuelle_gesamtwirkleistung"
    assert power.label("de") == "Gesamtwirkleistung"
    assert measurands()["power_factor_l1"].unit_symbol == ""
    assert measurands()["phase_angle_l1"].unit_symbol == "°"
