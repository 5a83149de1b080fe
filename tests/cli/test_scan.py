"""`smartmeter scan` as it is used: what it tells, what it writes, how it ends."""

import asyncio
import json
import os
import sys
import threading
import time
from contextlib import contextmanager

import pexpect
import pytest

from smartmeter.cli.main import main
from smartmeter.modbus.line import NetworkLine, SerialFormat
from smartmeter.modbus.port import open_port
from smartmeter.models import load_model
from smartmeter.settings.load import load_settings
from smartmeter.simulator import Faults, VirtualLine, VirtualMeter
from smartmeter.simulator.of_model import virtual_meter
from smartmeter.simulator.tcp import tcp_server

QUICK = ("--timeout", "0.03")


@pytest.fixture
def line(tmp_path):
    meters = [
        VirtualMeter(load_model("SDM630"), 1, values={"voltage_l1": 231.2}, serial_number=4711),
        VirtualMeter(load_model("SDM530"), 2, format=SerialFormat(9600), seed=2),
        VirtualMeter(load_model("SDM120M"), 2, format=SerialFormat(19200), seed=3),
        VirtualMeter(load_model("SDM120M"), 3, seed=3, format=SerialFormat(9600)),
        VirtualMeter(load_model("SDM630"), 3, seed=4),
    ]
    with VirtualLine(None, meters, link=tmp_path / "tty", turnaround_s=0.005) as line:
        yield line


def scan(line, *arguments):
    return main(["scan", "--port", str(line.path), *QUICK, *arguments])


def test_tells_what_was_found_and_gives_settings_to_paste(line, tmp_path, capsys):
    assert scan(line, "--addresses", "1-4", "--baudrate", "9600,19200", "--parity", "n") == 0
    out = capsys.readouterr().out
    assert "4 addresses at 2 settings: about" in out
    assert "address   1 at 9600 8N1: SDM630 (code 0x0070 at 64514; voltage 231.2 V" in out
    assert "address   2 at 9600 8N1: SDM530 or SDM630 or" in out
    assert "address   2 at 19200 8N1: SDM120M (code 0x0020" in out
    assert "address   3 at 9600 8N1: something answers, but garbled: two meters with one address, or noise" in out
    assert "#   Another meter has address 2 as well; 4 is free.\n" in out
    of_meter = f"#   smartmeter set --port {line.path} --model SDM120M --address"
    assert (
        f"{of_meter} 2 --baudrate 19200 --parity N address=4\n{of_meter} 4 --baudrate 19200 --parity N baudrate=9600\n"
        in out
    )
    assert "# Address 3 at 9600 8N1: garbled answers; not in these settings." in out
    file = tmp_path / "pasted.toml"
    file.write_text(out.partition("For the settings:\n")[2])
    [bus] = load_settings(file).buses
    assert bus.format == SerialFormat(9600)
    assert [(meter.name, meter.address) for meter in bus.meters] == [("sdm630_1", 1), ("sdm530_2", 2)]
    assert {request.frame[1] for request in line.requests} <= {3, 4}


@pytest.mark.parametrize("model", ["SDM230", "PAC2200"])
def test_who_may_be_another_or_cannot_be_set_is_set_by_no_command(model, tmp_path, capsys):
    other = VirtualMeter(load_model(model), 2, format=SerialFormat(19200))
    meters = [VirtualMeter(load_model("SDM630"), 1), other]
    with VirtualLine(None, meters, link=tmp_path / "a port", turnaround_s=0.005) as line:
        assert scan(line, "--addresses", "1,2", "--baudrate", "9600,19200", "--parity", "N") == 0
    out = capsys.readouterr().out
    assert "#   If it can be set, at its display or by its maker's program: baudrate=9600.\n" in out
    assert "smartmeter set" not in out


def test_a_port_with_a_blank_in_its_name_can_be_pasted(tmp_path, capsys):
    meters = [VirtualMeter(load_model("SDM630"), 1), VirtualMeter(load_model("SDM630"), 2, format=SerialFormat(2400))]
    with VirtualLine(None, meters, link=tmp_path / "a port", turnaround_s=0.005) as line:
        assert scan(line, "--addresses", "1,2", "--baudrate", "9600,2400", "--parity", "N") == 0
    assert f"smartmeter set --port '{tmp_path}/a port' --model SDM630 --address 2 " in capsys.readouterr().out


def test_writes_settings_that_load_and_read_and_never_over_a_file(line, tmp_path, capsys):
    file = tmp_path / "found.toml"
    options = ("--addresses", "1", "--baudrate", "9600", "--parity", "N", "--write", str(file))
    assert scan(line, *options) == 0
    assert f"Wrote {file}" in capsys.readouterr().out
    assert file.stat().st_mode & 0o777 == 0o600
    [bus] = load_settings(file).buses
    assert bus.meters[0].model is load_model("SDM630")
    assert main(["check", "-c", str(file)]) == 0
    assert main(["read", "-c", str(file)]) == 0
    before = file.read_text()
    capsys.readouterr()
    asked = line.counts.requests
    assert scan(line, *options) == 1
    assert "is there already" in capsys.readouterr().err
    assert (file.read_text(), line.counts.requests) == (before, asked)


def test_as_json(line, capsys):
    assert scan(line, "--addresses", "1,3", "--baudrate", "9600", "--parity", "N", "--json") == 0
    captured = capsys.readouterr()
    first, garbled = map(json.loads, captured.out.splitlines())
    assert (first["address"], first["baudrate"], first["parity"], first["serial_number"]) == (1, 9600, "N", 4711)
    assert [each["model"] for each in first["models"]] == ["SDM630"]
    assert (garbled["address"], garbled["garbled"], garbled["models"]) == (3, True, [])
    assert "2 addresses at 1 setting: about" in captured.err


async def test_a_device_that_answers_at_every_address_is_told_once(capsys, tmp_path):
    meters = [virtual_meter(load_model("SunSpec"), address) for address in range(1, 11)]
    file = tmp_path / "found.toml"
    async with tcp_server(meters) as (host, port):
        given = ["scan", "--port", f"tcp://{host}:{port}", "--addresses", "1-10", "--write", str(file)]
        assert await asyncio.to_thread(main, given) == 0
    out = capsys.readouterr().out
    assert out.count("SunSpec (") == 1
    assert 'address   1 over the network: SunSpec ("SunS" at 40000)' in out
    assert "it answers at every address" in out
    [bus] = load_settings(file).buses
    assert (bus.format, [(meter.model.name, meter.address) for meter in bus.meters]) == (
        NetworkLine(),
        [("SunSpec", 1)],
    )


def test_what_has_no_model_is_not_written(tmp_path, capsys):
    file = tmp_path / "found.toml"
    meter = VirtualMeter(load_model("SDM630"), 1)
    with VirtualLine(SerialFormat(9600), [meter], faults=Faults(exception=4), turnaround_s=0.005) as line:
        given = ("--addresses", "1", "--baudrate", "9600", "--parity", "N", "--write", str(file))
        assert scan(line, *given) == 0
    out = capsys.readouterr().out
    assert "nothing that it shows speaks for a model" in out
    assert "was not written" in out
    assert not file.exists()


def test_what_was_found_before_the_port_went_away_is_told(line, capsys):
    with unplugged_after(line, requests=40):
        assert scan(line, "--addresses", "1,4-200", "--baudrate", "9600", "--parity", "N") == 1
    captured = capsys.readouterr()
    assert 'name = "sdm630_1"' in captured.out
    assert "has gone away" in captured.err


@contextmanager
def unplugged_after(line, requests):
    def pull():
        while line.counts.requests < requests:
            time.sleep(0.005)
        line.unplug()

    thread = threading.Thread(target=pull)
    thread.start()
    yield
    thread.join()


def test_nothing_found_is_told_with_advice(line, capsys):
    assert scan(line, "--addresses", "9", "--baudrate", "9600") == 1
    assert "Nothing answers. Check wiring" in capsys.readouterr().out


def test_a_model_that_is_named_is_the_one_among_equals(line, capsys):
    given = ("--addresses", "2", "--baudrate", "9600", "--parity", "N", "--model", "SDM72DMV2")
    assert scan(line, *given) == 0
    assert 'model = "SDM72DMV2"' in capsys.readouterr().out


def test_a_port_in_use_is_told_with_advice(line, capsys):
    port = open_port(str(line.path), SerialFormat(9600))
    assert scan(line, "--addresses", "1") == 1
    port.close()
    assert "systemctl stop smartmeter" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--addresses", "0"), "no address"),
        (("--addresses", "5-248"), "no address"),
        (("--addresses", "9-1"), "no address"),
        (("--addresses", "x"), "no address"),
        (("--baudrate", "fast"), "no speed"),
        (("--parity", "X"), "no parity"),
        (("--stopbits", "3"), "1 or 2"),
        (("--timeout", "0"), "number of seconds"),
    ],
)
def test_wrong_options_are_refused(options, text, capsys):
    with pytest.raises(SystemExit):
        main(["scan", "--port", "/dev/ttyUSB0", *options])
    assert text in capsys.readouterr().err


def test_a_network_has_no_speeds(capsys):
    assert main(["scan", "--port", "tcp://127.0.0.1:1", "--baudrate", "9600"]) == 1
    assert "is no serial line" in capsys.readouterr().err
    assert main(["scan", "--port", "tcp://"]) == 1
    assert "--port tcp://" in capsys.readouterr().err


def test_ctrl_c_shows_what_was_found_so_far_below_a_progress_bar(line):
    command = [*("-m", "smartmeter", "scan", "--port", str(line.path), "--addresses", "1-200"), "--timeout", "0.1"]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "200"}
    with pexpect.spawn(sys.executable, command, env=environment, dimensions=(40, 200), encoding="utf-8") as child:
        child.expect("Ctrl-C ends it", timeout=20)
        child.expect("scanning", timeout=20)
        child.expect("address   1 at 9600 8N1: SDM630", timeout=20)
        child.expect(r"\d+ asked", timeout=20)
        child.sendintr()
        child.expect(r"Ended after \d+ of 1800 questions", timeout=20)
        child.expect(r'name = "sdm630_1"', timeout=20)
        child.expect(pexpect.EOF, timeout=20)
        child.close()
        assert child.exitstatus == 0
