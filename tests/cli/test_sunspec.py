"""The commands with SunSpec devices, as `smartmeter simulate` has them."""

import json
import re

import pytest

from smartmeter.cli.main import main
from smartmeter.models import load_model
from smartmeter.settings.load import load_settings
from smartmeter.simulator import VirtualLine, VirtualMeter
from smartmeter.simulator.sunspec import VirtualSunSpec
from tests.cli.test_simulate import end, simulating
from tests.fixtures.daemon import running

TOLD = "Example EX-3, version 1.4, serial number 4711; SunSpec model 103 at 50070 is read"


@pytest.fixture
def port():
    with simulating("--model", "SunSpec-103", "--address", "3", "--sunspec-base", "50000", "--tcp", "0") as (
        process,
        line,
    ):
        assert line.startswith("SunSpec-103 at address 3 on Modbus TCP 127.0.0.1 port ")
        yield f"tcp://127.0.0.1:{re.search(r' port ([0-9]+);', line)[1]}"
        assert end(process) == (0, "")


def test_read_check_init_and_run(port, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    options = ("--port", port, "--model", "sunspec", "--address", "3")
    assert main(["read", *options]) == 0
    head, told, *values = capsys.readouterr().out.splitlines()
    assert head == "sunspec_3: SunSpec at address 3, 16 values"
    assert told == f"  {TOLD}"
    assert len(values) == 16
    assert main(["read", *options, "--json"]) == 0
    read = json.loads(capsys.readouterr().out)
    assert read["device"] == TOLD
    assert 215 < read["values"]["voltage_l1"] < 245

    assert main(["init", *options, "-o", "smartmeter.toml"]) == 0
    assert re.search(r"the meter answers: 2\d\d(\.\d+)? V", capsys.readouterr().out)
    path = tmp_path / "smartmeter.toml"
    assert load_settings(path).buses[0].meters[0].model is load_model("SunSpec")

    assert main(["check", "-c", str(path)]) == 0
    assert f"ok: meter sunspec_3: {TOLD}" in capsys.readouterr().out
    with running(path) as daemon:
        daemon.until(lambda: f"Meter sunspec_3: {TOLD}. It does not have " in daemon.log)
        assert daemon.end() == 0


@pytest.fixture
def line(tmp_path):
    """A function that puts a meter on a line, and gives the options that name it."""
    lines = []

    def make(meter):
        lines.append(VirtualLine(meter.model.serial, [meter], tmp_path / "port", turnaround_s=0.001))
        lines[-1].plug()
        return ("--port", str(tmp_path / "port"), "--model", "SunSpec", "--address", "1", "--timeout", "0.1")

    yield make
    for each in lines:
        each.unplug()


def test_what_is_no_sunspec_device_is_told_in_one_line(line, capsys, tmp_path):
    options = line(VirtualMeter(load_model("SDM530")))
    assert main(["read", *options]) == 1
    told = 'unit 1: no SunSpec device: "SunS" is at none of the registers 40000, 50000, 0'
    assert told in capsys.readouterr().err
    assert main(["init", *options, "-o", str(tmp_path / "made.toml")]) == 0
    assert "an answer, but no plausible voltage; is the model right?" in capsys.readouterr().out
    path = tmp_path / "smartmeter.toml"
    path.write_text(
        f'[[bus]]\nport = "{tmp_path / "port"}"\n[[bus.meter]]\nname = "pv"\nmodel = "SunSpec"\naddress = 1\n'
    )
    assert main(["check", "-c", str(path), "--json"]) == 0
    assert any(told in warning for warning in json.loads(capsys.readouterr().out)["warnings"])


def test_a_silent_device_is_told_like_a_silent_meter(line, capsys):
    options = line(VirtualSunSpec((203,), 2))
    assert main(["read", *options]) == 1
    captured = capsys.readouterr()
    assert captured.out == "sunspec_1: SunSpec at address 1, 0 values\n"
    assert "registers 40000+2: no answer; check wiring" in captured.err


def test_a_model_by_its_number_is_shown(capsys):
    assert main(["models", "sunspec-211"]) == 0
    output = capsys.readouterr().out
    assert output.startswith("SunSpec SunSpec-211: ")
    assert "current_l2" not in output
    assert "note: Where its registers are is found out by asking the device" in output


def test_simulate_takes_sunspec_alone_for_a_meter_of_three_phases(capsys, tmp_path):
    with simulating("--model", "SunSpec,SDM230", "--link", tmp_path / "meters") as (process, line):
        assert line.startswith("SunSpec-203 at address 1, SDM230 at address 2 on ")
        assert main(["read", "--port", str(tmp_path / "meters"), "--model", "SunSpec", "--address", "1"]) == 0
        assert end(process) == (0, "")
    assert "SunSpec model 203 at 40070 is read" in capsys.readouterr().out
