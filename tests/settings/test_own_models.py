"""Models of the user's own: where they lie, which one wins, and what is told of broken ones."""

import asyncio
import pickle

import pytest

from smartmeter.cli.main import main
from smartmeter.models import UnknownModelError, load_model
from smartmeter.polling.learned import Learned
from smartmeter.polling.round import plan_round
from smartmeter.settings import own_models
from smartmeter.settings.apart import loaded_settings, start_loading
from smartmeter.settings.errors import SettingsError
from smartmeter.settings.load import load_settings

SETTINGS = """
[[bus]]
port = "/dev/ttyUSB0"
[[bus.meter]]
model = "{}"
address = 1
[[bus.meter]]
model = "{}"
address = 2
"""
LEGACY = """
[modbus]
serial_if = "/dev/ttyUSB0"
slave_addr = 1
[mess_cfg]
device = "{}"
messintervall = 5
"""
SMALL = """
name = "{}"
brand = "Maker"
description = {{ en = "Meter", de = "Zähler" }}
phases = 1
source = "P"
serial = {{ baudrate = 1200, parity = "E" }}
sources = {{ P = "a paper" }}
map = {{ function = 3, type = "u16", registers = [{{ address = {}, measurand = "voltage_l1", scale = 0.1 }}] }}
"""


@pytest.fixture
def system(tmp_path, monkeypatch):
    monkeypatch.setattr(own_models, "SYSTEM_DIRECTORY", tmp_path / "etc")
    return tmp_path / "etc" / "models"


@pytest.fixture
def beside(tmp_path, system):
    return tmp_path / "home" / "models"


def put(directory, name, text):
    directory.mkdir(parents=True, exist_ok=True)
    (directory / f"{name}.toml").write_text(text)
    return directory / f"{name}.toml"


def load(beside, text):
    beside.parent.mkdir(parents=True, exist_ok=True)
    path = beside.parent / "smartmeter.toml"
    path.write_text(text)
    return load_settings(path)


def models(settings):
    return [meter.model for meter in settings.buses[0].meters]


def test_they_lie_beside_the_settings_and_in_the_system(system, beside):
    put(system, "A1", SMALL.format("A1", 1))
    file = put(beside, "B1", SMALL.format("B1", 2))
    settings = load(beside, SETTINGS.format("a1", "B1"))
    one, other = models(settings)
    assert (one.name, one.registers["voltage_l1"].address) == ("A1", 1)
    assert (other.name, other.file) == ("B1", file)
    assert settings.buses[0].format.baudrate == 1200
    assert settings.notices == ()


def test_the_one_beside_the_settings_wins_over_the_systems_and_both_over_the_programs(system, beside):
    put(system, "SDM230", SMALL.format("SDM230", 1))
    put(system, "A1", SMALL.format("A1", 1))
    assert models(load(beside, SETTINGS.format("SDM230", "A1")))[0].registers["voltage_l1"].address == 1
    file = put(beside, "sdm230", SMALL.format("sdm230", 2))
    settings = load(beside, SETTINGS.format("SDM230", "SDM530"))
    assert models(settings)[0].registers["voltage_l1"].address == 2
    assert models(settings)[1] is load_model("SDM530")
    assert settings.notices == (f"model sdm230: {file} takes the place of the program's own",)


def test_two_meters_have_one_model_and_its_plans(beside):
    put(beside, "A1", SMALL.format("A1", 1))
    one, other = models(load(beside, SETTINGS.format("A1", "a1")))
    assert one is other
    put(beside, "A1", SMALL.format("A1", 1).replace("u16", "s16"))
    assert models(load(beside, SETTINGS.format("A1", "a1")))[0].registers["voltage_l1"].type == "s16"


def test_every_mistake_in_a_broken_one_is_told_once_with_its_file(beside):
    file = put(beside, "A1", SMALL.format("A1", 70000).replace('"Maker"', "5"))
    with pytest.raises(SettingsError) as caught:
        load(beside, SETTINGS.format("A1", "A1").replace("address = 2", "address = 0"))
    found = [(mistake.file, mistake.key) for mistake in caught.value.mistakes]
    assert found == [
        (beside.parent / "smartmeter.toml", "bus[1].meter[2].address"),
        (file, "brand"),
        (file, "map.registers[1].address"),
    ]


def test_a_broken_one_that_no_meter_names_is_nobodys_business(beside):
    put(beside, "A1", "name = ")
    assert models(load(beside, SETTINGS.format("SDM230", "SDM530")))[0] is load_model("SDM230")


def test_one_that_is_no_toml_or_cannot_be_read_is_told(beside):
    file = put(beside, "A1", "name = A1")
    (beside / "B1.toml").mkdir()
    with pytest.raises(SettingsError) as caught:
        load(beside, SETTINGS.format("A1", "B1"))
    assert [(mistake.file, mistake.key) for mistake in caught.value.mistakes] == [
        (file, "line 1"),
        (beside / "B1.toml", ""),
    ]


def test_an_unknown_name_is_answered_with_the_nearest_of_all(beside):
    put(beside, "HOUSE77", SMALL.format("HOUSE77", 1))
    with pytest.raises(SettingsError, match=r"there is no meter model \"HOUSE7\"; did you mean HOUSE77\?"):
        load(beside, SETTINGS.format("HOUSE7", "SDM530"))
    with pytest.raises(UnknownModelError, match=r"did you mean HOUSE77\?"):
        own_models.model_named("HOUSE7", [beside])


def test_the_originals_configuration_finds_them_too(beside):
    put(beside, "DDS353B", SMALL.format("DDS353B", 1))
    settings = load(beside, LEGACY.format("DDS353B"))
    assert (models(settings)[0].name, settings.buses[0].meters[0].name) == ("DDS353B", "dds353b")
    file = put(beside, "SDM530", SMALL.format("SDM530", 1))
    assert any(str(file) in notice for notice in load(beside, LEGACY.format("sdm530")).notices)


def test_the_daemon_gets_them_whole_from_the_process_that_loads_its_settings(beside):
    put(beside, "A1", SMALL.format("A1", 1))
    path = load(beside, SETTINGS.format("A1", "SDM530")).source
    one, other = models(loaded_settings(start_loading(path)))
    assert other is load_model("SDM530")
    assert one.name == "A1"
    assert plan_round(one, one.serial, frozenset(one.registers), Learned())[0].count == 1
    assert pickle.loads(pickle.dumps([one, one]))[0].registers == one.registers


def test_a_command_without_settings_finds_them_in_the_working_directory(beside, tmp_path, monkeypatch, capsys):
    put(beside, "A1", SMALL.format("A1", 1))
    monkeypatch.chdir(beside.parent)
    assert main(["demo", "--model", "a1", "--rounds", "1", "--journal", str(tmp_path / "demo.db")]) == 0
    assert "1 values; Voltage L1" in capsys.readouterr().out
    asyncio.set_event_loop(None)
