import itertools
import pickle
import tomllib
from importlib import resources

import pytest

from smartmeter.errors import SmartmeterError
from smartmeter.measurands import measurands
from smartmeter.modbus.line import SerialFormat
from smartmeter.models import load_model, model_names

# What the original read from its SDM530: German name, register, unit as it is right.
ORIGINAL = """
Spannung_L1 0 V, Spannung_L2 2 V, Spannung_L3 4 V, Strom_L1 6 A, Strom_L2 8 A, Strom_L3 10 A, Wirkleistung_L1 12 W,
Wirkleistung_L2 14 W, Wirkleistung_L3 16 W, Scheinleistung_L1 18 VA, Scheinleistung_L2 20 VA, Scheinleistung_L3 22 VA,
Blindleistung_L1 24 var, Blindleistung_L2 26 var, Blindleistung_L3 28 var, Leistungsfaktor_L1 30 1,
Leistungsfaktor_L2 32 1, Leistungsfaktor_L3 34 1, Phasenwinkel_L1 36 deg, Phasenwinkel_L2 38 deg,
Phasenwinkel_L3 40 deg,
Durchschnittliche_Spannung_zu_N 42 V, Durchschnittlicher_Strom_zu_N 46 A, aktueller_Gesamtstrom 48 A,
aktuelle_Gesamtwirkleistung 52 W, aktuelle_Gesamtscheinleistung 56 VA, aktuelle_Gesamtblindleistung 60 var,
aktueller_Gesamtleistungsfaktor 62 1, aktueller_Gesamtphasenwinkel 66 deg, Frequenz 70 Hz, Import_Wh_seit_reset 72 kWh,
Export_Wh_seit_reset 74 kWh, Import_VArh_seit_reset 76 kvarh, Export_VArh_seit_reset 78 kvarh, VAh_seit_reset 80 kVAh,
Ah_seit_reset 82 Ah, Gesamtwirkleistung 84 W, Max_Gesamtwirkleistung 86 W, Gesamtscheinleistung 100 VA,
Max_Gesamtscheinleistung 102 VA, Gesamtstrom_Neutralleiter 104 A, Max_Strom_Neutralleiter 106 A, Spannung_L1_L2 200 V,
Spannung_L2_L3 202 V, Spannung_L3_L1 204 V, Durchschnittsspannung_L_L 206 V, Strom_Neutralleiter 224 A,
THD_Spannung_L1 234 %, THD_Spannung_L2 236 %, THD_Spannung_L3 238 %, THD_Strom_L1 240 %, THD_Strom_L2 242 %,
THD_Strom_L3 244 %, THD_Durchschnittliche_Spannung_zu_N 248 %, THD_Durchschnittlicher_Strom_zu_N 250 %,
Gesamtsystemleistungsfaktor 254 1, Strom_L1_demand 258 A, Strom_L2_demand 260 A, Strom_L3_demand 262 A,
Max_Strom_L1_demand 264 A, Max_Strom_L2_demand 266 A, Max_Strom_L3_demand 268 A, THD_Spannung_L1_L2 334 %,
THD_Spannung_L2_L3 336 %, THD_Spannung_L3_L1 338 %, THD_Durchschnittliche_Spannung_zu_L_L 340 %, Total_kwh 342 kWh,
Total_kvarh 344 kvarh
"""


def test_sdm530_has_the_68_values_of_the_original():
    expected = {}
    for entry in ORIGINAL.replace("\n", " ").split(","):
        name, address, unit = entry.split()
        expected[name] = (int(address), unit)
    assert len(expected) == 68
    registers = load_model("SDM530").registers.values()
    found = {measurands()[r.measurand].german: (r.address, measurands()[r.measurand].unit) for r in registers}
    assert found == expected
    assert {(r.function, r.count) for r in registers} == {(4, 2)}


def test_sdm630_adds_the_energies_of_each_phase():
    added = load_model("SDM630").registers.keys() - load_model("SDM530").registers.keys()
    expected = {
        f"{kind}_energy_{way}_l{phase}"
        for kind in ("active", "reactive")
        for way in ("import", "export", "total")
        for phase in (1, 2, 3)
    }
    assert added == expected
    assert load_model("SDM630").registers["reactive_energy_total_l3"].address == 380


def test_sdm230_has_one_phase_and_the_directed_demands():
    registers = load_model("SDM230").registers
    assert {id_ for id_ in registers if id_.endswith(("_l2", "_l3"))} == set()
    assert registers["active_power_demand_import"].address == 88
    assert registers["active_power_demand_export_max"].address == 94


@pytest.mark.parametrize("name", model_names())
def test_every_model_is_sound(name):
    model = load_model(name)
    assert model is load_model(name.lower())
    assert model.serial.baudrate in model.baudrates
    assert model.max_current_a > 0
    assert model.description("en")
    assert model.description("de")
    spans = sorted((r.function, r.address, r.address + r.count) for r in model.registers.values())
    for (function, _, end), (next_function, start, _) in itertools.pairwise(spans):
        assert function != next_function or end <= start, "registers overlap"
    assert model.name == name
    assert model.file is None
    for register in model.registers.values():
        assert 0 <= register.address <= 65536 - register.count
        assert register.source
        assert set(register.source.split(", ")) <= model.sources.keys()
    used = {key for register in model.registers.values() for key in register.source.split(", ")}
    assert used == model.sources.keys() or "like" in tomllib.loads(text_of(name))


def text_of(name):
    return (resources.files("smartmeter.models") / f"{name}.toml").read_text("utf-8")


def test_between_processes_a_model_stays_itself():
    for name in model_names():
        assert pickle.loads(pickle.dumps(load_model(name))) is load_model(name)


# What tells one model from another, as the papers have it: register, type, order, scale, and address.
KNOWN = """
SDM72DM   active_power_total              4   52 float32 big    1
SDM72DM   active_energy_resettable_export 4  390 float32 big    1
SDM72DM   active_power_export             4 1282 float32 big    1
"""


@pytest.mark.parametrize("line", KNOWN.strip().splitlines(), ids=lambda line: " ".join(line.split()[:2]))
def test_a_register_is_as_its_source_says(line):
    name, id_, function, address, type_, order, scale = line.split()
    register = load_model(name).registers[id_]
    assert (register.function, register.address) == (int(function), int(address, 0))
    assert (register.type, register.order, str(register.scale)) == (type_, order, scale)


def test_factory_settings_of_the_sdm530():
    assert load_model("SDM530").serial == SerialFormat(9600, 8, "N", 1)


def test_an_unknown_model_is_answered_with_the_nearest():
    with pytest.raises(SmartmeterError, match=r"unknown meter model 'SDM6300'; did you mean SDM630\?"):
        load_model("SDM6300")
    with pytest.raises(SmartmeterError, match=r"unknown meter model 'xyz'; `smartmeter models` lists them"):
        load_model("xyz")
