"""`smartmeter simulate` as a user runs it: in a process of its own."""

import json
import re
import select
import shlex
import signal
import struct
import subprocess
import sys
from contextlib import contextmanager

import minimalmodbus
import pytest
from pymodbus.client import ModbusTcpClient

from smartmeter.cli.main import main

PATIENCE_S = 20
COMMAND = (sys.executable, "-c", "import sys; from smartmeter.cli.main import main; sys.exit(main())", "simulate")


@contextmanager
def simulating(*arguments):
    """The process, and the line that it printed."""
    with subprocess.Popen(
        [*COMMAND, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert select.select([process.stdout], [], [], PATIENCE_S)[0], "it printed nothing"
            yield process, process.stdout.readline().rstrip("\n")
        finally:
            process.kill()


def end(process, with_signal=signal.SIGTERM):
    """Exit status and whatever else it printed."""
    process.send_signal(with_signal)
    output, errors = process.communicate(timeout=PATIENCE_S)
    return process.returncode, output + errors


def read_voltage(port, address=1, **settings):
    instrument = minimalmodbus.Instrument(str(port), address)
    for name, value in {"baudrate": 9600, "timeout": 1.0, **settings}.items():
        setattr(instrument.serial, name, value)
    try:
        return instrument.read_float(0, functioncode=4)
    finally:
        instrument.serial.close()


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_says_where_the_meter_is_and_ends_cleanly(tmp_path, ending):
    link = tmp_path / "my meter"
    with simulating("--link", link) as (process, line):
        assert line == (
            f"SDM530 at address 1 on {link}, 9600 8N1; read it with: smartmeter read --port '{link}' "
            "--model SDM530 --address 1 --baudrate 9600 --parity N --stopbits 1"
        )
        assert 215 < read_voltage(link) < 245
        assert end(process, ending) == (0, "")
    assert list(tmp_path.iterdir()) == []


def test_without_a_link_it_names_the_terminal():
    with simulating() as (process, line):
        (port,) = re.fullmatch(r"SDM530 at address 1 on (/dev/\S+), 9600 8N1; .*", line).groups()
        assert 215 < read_voltage(port) < 245
        assert end(process) == (0, "")


def test_several_meters_share_the_line(tmp_path):
    link = tmp_path / "meters"
    options = ("--model", "SDM530, sdm230", "--address", "3,200", "--baudrate", "38400", "--stopbits", "2")
    with simulating(*options, "--turnaround-ms", "5", "--link", link) as (_, line):
        assert line.startswith(f"SDM530 at address 3, SDM230 at address 200 on {link}, 38400 8N2; ")
        voltages = {read_voltage(link, address, baudrate=38400, stopbits=2) for address in (3, 200)}
        assert len(voltages) == 2


def test_one_model_at_several_addresses():
    with simulating("--address", "7,8") as (_, line):
        assert line.startswith("SDM530 at address 7, SDM530 at address 8 on ")


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (("--silent",), minimalmodbus.NoResponseError),
        (("--noise", "1"), minimalmodbus.InvalidResponseError),
    ],
)
def test_faults(tmp_path, options, error):
    link = tmp_path / "meter"
    with simulating("--link", link, *options) as _, pytest.raises(error):
        read_voltage(link, timeout=0.3)


def test_modbus_tcp_and_refusals():
    with simulating("--tcp", 0, "--max-registers", 20, "--refuse-undefined") as (process, line):
        port = int(re.match(r"SDM530 at address 1 on Modbus TCP 127.0.0.1 port (\d+); read it with: mbpoll ", line)[1])
        with ModbusTcpClient("127.0.0.1", port=port) as client:
            registers = client.read_input_registers(0, count=20, device_id=1).registers
            assert 215 < struct.unpack(">f", struct.pack(">2H", *registers[:2]))[0] < 245
            assert client.read_input_registers(0, count=22, device_id=1).exception_code == 2
            assert client.read_input_registers(44, count=2, device_id=1).exception_code == 2
            assert end(process, signal.SIGINT) == (0, "")


def test_how_it_says_to_read_the_line_works(tmp_path):
    with simulating("--link", tmp_path / "my meter", "--baudrate", 19200, "--parity", "E") as (_, line):
        program, *arguments = shlex.split(line.partition("read it with: ")[2])
        assert program == "smartmeter"
        done = subprocess.run(
            [*COMMAND[:-1], *arguments, "--json"], capture_output=True, text=True, timeout=PATIENCE_S, check=True
        )
        values = json.loads(done.stdout)["values"]
        assert len(values) == 68
        assert 215 < values["voltage_l1"] < 245


def test_how_it_says_to_read_tcp_works(mbpoll):
    with simulating("--tcp", 0) as (_, line):
        command = line.partition("read it with: ")[2].split()
        done = subprocess.run([*command, "-1"], capture_output=True, text=True, timeout=PATIENCE_S, check=True)
        voltages = [float(value) for value in re.findall(r"^\[\d\]:\s+(\S+)$", done.stdout, re.MULTILINE)]
        assert len(voltages) == 3
        assert all(215 < voltage < 245 for voltage in voltages)


def complaint(capsys, *arguments):
    try:
        status = main(["simulate", *map(str, arguments)])
    except SystemExit as exited:
        status = exited.code
    assert status != 0
    return capsys.readouterr().err


def test_a_file_is_never_overwritten(tmp_path, capsys):
    link = tmp_path / "meter"
    link.write_text("precious")
    assert complaint(capsys, "--link", link) == (
        f"smartmeter: {link} exists and is no symbolic link: it stays as it is; choose another path for the link\n"
    )
    assert link.read_text() == "precious"
    # What was blocked to wait for it is free again.
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--model", "SDM999"), "smartmeter: unknown meter model 'SDM999'; `smartmeter models` lists them"),
        (("--model", "SDM530,SDM230", "--address", "1"), "--model names 2 meters and --address 1; give as many"),
        (("--address", "4,4"), "--address names one address twice"),
        (("--address", "0"), "'0' is no list of addresses; they are numbers from 1 to 247"),
        (("--address", "one"), "'one' is no list of addresses"),
        (("--noise", "1.5"), "'1.5' does not fit; it is a number from 0 to 1"),
        (("--noise", "much"), "'much' does not fit"),
        (("--tcp", "70000"), "'70000' does not fit; it is a number from 0 to 65535"),
        (("--tcp", "1502", "--link", "x"), "not allowed with argument"),
        (("--tcp", "0", "--host", "203.0.113.1"), "203.0.113.1 port 0 cannot be served: "),
    ],
)
def test_mistakes_are_named(capsys, arguments, message):
    assert message in complaint(capsys, *arguments)
