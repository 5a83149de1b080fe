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
    registers = (*model.registers.values(), *model.identification.registers)
    used = {key for register in registers for key in register.source.split(", ")} | model.setup.sources
    assert used == model.sources.keys() or "like" in tomllib.loads(text_of(name))


def text_of(name):
    return (resources.files("smartmeter.models") / f"{name}.toml").read_text("utf-8")


def test_between_processes_a_model_stays_itself():
    for name in model_names():
        assert pickle.loads(pickle.dumps(load_model(name))) is load_model(name)


# Copied from the sources by hand, and where they disagree what is right: function, address, type, order, scale.
KNOWN = """
SDM72DM   active_power_total              4   52 float32 big    1
SDM72DM   active_energy_resettable_export 4  390 float32 big    1
SDM72DM   active_power_export             4 1282 float32 big    1
SDM72DMV2 active_energy_net               4 0x18C float32 big    1
SDM120    active_energy_total             4 0x156 float32 big    1
SDM230-2T active_energy_import_t2         4 0x1316 float32 big   1
SDM230-2T voltage_l1                      4 0 float32 big        1
X96-1A    voltage_thd_ln_avg              4 0xF8 float32 big     1
ABB-B23   voltage_l1                      3 0x5B00 u32 big       0.1
ABB-B23   active_power_total              3 0x5B14 s32 big       0.01
ABB-B23   power_factor_l3                 3 0x5B3D s16 big       0.001
ABB-B23   frequency                       3 0x5B2C u16 big       0.01
ABB-A44   active_energy_export_l3         3 0x5474 u64 big       0.01
ABB-B21   active_energy_import            3 0x5000 u64 big       0.01
EM24      active_energy_import            4 62 s32 little        0.1
EM24      power_factor_total              4 53 s16 little        0.001
EM24      current_l3                      4 16 s32 little        0.001
EM340     active_energy_import            4 52 s32 little        0.1
EM340     frequency                       4 51 u16 little        0.1
ET330     active_energy_export_l3         4 100 s32 little       0.1
EM540     voltage_thd_l1                  4 138 s32 little       0.01
EM112     active_energy_export            4 32 s32 little        0.1
Janitza-B23 active_energy_export          3 0x4A84 float32 big   0.001
Janitza-B23 power_factor_l1               3 0x4A64 float32 big   1
iEM3155   active_power_total              3 0xBF3 float32 big    1000
iEM3155   active_energy_import_l3         3 0xDC5 s64 big        0.001
iEM3250   active_energy_import            3 0xC83 s64 big        0.001
PAC2200   frequency                       3 55 float32 big       1
PAC2200   active_energy_export            3 809 float64 big      0.001
PRO380    active_power_l3                 3 0x5018 float32 big   1000
PRO380    reactive_energy_export_l3       3 0x6046 float32 big   1
PRO2      voltage_l1                      3 0x5000 float32 big   1
879-3000  active_energy_export_l1         3 0x601E float32 big   1
WE-504    active_energy_total             3 7 u32 big            0.001
WE-515    current_l1                      3 0x139 u32 big        0.001
WE-515    active_energy_total_t1          3 0xA002 u32 big       0.01
WE-517    active_power_total              3 0x1C float32 big     1000
WE-517    active_energy_export_t4         3 0x158 float32 big    1
WE-526    power_factor_l1                 4 0x10B s16 big        0.001
DRT428M-2 active_energy_import            3 0x108 float32 big    1
DS100     active_energy_export            3 0x118 u32 big        0.01
DS100     current_l1                      3 0x410 s32 big        0.001
WS100     active_power_l1                 3 0x104 s32 big        1
DTSU666   voltage_l1                      3 0x2006 float32 big   0.1
DTSU666   active_energy_export            3 0x1028 float32 big   1
7M.24     active_energy_import            4 2752 float32 big     0.001
7M.38     active_power_total              4 2536 float32 big     1
DSZ15DZMOD voltage_l1                     4 0 u32 big            0.01
DSZ16     frequency                       4 70 s32 big           0.01
ALE3      active_power_total              3 50 s16 big           10
ALE3-BI   active_energy_export            3 31 u32 big           0.01
DVH4013   active_power_export             3 2 u32 big            0.1
DVH4013   active_energy_import            3 0x4000 u32 big       0.001
DMG610    current_l1                      4 7 u32 big            0.0001
DMG610    active_energy_import            4 0x1B1F u64 big       0.01
MPM3PM    active_power_total              3 0x26 s32 big         0.01
SE-MTR-3Y reactive_energy_total_l2        3 0x466 float32 little 1
SE-MTR-3Y apparent_energy                 3 0x46A float32 little 1
DDM18SD   frequency                       4 0x36 float32 big     1
DDS238-2  active_power_l1                 3 0xE s16 big          1
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
