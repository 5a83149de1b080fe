"""Clients that others wrote read all 68 values of the SDM530 and get exactly what the virtual meter holds."""

import asyncio
import struct

import minimalmodbus
import pytest
from pymodbus import FramerType
from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient, ModbusSerialClient, ModbusTcpClient

from smartmeter.modbus.line import SerialFormat
from smartmeter.models import load_model
from smartmeter.simulator import Quirks, VirtualLine, VirtualMeter
from smartmeter.simulator.tcp import tcp_server

MODEL = load_model("SDM530")
ADDRESS = 5
LINE = SerialFormat(38400)
TURNAROUND_S = 0.001
NOW_S = 123_456_789.0
BLOCKS = ((0, 44), (46, 62), (200, 70), (334, 12))
SERIAL = {"framer": FramerType.RTU, "baudrate": 38400, "parity": "N", "stopbits": 1, "timeout": 3}


@pytest.fixture
def meter():
    return VirtualMeter(MODEL, ADDRESS, clock=lambda: NOW_S)


@pytest.fixture
def line(meter):
    with VirtualLine(LINE, [meter], turnaround_s=TURNAROUND_S) as line:
        yield line


@pytest.fixture
def expected(meter):
    values = meter.values_at(NOW_S)
    assert len(values) == 68
    return values


def decoded(blocks):
    """The values in blocks of register contents, by start address."""
    return {
        name: struct.unpack_from(">f", data, 2 * (register.address - start))[0]
        for name, register in MODEL.registers.items()
        for start, data in blocks.items()
        if start <= register.address < start + len(data) // 2
    }


def contents(response):
    assert not response.isError(), response
    return struct.pack(f">{len(response.registers)}H", *response.registers)


def test_minimalmodbus_value_by_value(line, expected):
    instrument = minimalmodbus.Instrument(str(line.path), ADDRESS)
    instrument.serial.baudrate = 38400
    instrument.serial.timeout = 3
    try:
        read = {
            name: instrument.read_float(register.address, functioncode=4) for name, register in MODEL.registers.items()
        }
    finally:
        instrument.serial.close()
    assert read == expected
    assert line.counts.early == 0


def test_pymodbus_on_the_line(line, expected):
    with ModbusSerialClient(str(line.path), **SERIAL) as client:
        blocks = {
            start: contents(client.read_input_registers(start, count=count, device_id=ADDRESS))
            for start, count in BLOCKS
        }
    assert decoded(blocks) == expected


async def test_pymodbus_async_on_the_line(line, expected):
    async with AsyncModbusSerialClient(str(line.path), **SERIAL) as client:
        blocks = {
            start: contents(await client.read_input_registers(start, count=count, device_id=ADDRESS))
            for start, count in BLOCKS
        }
    assert decoded(blocks) == expected


def test_mbpoll_on_the_line(line, expected, mbpoll):
    port = ("-m", "rtu", "-b", 38400, "-P", "none", "-s", 1, "-o", 3, line.path)
    blocks = {start: mbpoll(*port, address=ADDRESS, start=start, count=count) for start, count in BLOCKS}
    assert decoded(blocks) == expected


async def test_pymodbus_on_tcp(meter, expected):
    def read(host, port):
        with ModbusTcpClient(host, port=port) as client:
            return {
                start: contents(client.read_input_registers(start, count=count, device_id=ADDRESS))
                for start, count in BLOCKS
            }

    async with tcp_server([meter]) as where:
        blocks = await asyncio.to_thread(read, *where)
    assert decoded(blocks) == expected


async def test_pymodbus_async_on_tcp(meter, expected):
    async with tcp_server([meter]) as (host, port), AsyncModbusTcpClient(host, port=port) as client:
        blocks = {
            start: contents(await client.read_input_registers(start, count=count, device_id=ADDRESS))
            for start, count in BLOCKS
        }
    assert decoded(blocks) == expected


async def test_mbpoll_on_tcp(meter, expected, mbpoll):
    async with tcp_server([meter]) as (host, port):
        where = ("-m", "tcp", "-p", port, host)
        blocks = {
            start: await asyncio.to_thread(mbpoll, *where, address=ADDRESS, start=start, count=count)
            for start, count in BLOCKS
        }
    assert decoded(blocks) == expected


def test_exceptions_and_diagnostics_are_understood(line, meter):
    meter.quirks = Quirks(refuse_undefined=True)
    with ModbusSerialClient(str(line.path), **SERIAL) as client:
        assert client.read_input_registers(44, count=2, device_id=ADDRESS).exception_code == 2
        assert client.read_coils(0, count=1, device_id=ADDRESS).exception_code == 1
        assert client.diag_query_data(b"\x12\x34", device_id=ADDRESS).message == b"\x12\x34"
