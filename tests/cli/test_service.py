"""`smartmeter service`: the unit starts this installation, and lets it do no more than it must."""

import configparser
import getpass
import json
import os
import re
import shlex
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

import smartmeter
from smartmeter.cli.main import main
from smartmeter.modbus.line import SerialFormat
from smartmeter.models import load_model
from smartmeter.simulator import VirtualLine, VirtualMeter

STARTER = Path(smartmeter.__file__).parents[1] / "smartmeter.py"
LINE = SerialFormat(38400, 8, "N", 1)
PATIENCE_S = 20
# systemd.exec(5): 0 is nothing left to attack, 10 everything. Below 3 systemd itself speaks of OK.
MOST_EXPOSURE = 3.0
# A round of an SDM530 on this line: `smartmeter check` shows them.
BLOCKS = 4
SETTINGS = """
[[bus]]
port = "{port}"
baudrate = 38400
[[bus.meter]]
model = "SDM530"
address = 1
interval = "0.5s"
"""


@pytest.fixture
def settings(tmp_path):
    path = tmp_path / "smartmeter.toml"
    path.write_text(SETTINGS.format(port=tmp_path / "port"))
    return path


def directives(unit):
    """Every directive with its last value, by section."""
    parser = configparser.ConfigParser(strict=False, interpolation=None, delimiters=("=",))
    parser.optionxform = str
    parser.read_string(unit)
    return parser


def test_the_unit_names_this_installation(settings, capsys, monkeypatch):
    monkeypatch.chdir(settings.parent)
    assert main(["service"]) == 0
    service = directives(capsys.readouterr().out)["Service"]
    program, *arguments = shlex.split(service["ExecStart"])
    assert os.access(program, os.X_OK)
    assert arguments[-3:] == ["run", "-c", str(settings)]
    assert service["User"] == getpass.getuser()
    assert service["WorkingDirectory"] == str(settings.parent)


def test_another_user_may_run_it(settings, capsys):
    assert main(["service", "-c", str(settings), "--user", "smartmeter"]) == 0
    assert directives(capsys.readouterr().out)["Service"]["User"] == "smartmeter"


def test_a_secret_that_only_the_service_has_does_not_prevent_the_unit(settings, capsys):
    settings.write_text(
        settings.read_text()
        + '[postgresql]\nhost = "db"\ndatabase = "d"\nuser = "u"\npassword_file = "postgresql_password"\n'
    )
    assert main(["service", "-c", str(settings)]) == 0
    captured = capsys.readouterr()
    assert f"-c {settings}" in captured.out
    assert "postgresql.password_file" in captured.err


def test_settings_that_are_not_there_make_no_unit(settings, capsys):
    assert main(["service", "-c", str(settings.with_name("none.toml"))]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "none.toml: cannot be read" in captured.err


def test_a_path_with_spaces_and_signs_is_quoted(settings, capsys, tmp_path):
    directory = tmp_path / "50 % $meters"
    directory.mkdir()
    settings = settings.rename(directory / "smartmeter.toml")
    assert main(["service", "-c", str(settings)]) == 0
    unit = capsys.readouterr().out
    assert f'-c "{tmp_path}/50 %% $$meters/smartmeter.toml"' in unit
    assert f"WorkingDirectory={tmp_path}/50 %% $meters\n" in unit


def test_a_user_name_that_is_none_is_refused(settings, capsys):
    assert main(["service", "-c", str(settings), "--user", "a b"]) == 1
    assert capsys.readouterr().out == ""


def test_systemd_gets_the_daemon_that_it_starts(settings, tmp_path):
    """The unit's command, in the environment that systemd gives: ready, reading, and ending with everything kept."""
    printed = subprocess.run(
        [sys.executable, STARTER, "service", "-c", settings], capture_output=True, text=True, check=True
    )
    command = shlex.split(directives(printed.stdout)["Service"]["ExecStart"])
    state = tmp_path / "state"
    state.mkdir()
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager,
        VirtualLine(LINE, [VirtualMeter(load_model("SDM530"))], tmp_path / "port", turnaround_s=0.001) as line,
    ):
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(PATIENCE_S)
        environment = {
            "PATH": "/usr/bin:/bin",
            "NOTIFY_SOCKET": str(tmp_path / "notify"),
            "STATE_DIRECTORY": str(state),
            "WATCHDOG_USEC": "120000000",
        }
        with subprocess.Popen(command, env=environment, cwd="/", stderr=subprocess.PIPE, text=True) as process:
            try:
                assert {manager.recv(1000), manager.recv(1000)} == {b"READY=1", b"WATCHDOG=1"}
                # With the first request of the second round the first is over; before it the serial number is read.
                while line.counts.requests <= 1 + BLOCKS and process.poll() is None:
                    time.sleep(0.01)
                process.send_signal(signal.SIGTERM)
                assert manager.recv(1000) == b"STOPPING=1"
                assert process.wait(PATIENCE_S) == 0, process.stderr.read()
            finally:
                process.kill()
    with closing(sqlite3.connect(state / "smartmeter.db")) as journal:
        assert journal.execute("SELECT count(*) FROM reading").fetchone() >= (1,)


@pytest.fixture
def systemd_analyze():
    program = shutil.which("systemd-analyze")
    if program is None:
        if os.environ.get("SMARTMETER_TEST_REQUIRE_ALL") == "1":
            pytest.fail("systemd-analyze is not installed")
        pytest.skip("systemd-analyze is not installed")
    return program


@pytest.fixture
def unit(settings, capsys, tmp_path):
    assert main(["service", "-c", str(settings)]) == 0
    path = tmp_path / "smartmeter.service"
    path.write_text(capsys.readouterr().out)
    return path


def test_systemd_finds_nothing_wrong_with_the_unit(systemd_analyze, unit):
    done = subprocess.run([systemd_analyze, "verify", unit], capture_output=True, text=True, check=False)
    # What it says of other units of this machine is no matter of ours.
    about_us = [line for line in done.stderr.splitlines() if "smartmeter" in line]
    assert about_us == []


def test_the_service_is_confined(systemd_analyze, unit):
    command = [systemd_analyze, "security", "--offline=true", "--no-pager", "--json=short", unit]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    allowed = [finding["json_field"] for finding in json.loads(done.stdout) if finding["exposure"]]
    overall = subprocess.run(
        [systemd_analyze, "security", "--offline=true", "--no-pager", unit], capture_output=True, text=True, check=True
    )
    (exposure,) = re.findall(r"Overall exposure level for smartmeter.service: ([0-9.]+)", overall.stdout)
    assert float(exposure) < MOST_EXPOSURE, f"{exposure}; it may still: {', '.join(allowed)}"
