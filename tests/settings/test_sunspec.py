"""SunSpec devices in settings: several in one share an address, and nobody else does."""

import pytest

from smartmeter.models import load_model
from smartmeter.settings.errors import SettingsError
from smartmeter.settings.load import load_settings


@pytest.fixture
def load(tmp_path):
    def load(*models):
        text = '[[bus]]\nport = "tcp://192.168.1.60:502"\n'
        for model in models:
            text += f'[[bus.meter]]\nmodel = "{model}"\naddress = 1\n'
        path = tmp_path / "smartmeter.toml"
        path.write_text(text)
        return load_settings(path).buses[0].meters

    return load


def test_an_inverter_and_its_meter_share_an_address(load):
    inverter, meter = load("SunSpec-103", "sunspec-203")
    assert (inverter.name, meter.name) == ("sunspec-103_1", "sunspec-203_1")
    assert inverter.model is load_model("SunSpec-103")
    assert meter.intervals_us.keys() == load_model("SunSpec-203").registers.keys()


@pytest.mark.parametrize("models", [("SunSpec-103", "SunSpec-103"), ("SunSpec", "SunSpec"), ("SunSpec", "SDM530")])
def test_nobody_else_does(load, models):
    with pytest.raises(SettingsError, match=r"bus\[1\]\.meter\[2\]\.address: 1 is already taken"):
        load(*models)


def test_a_measurand_that_it_cannot_have_is_told(load):
    with pytest.raises(SettingsError, match="does not measure"):
        load('SunSpec-101"\nmeasurands = ["voltage_l2"]\n#"')
