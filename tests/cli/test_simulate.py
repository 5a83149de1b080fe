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
import serial
from pymodbus.client import ModbusTcpClient

from smartmeter.cli.main import main
from smartmeter.modbus.crc import append_crc

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
        (("--late-ms", "900"), minimalmodbus.NoResponseError),
        (("--noise", "1"), minimalmodbus.InvalidResponseError),
        (("--cut-bytes", "3"), minimalmodbus.InvalidResponseError),
        (("--most-bytes", "8"), minimalmodbus.InvalidResponseError),
        (("--garbage", "f8 c0 03"), minimalmodbus.InvalidResponseError),
        (("--stray-zeros", "1"), minimalmodbus.InvalidResponseError),
        (("--foreign-address", "9"), minimalmodbus.InvalidResponseError),
        (("--echo",), minimalmodbus.InvalidResponseError),
        (("--exception", "6"), minimalmodbus.SlaveDeviceBusyError),
        (("--address", "1,1", "--collide"), minimalmodbus.InvalidResponseError),
    ],
)
def test_faults(tmp_path, options, error):
    link = tmp_path / "meter"
    with simulating("--link", link, *options) as _, pytest.raises(error):
        read_voltage(link, timeout=0.3)


def test_answers_may_come_twice(tmp_path):
    link = tmp_path / "meter"
    with (
        simulating("--link", link, "--twice", "--turnaround-ms", "1") as _,
        serial.Serial(str(link), timeout=5) as port,
    ):
        port.write(append_crc(bytes((1, 4, 0, 0, 0, 2))))
        answers = port.read(18)
        assert len(answers) == 18
        assert answers[:9] == answers[9:]


def test_faults_may_strike_one_meter_and_some_answers(tmp_path):
    link = tmp_path / "meters"
    with simulating("--link", link, "--address", "1,2", "--silent", "--faulty-address", "2", "--every", "2") as _:
        assert read_voltage(link, 1) > 0
        with pytest.raises(minimalmodbus.NoResponseError):
            read_voltage(link, 2, timeout=0.3)
        assert read_voltage(link, 2) > 0


def test_each_meter_may_be_set_in_its_own_way(tmp_path):
    link = tmp_path / "meters"
    settings = ("--model", "SDM530,SDM230", "--settings", "9600N1,19200 8n2")
    with simulating("--link", link, *settings) as (_, line):
        assert line.startswith(f"SDM530 at address 1 (9600 8N1), SDM230 at address 2 (19200 8N2) on {link}; ")
        assert read_voltage(link, 2, baudrate=19200) > 0
        with pytest.raises(minimalmodbus.NoResponseError):
            read_voltage(link, 2, baudrate=9600, timeout=0.2)


def test_an_adapter_may_hold_answers_back(tmp_path):
    link = tmp_path / "meter"
    with simulating("--link", link, "--usb-latency-ms", "400", "--turnaround-ms", "1") as _:
        assert read_voltage(link) > 0
        with pytest.raises(minimalmodbus.NoResponseError):
            # Whatever the moment is, one of two that follow each other is held back for long enough.
            [read_voltage(link, timeout=0.15) for _ in range(2)]


@pytest.mark.parametrize(
    ("kind", "options", "error"),
    [
        ((), ("--exception", "4"), "exception 4 (device failure)"),
        ((), ("--late-ms", "500"), "no answer"),
        ((), ("--foreign-address", "9"), "belongs to another request"),
        ((), ("--turnaround-ms", "500"), "no answer"),
        (("--rtu",), ("--noise", "1"), "damaged"),
        pytest.param(("--rtu",), ("--cut-bytes", "2"), "broke off", marks=pytest.mark.slow),
        pytest.param(("--rtu",), ("--most-bytes", "70"), "broke off", marks=pytest.mark.slow),
        pytest.param(("--rtu",), ("--garbage", "f8c003"), "damaged, 3 of 93 bytes", marks=pytest.mark.slow),
        ((), ("--garbage", "485454502f312e31"), "what came is no Modbus TCP"),
    ],
)
def test_faults_over_a_network(kind, options, error):
    with simulating("--tcp", 0, *kind, *options) as (_, line):
        port = re.search(r" port (\d+);", line)[1]
        scheme = "rtu+tcp" if kind else "tcp"
        arguments = ("read", "--port", f"{scheme}://127.0.0.1:{port}", "--timeout", "0.1")
        done = subprocess.run(
            [*COMMAND[:-1], *arguments], capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )
        assert done.returncode == 1
        assert error in done.stderr


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
        (("--settings", "9600"), "'9600' does not fit; settings are like 9600N1 or 9600N1,19200E1"),
        (("--settings", "9600N1,19200E1,2400N1", "--address", "1,2"), "--settings has 3 settings, and there are 2 me"),
        (("--settings", "9600N1", "--parity", "E"), "--parity is said by --settings; leave one of them out"),
        (("--rtu",), "--rtu says what goes over --tcp; give both, or leave it out"),
        (("--tcp", "0", "--usb-latency-ms", "16"), "--usb-latency-ms is of a serial line; leave it out with --tcp"),
        (("--udp", "0", "--echo"), "--echo is of a serial line"),
        (("--tcp", "0", "--noise", "0.1"), "--noise does not happen on Modbus TCP; it does with --tcp … --rtu"),
        (("--every", "3"), "--every says whom a fault strikes; name a fault as well, such as --silent"),
        (("--silent", "--faulty-address", "3"), "--faulty-address 3: no meter has this address"),
        (("--replay", "nowhere.jsonl"), "nowhere.jsonl cannot be read: No such file"),
        (("--replay", __file__), "test_simulate.py, line 1: this is no recording; `smartmeter record` makes them"),
        (("--replay", "x", "--model", "SDM530"), "--model does not go with --replay, which does as was recorded"),
        (("--replay", "x", "--noise", "0.1"), "--noise does not go with --replay"),
        (("--exception", "0"), "'0' does not fit; it is a number from 1 to 255"),
        (("--tcp", "70000"), "'70000' does not fit; it is a number from 0 to 65535"),
        (("--tcp", "1502", "--link", "x"), "not allowed with argument"),
        (("--tcp", "0", "--host", "203.0.113.1"), "203.0.113.1 port 0 cannot be served: "),
    ],
)
def test_mistakes_are_named(capsys, arguments, message):
    assert message in complaint(capsys, *arguments)
