"""What keeps a port from being used, for real, and what the system tells of ports, in directories like the system's."""

import asyncio
import os
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from smartmeter.doctor.diagnose import diagnose
from smartmeter.doctor.evidence import (
    Access,
    BusEvidence,
    Exchange,
    Holder,
    LineErrors,
    MeterEvidence,
    Piece,
    PortFacts,
)
from smartmeter.doctor.examine import examine
from smartmeter.doctor.listening import listen
from smartmeter.doctor.port_facts import line_errors, port_facts
from smartmeter.modbus.crc import append_crc
from smartmeter.modbus.errors import PortBusyError, PortError
from smartmeter.modbus.frames import ReadRequest
from smartmeter.modbus.line import NetworkLine, SerialFormat
from smartmeter.simulator import VirtualLine
from smartmeter.simulator.tcp import tcp_server
from smartmeter.simulator.terminal import close_terminal, open_terminal
from tests.doctor.lines import FAST, QUICK, bus, kinds, look, meter_settings, virtual_meter

NOBODY = 65534
EVEN = SerialFormat(9600, 8, "E", 1)
EXCLUSIVE = "import serial, sys; port = serial.Serial(sys.argv[1], exclusive=True); print(1, flush=True); input()"
SHARED = "import os, sys; port = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY); print(1, flush=True); input()"


@pytest.fixture
def line():
    with VirtualLine(FAST, [virtual_meter()], turnaround_s=0.002) as virtual:
        yield virtual


@contextmanager
def as_somebody_without_rights():
    """Root may do everything; whoever else runs the tests may be kept out of their own."""
    own = os.geteuid()
    if own == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(own)


@contextmanager
def process_that_opens(path, program):
    words = [sys.executable, "-c", program, str(path)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        yield process
        process.communicate(b"\n")


def test_no_such_port(tmp_path):
    _, (finding,) = look(bus(tmp_path / "ttyUSB0"))
    assert (finding.kind, finding.what) == ("no_port", f"There is no port {tmp_path / 'ttyUSB0'}.")


@pytest.mark.parametrize("path", ["/dev/null", __file__])
def test_no_serial_port(path):
    _, findings = look(bus(path))
    assert kinds(findings) == [("no_serial_port", "bus1")]


def test_no_permission(line):
    line.path.chmod(0)
    with as_somebody_without_rights():
        _, (finding,) = look(bus(line.path))
    assert finding.kind == "no_permission"
    assert f"{line.path} is c---------" in finding.evidence[0]


def test_a_port_of_the_group_dialout_is_to_be_had_by_joining_it():
    access = Access("crw-rw----", "root", "dialout", "pi", frozenset({"pi", "video"}))
    cause = PermissionError(13, "Permission denied")
    error = PortError("/dev/ttyUSB0: no permission")
    error.__cause__ = cause
    (finding,) = diagnose(BusEvidence(bus("/dev/ttyUSB0"), PortFacts(access=access), port_error=error))
    assert finding.kind == "no_permission"
    assert finding.what == "The user pi may not use /dev/ttyUSB0."
    assert finding.advice == "Add the user to the group: `sudo usermod -aG dialout pi`, then log in again."
    assert "crw-rw----, owner root, group dialout" in finding.evidence[0]


@pytest.mark.parametrize("program", [EXCLUSIVE, SHARED], ids=["exclusive", "shared"])
def test_another_process_on_the_port(line, program):
    with process_that_opens(line.path, program) as process:
        _, findings = look(bus(line.path))
    assert kinds(findings) == [("other_process", "bus1")]
    assert f"process {process.pid}" in findings[0].evidence[0]


def test_another_users_process_has_no_name():
    error = PortBusyError("/dev/ttyUSB0: another process uses the port")
    (finding,) = diagnose(BusEvidence(bus("/dev/ttyUSB0"), PortFacts(), port_error=error))
    assert "sudo fuser -v /dev/ttyUSB0" in finding.advice


def test_the_service_is_to_be_stopped_and_started_again():
    facts = PortFacts(holders=(Holder(77, "/usr/bin/python3 -m smartmeter run"),))
    (finding,) = diagnose(BusEvidence(bus("/dev/ttyUSB0"), facts))
    assert "`sudo systemctl stop smartmeter`" in finding.advice
    assert "`sudo systemctl start smartmeter`" in finding.advice


def test_a_port_that_goes_away_meanwhile(tmp_path):
    with VirtualLine(FAST, [virtual_meter()], tmp_path / "port", turnaround_s=0.002) as line:

        def tell(done, _count):
            if done > 0.3:
                line.unplug()

        evidence = asyncio.run(examine(bus(line.path), QUICK, tell))
    assert kinds(diagnose(evidence)) == [("port_lost", "bus1")]


async def test_a_gateway_that_is_not_there():
    async with tcp_server([virtual_meter()]) as (host, port):
        pass
    evidence = await examine(bus(f"tcp://{host}:{port}", line=NetworkLine()), QUICK, lambda _done, _count: None)
    assert kinds(diagnose(evidence)) == [("unreachable", "bus1")]


@pytest.mark.parametrize("kind", ["tcp", "rtu+tcp"])
async def test_over_a_network_meters_are_told_from_none(kind):
    meters = (meter_settings(1), meter_settings(9))
    async with tcp_server([virtual_meter()], rtu=kind == "rtu+tcp") as (host, port):
        over = bus(f"{kind}://{host}:{port}", *meters, line=NetworkLine(), timeout_s=0.5)
        evidence = await examine(over, QUICK, lambda _done, _count: None)
    (finding,) = diagnose(evidence)
    assert (finding.kind, finding.where) in {("nothing_there", "meter9"), ("gateway", "meter9")}


def heard(data):
    """What the doctor says of a line on which this comes unasked."""
    terminal = open_terminal()
    talking = threading.Timer(0.02, os.write, (terminal.line_fd, data))
    talking.start()
    try:
        pieces = listen(str(terminal.path), FAST, 0.1)
    finally:
        talking.join()
        close_terminal(terminal)
    return diagnose(BusEvidence(bus(terminal.path), PortFacts(), unasked=pieces, listened_s=0.1))


def test_a_second_master_is_heard():
    (finding,) = heard(b"\0" + append_crc(bytes.fromhex("05 04 0000 0002")))
    assert finding.kind == "unasked"
    assert "second master" in finding.what
    assert "address 5, function 4" in finding.evidence[1]


def test_noise_that_comes_unasked_is_heard():
    (finding,) = heard(bytes.fromhex("ff 00 fe 00 00 80"))
    assert (finding.kind, len(finding.evidence)) == ("unasked", 1)


def test_a_silent_line_is_heard_for_as_long_as_told(line):
    began_s = time.monotonic()
    assert listen(str(line.path), FAST, 0.05) == ()
    assert time.monotonic() - began_s >= 0.05


def plugged(directory, tty, *, vendor="0403", product="6001", compatible=b""):
    """A directory like /sys with a port in it."""
    usb = directory / "devices" / "usb1" / "1-1"
    interface = usb / "1-1:1.0" / tty
    (interface / "of_node").mkdir(parents=True)
    if vendor:
        (usb / "idVendor").write_text(f"{vendor}\n")
        (usb / "idProduct").write_text(f"{product}\n")
    (interface / "of_node" / "compatible").write_bytes(compatible)
    tty_class = directory / "class" / "tty" / tty
    tty_class.mkdir(parents=True)
    (tty_class / "device").symlink_to(interface)
    return directory


def answered():
    request = ReadRequest(1, 4, 0, 2)
    answer = append_crc(bytes.fromhex("01 04 04 43 66 19 9a"))
    exchange = Exchange(request, Piece(1.0, request.encode()), (Piece(1.1, answer),), answer[3:-2])
    return MeterEvidence(meter_settings(), (exchange,))


def test_a_ch340_with_parity_is_noted(tmp_path):
    facts = port_facts("/dev/ttyUSB7", sys=plugged(tmp_path, "ttyUSB7", vendor="1a86", product="7523"), proc=tmp_path)
    assert facts == PortFacts(adapter="1a86:7523")
    (finding,) = diagnose(BusEvidence(bus("/dev/ttyUSB7", line=EVEN), facts, (answered(),)))
    assert (finding.kind, finding.weight) == ("ch340_parity", "note")
    assert diagnose(BusEvidence(bus("/dev/ttyUSB7"), facts, (answered(),))) == ()


def test_the_mini_uart_knows_no_parity(tmp_path):
    system = plugged(tmp_path, "ttyS7", vendor="", compatible=b"brcm,bcm2835-aux-uart\0")
    facts = port_facts("/dev/ttyS7", sys=system, proc=tmp_path)
    assert facts == PortFacts(is_mini_uart=True)
    (finding,) = diagnose(BusEvidence(bus("/dev/ttyS7", line=EVEN), facts, (answered(),)))
    assert finding.kind == "mini_uart"
    assert diagnose(BusEvidence(bus("/dev/ttyS7"), facts, (answered(),))) == ()


@pytest.mark.parametrize(("timer_ms", "found"), [(16, ["latency_timer"]), (1, []), (None, [])])
def test_the_driver_of_an_ftdi_adapter_tells_its_timer(timer_ms, found):
    facts = PortFacts(latency_timer_ms=timer_ms)
    findings = diagnose(BusEvidence(bus("/dev/ttyUSB0"), facts, (answered(),)))
    assert [finding.kind for finding in findings] == found
    assert all("setserial /dev/ttyUSB0 low_latency" in finding.advice for finding in findings)


def test_a_pseudo_terminal_counts_no_errors(line):
    descriptor = os.open(line.path, os.O_RDONLY | os.O_NOCTTY)
    try:
        assert line_errors(descriptor) is None
    finally:
        os.close(descriptor)
    assert LineErrors(5, 4, 3, 2).since(LineErrors(1, 1, 1, 1)) == LineErrors(4, 3, 2, 1)


def test_who_has_made_a_pseudo_terminal_does_not_use_it(tmp_path):
    for pid, names in ((11, ("/dev/pts/7", "/dev/ptmx")), (12, ("/dev/pts/7",)), (13, ("/dev/pts/8",))):
        opened = tmp_path / str(pid) / "fd"
        opened.mkdir(parents=True)
        for number, name in enumerate(names):
            (opened / str(number)).symlink_to(name)
        Path(tmp_path / str(pid) / "cmdline").write_bytes(b"minicom\0-D\0")
    assert port_facts("/dev/pts/7", sys=tmp_path, proc=tmp_path).holders == (Holder(12, "minicom -D"),)
