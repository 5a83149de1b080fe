"""The client against servers that others wrote: pymodbus's own, over each kind of line."""

import struct
from contextlib import asynccontextmanager

import pytest
from pymodbus import FramerType
from pymodbus.server import ModbusSerialServer, ModbusTcpServer, ModbusUdpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from smartmeter.modbus.connection import open_connection
from smartmeter.modbus.counters import LineCounters
from smartmeter.modbus.errors import ExceptionAnswerError
from smartmeter.modbus.frames import ReadRequest
from smartmeter.modbus.line import NetworkLine, SerialFormat
from smartmeter.modbus.ports import AsciiPort, RtuTcpPort, RtuUdpPort, TcpPort
from smartmeter.polling.learned import Learned
from smartmeter.polling.round import read_round
from smartmeter.settings.model import MeterSettings
from tests.modbus.test_peers import MODEL, UNIT, VALUES, cable

LINE = SerialFormat(38400)


def device():
    words = [0] * 400
    for measurand, register in MODEL.registers.items():
        words[register.address : register.address + 2] = struct.unpack(">HH", struct.pack(">f", VALUES[measurand]))
    return SimDevice(UNIT, [SimData(0, values=words, datatype=DataType.REGISTERS)])


@asynccontextmanager
async def serving(server):
    await server.serve_forever(background=True)
    try:
        yield server.transport
    finally:
        await server.shutdown()


@asynccontextmanager
async def peer(kind):
    """Port and line of a pymodbus server."""
    where = ("127.0.0.1", 0)
    if kind == "ascii":
        with cable() as (here, there):
            server = ModbusSerialServer(device(), framer=FramerType.ASCII, port=there, baudrate=38400)
            async with serving(server):
                yield AsciiPort(here), LINE
        return
    if kind == "rtu+udp":
        async with serving(ModbusUdpServer(device(), framer=FramerType.RTU, address=where)) as transport:
            yield RtuUdpPort(*transport.get_extra_info("sockname")), NetworkLine()
        return
    framer = FramerType.SOCKET if kind == "tcp" else FramerType.RTU
    async with serving(ModbusTcpServer(device(), framer=framer, address=where)) as transport:
        kind_of_port = TcpPort if kind == "tcp" else RtuTcpPort
        yield kind_of_port(*transport.sockets[0].getsockname()), NetworkLine()


@pytest.mark.parametrize("kind", ["tcp", "rtu+tcp", "rtu+udp", "ascii"])
async def test_all_68_values_exceptions_and_the_longest_answer(kind):
    async with peer(kind) as (port, line):
        connection = await open_connection(port, line, 1.0, LineCounters())
        meter = MeterSettings("peer", MODEL, UNIT, dict.fromkeys(MODEL.registers, 1_000_000))
        result = await read_round(meter, line, frozenset(MODEL.registers), Learned(), connection.read)
        assert result.values == VALUES
        assert not result.failures
        with pytest.raises(ExceptionAnswerError) as refused:
            await connection.read(ReadRequest(UNIT, 4, 1000, 2))
        assert refused.value.code == 2
        assert len(await connection.read(ReadRequest(UNIT, 4, 0, 125))) == 250
        connection.close()
