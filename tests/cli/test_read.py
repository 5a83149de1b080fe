"""`smartmeter read` against a virtual line."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest

from smartmeter.cli.main import main
from smartmeter.measurands import measurands
from smartmeter.modbus.line import SerialFormat
from smartmeter.models import load_model
from smartmeter.simulator import Faults, Quirks, VirtualLine, VirtualMeter

LINE = SerialFormat(38400, 8, "N", 1)
VOLTAGE = 230.125


def virtual_meter(model="SDM530", address=1, **options):
    return VirtualMeter(load_model(model), address, values={"voltage_l1": VOLTAGE}, **options)


@pytest.fixture
def line_of(tmp_path):
    """Makes a line with these meters, and the options of `smartmeter read` that name it."""
    lines = []

    def make(*meters):
        line = VirtualLine(LINE, meters, tmp_path / "port", turnaround_s=0.001)
        line.plug()
        lines.append(line)
        return ["--port", str(line.path), "--baudrate", str(LINE.baudrate), "--parity", LINE.parity, "--timeout", "0.1"]

    yield make
    for line in lines:
        line.unplug()


def settings_file(directory, port, meters, language="en"):
    text = f'language = "{language}"\n[[bus]]\nport = "{port}"\nbaudrate = {LINE.baudrate}\ntimeout = "0.1s"\n'
    for name, model, address in meters:
        text += f'[[bus.meter]]\nname = "{name}"\nmodel = "{model}"\naddress = {address}\n'
    path = directory / "smartmeter.toml"
    path.write_text(text)
    return path


def test_every_value_with_name_and_unit(line_of, capsys):
    assert main(["read", *line_of(virtual_meter())]) == 0
    captured = capsys.readouterr()
    head, *lines = captured.out.splitlines()
    assert head == "sdm530_1: SDM530 at address 1, 68 values"
    assert [line.split()[-1] for line in lines] == [
        id_ for id_ in measurands() if id_ in load_model("SDM530").registers
    ]
    assert re.fullmatch(r"  Voltage L1 +230\.125 V +voltage_l1", lines[0])
    for line in lines:
        measurand = measurands()[line.split()[-1]]
        assert line.strip().startswith(measurand.label_en)
        assert f" {measurand.unit_symbol} " in line or not measurand.unit_symbol
    assert captured.err == ""


def test_json_is_one_object_with_exactly_these_keys(line_of, capsys):
    before = datetime.now(UTC)
    assert main(["read", "--json", *line_of(virtual_meter())]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    document = json.loads(line)
    assert list(document) == ["meter", "time", "values"]
    assert document["meter"] == "sdm530_1"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", document["time"])
    moment = datetime.fromisoformat(document["time"])
    assert before - timedelta(milliseconds=1) <= moment <= datetime.now(UTC)
    assert document["values"].keys() == load_model("SDM530").registers.keys()
    assert document["values"]["voltage_l1"] == VOLTAGE
    assert all(isinstance(value, float) for value in document["values"].values())


def test_the_settings_name_meters_and_language(line_of, tmp_path, capsys):
    _, port, *_ = line_of(virtual_meter(), virtual_meter("SDM230", 7))
    settings = settings_file(tmp_path, port, [("Haus", "SDM530", 1), ("Wärmepumpe", "SDM230", 7)], "de")
    assert main(["read", "-c", str(settings)]) == 0
    output = capsys.readouterr().out
    assert "Haus: SDM530 at address 1, 68 values\n  Spannung L1 " in output
    assert "Wärmepumpe: SDM230 at address 7, 24 values\n  Spannung L1 " in output


def test_one_json_object_per_meter_and_line(line_of, tmp_path, capsys):
    _, port, *_ = line_of(virtual_meter(), virtual_meter("SDM230", 7))
    settings = settings_file(tmp_path, port, [("a", "SDM530", 1), ("b", "SDM230", 7)])
    assert main(["read", "--json", "-c", str(settings)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["meter"] for line in lines] == ["a", "b"]


def test_a_meter_that_refuses_long_blocks_is_read_all_the_same(line_of, capsys):
    meter = virtual_meter(quirks=Quirks(max_registers=20, refuse_undefined=True))
    assert main(["read", "--json", *line_of(meter)]) == 0
    values = json.loads(capsys.readouterr().out)["values"]
    assert values.keys() == load_model("SDM530").registers.keys()
    assert values["voltage_l1"] == VOLTAGE


def test_a_silent_meter_is_an_error_that_says_what_to_look_at(line_of, tmp_path, capsys):
    meters = (virtual_meter(), virtual_meter("SDM230", 7, faults=Faults(silent=True)))
    _, port, *_ = line_of(*meters)
    settings = settings_file(tmp_path, port, [("there", "SDM530", 1), ("gone", "SDM230", 7)])
    assert main(["read", "-c", str(settings)]) == 1
    captured = capsys.readouterr()
    assert "there: SDM530 at address 1, 68 values" in captured.out
    assert captured.err
    for line in captured.err.splitlines():
        assert re.fullmatch(
            r"smartmeter: meter gone: unit 7, .*: no answer; check wiring \(A and B swapped\?\), the address, "
            r"and that the meter is set to 38400 8N1; `smartmeter doctor` finds out more",
            line,
        )


def test_a_port_that_is_none(tmp_path, capsys):
    no_port = tmp_path / "file"
    no_port.write_text("")
    assert main(["read", "--port", str(no_port)]) == 1
    assert capsys.readouterr().err == f"smartmeter: {no_port}: is not a serial port\n"


def test_a_port_that_is_not_there(tmp_path, capsys):
    assert main(["read", "--port", str(tmp_path / "ttyUSB0")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"smartmeter: {tmp_path / 'ttyUSB0'}: there is no such port; is the adapter plugged in?")


@pytest.mark.parametrize(
    ("option", "value"), [("--address", "0"), ("--address", "248"), ("--address", "x"), ("--parity", "Q")]
)
def test_options_that_cannot_be_are_refused(option, value, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["read", "--port", "/dev/null", option, value])
    assert ended.value.code == 2
    assert value in capsys.readouterr().err
