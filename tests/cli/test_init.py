"""`smartmeter init` against a virtual line."""

import io
import sys

import pexpect
import pytest

from smartmeter.cli.main import main
from smartmeter.modbus.line import SerialFormat
from smartmeter.models import load_model
from smartmeter.settings.load import load_settings
from smartmeter.simulator import Faults, VirtualLine, VirtualMeter


@pytest.fixture
def line(tmp_path):
    meter = VirtualMeter(load_model("SDM630"), 7)
    with VirtualLine(SerialFormat(9600), [meter], link=tmp_path / "tty", turnaround_s=0.001) as line:
        yield line


@pytest.fixture
def in_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def init(*arguments):
    return main(["init", *arguments])


def test_writes_settings_that_load_and_read_the_meter(in_directory, line, capsys):
    given = ("--port", str(in_directory / "tty"), "--model", "SDM630", "--address", "7", "--language", "de")
    assert init(*given) == 0
    assert "the meter answers: 2" in capsys.readouterr().out
    file = in_directory / "smartmeter.toml"
    assert file.stat().st_mode & 0o777 == 0o600
    settings = load_settings(file)
    assert settings.language == "de"
    [bus] = settings.buses
    assert (bus.meters[0].model.name, bus.meters[0].address) == ("SDM630", 7)
    assert main(["read", "-c", str(file)]) == 0


def test_a_meter_without_voltages_is_found_by_its_first_register(tmp_path, in_directory, capsys):
    meter = VirtualMeter(load_model("SDM72DM"), 1, values={"active_power_total": -1234.5})
    with VirtualLine(SerialFormat(9600), [meter], link=tmp_path / "tty", turnaround_s=0.001):
        assert init("--port", str(tmp_path / "tty"), "--model", "SDM72DM", "--address", "1") == 0
    assert "the meter answers: -1234.5 W" in capsys.readouterr().out
    assert load_settings(in_directory / "smartmeter.toml").buses[0].meters[0].model is load_model("SDM72DM")


def test_is_not_written_over(in_directory, line, capsys):
    file = in_directory / "smartmeter.toml"
    file.write_text("mine")
    given = ("--port", str(in_directory / "tty"), "--model", "SDM630", "--address", "7")
    assert init(*given) == 1
    assert "is there already" in capsys.readouterr().err
    assert file.read_text() == "mine"
    assert init(*given, "--force") == 0
    assert load_settings(file)


def test_a_meter_that_does_not_answer_is_written_with_the_factory_settings(in_directory, line, capsys):
    line.faults = Faults(silent=True)
    given = ("--port", str(in_directory / "tty"), "--model", "SDM630", "--address", "7", "--timeout", "0.02")
    assert init(*given) == 0
    out = capsys.readouterr().out
    assert "No meter answers at address 7" in out
    assert "`smartmeter scan --port " in out
    assert load_settings(in_directory / "smartmeter.toml").buses[0].format == SerialFormat(9600)


def test_a_missing_port_is_told_in_one_line(in_directory, capsys):
    assert init("--port", "/dev/ttyUSB99", "--model", "SDM530", "--address", "1") == 1
    assert "there is no such port" in capsys.readouterr().err
    assert not (in_directory / "smartmeter.toml").exists()


def test_asks_for_what_is_not_given(in_directory, line):
    command = f"{sys.executable} -m smartmeter init --language en"
    terminal = pexpect.spawn(command, cwd=in_directory, encoding="utf-8", timeout=15)
    terminal.expect("Serial port.*: ")
    terminal.sendline(str(in_directory / "tty"))
    terminal.expect("Meter model.*SDM530.*: ")
    terminal.sendline("SDM630")
    terminal.expect("Address.*: ")
    terminal.sendline("7")
    terminal.expect("the meter answers")
    terminal.expect("Wrote smartmeter.toml")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0
    assert load_settings(in_directory / "smartmeter.toml").buses[0].meters[0].model.name == "SDM630"


def test_without_a_terminal_nobody_is_asked(in_directory, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert init("--port", "/dev/ttyUSB99") == 1
    assert "nobody is there to ask" in capsys.readouterr().err
