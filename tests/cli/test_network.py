"""The commands, and the daemon, with ports of every kind: meters as `smartmeter simulate` has them."""

import json
import re
import socket
import time

import pytest

from smartmeter.cli.main import main
from smartmeter.modbus.line import AsciiFormat, NetworkLine
from smartmeter.settings.load import load_settings
from tests.cli.test_simulate import end, simulating
from tests.fixtures.daemon import running

KINDS = {
    "tcp": ("--tcp", "0"),
    "rtu+tcp": ("--tcp", "0", "--rtu"),
    "rtu+udp": ("--udp", "0"),
    "ascii": ("--ascii", "--baudrate", "38400", "--turnaround-ms", "2"),
}


@pytest.fixture(params=KINDS)
def port(request):
    """The port of a simulated SDM530 at address 3, and the settings of its line."""
    with simulating(*KINDS[request.param], "--address", "3") as (process, line):
        if request.param == "ascii":
            yield re.search(r"--port (ascii://\S+)", line)[1], "baudrate = 38400\n"
        else:
            host, number = re.search(r"over UDP|TCP", line) and re.search(r" (\S+) port (\d+);", line).groups()
            yield f"{request.param}://{host}:{number}", ""
        assert end(process) == (0, "")


def settings_file(directory, port, more="", interval="0.5s"):
    path = directory / "smartmeter.toml"
    path.write_text(
        f'[[bus]]\nport = "{port}"\n{more}[[bus.meter]]\nname = "house"\nmodel = "SDM530"\naddress = 3\n'
        f'interval = "{interval}"\n[journal]\ncommit_interval = "0.1s"\n[web]\nport = 0\n'
    )
    return path


def test_read_check_init_run_and_watch(port, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    where, more = port
    options = ("--port", where, "--address", "3", *(("--baudrate", "38400") if more else ()))
    assert main(["read", *options, "--json"]) == 0
    values = json.loads(capsys.readouterr().out)["values"]
    assert len(values) == 68
    assert 215 < values["voltage_l1"] < 245

    assert main(["init", *options, "--model", "SDM530", "-o", "made.toml"]) == 0
    assert "the meter answers" in capsys.readouterr().out
    [bus] = load_settings(tmp_path / "made.toml").buses
    assert bus.port == where
    assert bus.format == (AsciiFormat(38400) if more else NetworkLine())

    path = settings_file(tmp_path, where, more)
    assert main(["check", "-c", str(path), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    [planned] = report["buses"][0]["meters"][0]["rounds"]
    assert (planned["values"], len(planned["blocks"])) == (68, 4)
    assert main(["check", "-c", str(path)]) == 0
    assert f"bus bus1: {where}, {'38400 8N1' if more else 'over the network'}, " in capsys.readouterr().out

    with running(path) as daemon:
        daemon.until(lambda: (tmp_path / "smartmeter.db").exists() and read_some(path, capsys))
        assert daemon.end() == 0
    assert re.search(r"Bus bus1: \d+ requests, \d+ answers\.", daemon.log)


def read_some(path, capsys):
    main(["watch", "-c", str(path), "--once"])
    time.sleep(0.2)
    return "Active power" in capsys.readouterr().out


@pytest.mark.parametrize("kind", ["tcp", "rtu+tcp"])
def test_where_nobody_listens_is_told_in_one_line(kind, tmp_path, capsys):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = f"{kind}://127.0.0.1:{server.getsockname()[1]}"
    assert main(["read", "--port", port]) == 1
    assert capsys.readouterr().err.startswith(f"smartmeter: {port}: refused")
    assert main(["check", "-c", str(settings_file(tmp_path, port))]) == 1
    assert f"error: bus bus1: {port}: refused" in capsys.readouterr().out


def test_the_wrong_protocol_is_told(capsys):
    with simulating("--tcp", "0", "--rtu") as (_, line):
        number = re.search(r"port (\d+);", line)[1]
        assert main(["read", "--port", f"tcp://127.0.0.1:{number}", "--timeout", "0.2"]) == 1
    assert "the gateway speaks this protocol" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--port", "tcp://host", "--baudrate", "9600"), "is no serial line"),
        (("--port", "udp://host"), "is of no known kind"),
        (("--port", "rtu+tcp://host"), "names no port"),
    ],
)
def test_what_cannot_be_is_told(options, why, capsys):
    assert main(["read", *options]) == 1
    assert why in capsys.readouterr().err
