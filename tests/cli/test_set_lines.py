"""`smartmeter set` over every kind of line, with settings files, and on meters that others wrote."""

import asyncio
import io
import os
import pty
import struct
import subprocess
import sys
from contextlib import asynccontextmanager

import pytest
from pymodbus import FramerType
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from smartmeter.cli.main import main
from smartmeter.modbus.line import SerialFormat
from smartmeter.modbus.port import open_port
from smartmeter.models import load_model
from smartmeter.simulator import VirtualLine, VirtualMeter
from smartmeter.simulator.frames import ASCII
from smartmeter.simulator.tcp import tcp_server, udp_server
from tests.configuring.setting import line_of, meter_of, writes
from tests.fixtures.documents import ROOT
from tests.modbus.test_peers import cable

PATIENCE_S = 20


@asynccontextmanager
async def reached(kind, meter):
    """What stands at --port for the meter."""
    if kind == "ascii":
        with VirtualLine(SerialFormat(9600), [meter], turnaround_s=0.001, framing=ASCII) as line:
            yield f"ascii://{line.path}"
        return
    serving = udp_server([meter]) if kind == "rtu+udp" else tcp_server([meter], rtu=kind == "rtu+tcp")
    async with serving as (host, port):
        yield f"{kind}://{host}:{port}"


def set_at(port, model, *words):
    return asyncio.to_thread(main, ["set", "--port", port, "--model", model, "--timeout", "0.15", *words])


@pytest.mark.parametrize("kind", ["tcp", "rtu+tcp", "rtu+udp", "ascii"])
async def test_over_every_kind_of_line(kind):
    meter = meter_of("SDM72DMV2", effect="at once")
    async with reached(kind, meter) as port:
        assert await set_at(port, "SDM72DMV2", "system_type=1P2W", "--yes") == 0
        assert await set_at(port, "SDM72DMV2", "address=9", "--yes") == 0
    assert (meter.holding["system_type"], meter.address) == (1, 9)


@pytest.mark.parametrize("kind", ["tcp", "rtu+tcp"])
async def test_what_counts_at_once_behind_a_gateway_is_told(kind, capsys):
    meter = meter_of("SDM630")
    async with reached(kind, meter) as port:
        answer = meter.answer

        def then_silent(pdu, faults):
            # As behind a gateway whose line is set otherwise from now on.
            return answer(pdu, faults) if meter.holding["baudrate"] == 2 or pdu[0] == 16 else None

        meter.answer = then_silent
        assert await set_at(port, "SDM630", "baudrate=19200", "--yes") == 1
    captured = capsys.readouterr()
    assert "The gateway must be set likewise" in captured.out
    assert "it seems to count at once; set the gateway likewise" in captured.err


def settings_file(directory, port, more=""):
    path = directory / "smartmeter.toml"
    path.write_text(f"""
[[bus]]
name = "cellar"
port = "{port}"
baudrate = 9600
timeout = "0.15s"
[[bus.meter]]
name = "house"
model = "SDM630"
address = 1
{more}""")
    return path


SECOND = '[[bus.meter]]\nname = "flat"\nmodel = "SDM230"\naddress = 2\n'


def test_what_must_stand_in_the_settings_afterwards_is_told(tmp_path, capsys):
    meter = meter_of("SDM630")
    with line_of(meter) as line:
        path = settings_file(tmp_path, line.path)
        for word in ("address=7", "baudrate=19200", "parity=E"):
            assert main(["set", "-c", str(path), word, "--yes"]) == 0
    told = capsys.readouterr().out
    assert f"must stand in {path}, of the meter house:\n  address = 7\n" in told
    assert f"must stand in {path}, of the bus cellar:\n  baudrate = 19200\n" in told
    assert 'of the bus cellar:\n  parity = "E"\n  stopbits = 1\n' in told


def test_the_original_s_settings_have_other_names(tmp_path, capsys):
    meter = VirtualMeter(load_model("SDM530"))
    with line_of(meter) as line:
        path = tmp_path / "smartmeter_cfg.toml"
        path.write_text(f"""
[modbus]
serial_if = "{line.path}"
serial_if_baud = 9600
serial_if_par = "N"
slave_addr = 1
[[messintervall]]
Spannung_L1 = 10
""")
        assert main(["set", "-c", str(path), "baudrate=4800", "--yes"]) == 0
    assert f"must stand in {path}:\n  serial_if_baud = 4800\n" in capsys.readouterr().out


def test_the_other_meters_of_the_bus_are_named(tmp_path, capsys):
    with line_of(meter_of("SDM630"), meter_of("SDM230", 2)) as line:
        path = settings_file(tmp_path, line.path, SECOND)
        assert main(["set", "-c", str(path), "house", "baudrate=19200", "--yes"]) == 0
        assert "flat must be changed likewise, each by itself" in capsys.readouterr().out
        assert main(["set", "-c", str(path), "flat", "baudrate=4800", "--yes"]) == 0
        assert "house must be changed likewise" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["address=9"], "which meter? The settings have house, flat"),
        (["hose", "address=9"], "there is no meter 'hose'; the settings have house, flat"),
        (["house", "address=2"], "the settings have flat there; choose another address"),
        (["house", "flat", "address=9"], "one meter and one NAME=VALUE at a time"),
    ],
)
def test_what_is_meant_must_be_clear(tmp_path, words, told, capsys):
    # The second meter has no supply now, so that it cannot be found by asking.
    with line_of(meter_of("SDM630")) as line:
        path = settings_file(tmp_path, line.path, SECOND)
        assert main(["set", "-c", str(path), *words, "--yes"]) == 1
        assert writes(line) == []
    assert told in capsys.readouterr().err


def test_a_port_that_the_daemon_has_is_told_with_what_to_do(tmp_path, capsys):
    with line_of(meter_of("SDM630")) as line:
        daemon = open_port(str(line.path), SerialFormat(9600))
        try:
            assert main(["set", "-c", str(settings_file(tmp_path, line.path)), "parity=E", "--yes"]) == 1
        finally:
            daemon.close()
    assert "sudo systemctl stop smartmeter" in capsys.readouterr().err


@pytest.mark.parametrize(("answer", "expected"), [("y", 15), ("ja", 15), ("n", 60), ("", 60)])
def test_it_asks_at_a_terminal(tmp_path, answer, expected):
    meter = meter_of("SDM630")
    with line_of(meter) as line:
        command = [sys.executable, "-m", "smartmeter", "set", "demand_period=15"]
        terminal, our_end = pty.openpty()
        os.write(terminal, f"{answer}\n".encode())
        done = subprocess.run(
            [*command, "-c", str(settings_file(tmp_path, line.path))],
            cwd=ROOT,
            stdin=our_end,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        os.close(our_end)
        os.close(terminal)
    assert done.returncode == 0, done.stderr
    assert "house: SDM630 at address 1: demand_period 60 min → 15 min" in done.stdout
    assert "Write it to the meter? [y/N]" in done.stdout
    assert ("Nothing was written." in done.stdout) == (expected == 60)
    assert meter.holding["demand_period"] == expected


def test_without_a_terminal_nobody_agrees(tmp_path, capsys, monkeypatch):
    meter = meter_of("SDM630")
    with line_of(meter) as line:
        monkeypatch.setattr(sys, "stdin", io.StringIO())
        assert main(["set", "-c", str(settings_file(tmp_path, line.path)), "demand_period=15"]) == 1
        assert writes(line) == []
    assert "nobody is there to ask; with --yes it is written unasked" in capsys.readouterr().err


def foreign_meter():
    """The holding registers of an SDM630, as pymodbus keeps them."""
    words = [0] * 200
    for register, value in ((2, 60.0), (0x12, 0.0), (0x14, 1.0), (0x1C, 2.0)):
        words[register : register + 2] = struct.unpack(">HH", struct.pack(">f", value))
    return SimDevice(1, [SimData(0, values=words, datatype=DataType.REGISTERS)])


async def test_a_meter_on_pymodbus_takes_it_on_a_serial_line(capsys):
    with cable() as (here, there):
        server = ModbusSerialServer(
            foreign_meter(), framer=FramerType.RTU, port=there, baudrate=9600, ignore_missing_devices=True
        )
        await server.serve_forever(background=True)
        try:
            for word in ("demand_period=15", "baudrate=19200", "parity=O"):
                assert await set_at(here, "SDM630", word, "--yes") == 0
        finally:
            await server.shutdown()
    assert capsys.readouterr().out.count("Written and read back") == 3


async def test_a_meter_on_pymodbus_takes_it_on_tcp(capsys):
    server = ModbusTcpServer(foreign_meter(), address=("127.0.0.1", 0), ignore_missing_devices=True)
    await server.serve_forever(background=True)
    try:
        host, port = server.transport.sockets[0].getsockname()
        assert await set_at(f"tcp://{host}:{port}", "SDM630", "parity=N2", "--yes") == 0
    finally:
        await server.shutdown()
    assert "parity N → N2" in capsys.readouterr().out


def test_mbpoll_reads_what_was_set(mbpoll):
    meter = meter_of("SDM630")
    with line_of(meter) as line:
        assert main(["set", "--port", str(line.path), "--model", "SDM630", "demand_period=8", "--yes"]) == 0
        port = ("-m", "rtu", "-b", 9600, "-P", "none", "-s", 1, "-o", 3, line.path)
        assert mbpoll(*port, address=1, start=2, count=2, holding=True) == struct.pack(">f", 8)


def test_what_mbpoll_sets_is_shown(mbpoll, capsys):
    meter = meter_of("SDM630")
    with line_of(meter) as line:
        port = ("-m", "rtu", "-b", 9600, "-P", "none", "-s", 1, "-o", 3, line.path)
        mbpoll.write(*port, address=1, start=2, words=struct.unpack(">HH", struct.pack(">f", 30)))
        assert main(["set", "--port", str(line.path), "--model", "SDM630"]) == 0
    assert "demand_period      30 min" in capsys.readouterr().out
