"""The client against a server that others wrote: pymodbus's own, on the far end of a serial line."""

import os
import struct
import threading
import tty
from contextlib import asynccontextmanager, contextmanager, suppress

import pytest
from pymodbus import FramerType
from pymodbus.server import ModbusSerialServer
from pymodbus.simulator import DataType, SimData, SimDevice

from smartmeter.modbus.errors import ExceptionAnswerError
from smartmeter.modbus.frames import ReadRequest
from smartmeter.modbus.line import SerialFormat
from smartmeter.modbus.rtu import LineCounters, RtuConnection
from smartmeter.models import load_model
from smartmeter.polling.learned import Learned
from smartmeter.polling.round import read_round
from smartmeter.settings.model import MeterSettings

LINE = SerialFormat(38400)
MODEL = load_model("SDM530")
UNIT = 3
VALUES = {measurand: register.address + 0.25 for measurand, register in MODEL.registers.items()}


@contextmanager
def cable():
    """Two ports, each the other's far end."""
    ends = [os.openpty(), os.openpty()]
    for _, port in ends:
        tty.setraw(port)

    def carry(source, target):
        with suppress(OSError):
            while data := os.read(source, 4096):
                os.write(target, data)

    masters = [master for master, _ in ends]
    threads = [threading.Thread(target=carry, args=pair, daemon=True) for pair in (masters, masters[::-1])]
    for thread in threads:
        thread.start()
    try:
        yield [os.ttyname(port) for _, port in ends]
    finally:
        # Reading from a master fails as soon as the last of its ports is closed.
        for _, port in ends:
            os.close(port)
        for thread in threads:
            thread.join(5)
        for master in masters:
            os.close(master)


@asynccontextmanager
async def pymodbus_server(port):
    words = [0] * 400
    for measurand, register in MODEL.registers.items():
        words[register.address : register.address + 2] = struct.unpack(">HH", struct.pack(">f", VALUES[measurand]))
    device = SimDevice(UNIT, [SimData(0, values=words, datatype=DataType.REGISTERS)])
    server = ModbusSerialServer(device, framer=FramerType.RTU, port=port, baudrate=38400, ignore_missing_devices=True)
    await server.serve_forever(background=True)
    try:
        yield
    finally:
        await server.shutdown()


@pytest.fixture
async def connection():
    with cable() as (here, there):
        async with pymodbus_server(there):
            connection = RtuConnection.open(here, LINE, 0.5, LineCounters())
            yield connection
            connection.close()


async def test_all_68_values(connection):
    meter = MeterSettings("peer", MODEL, UNIT, dict.fromkeys(MODEL.registers, 1_000_000))
    result = await read_round(meter, LINE, frozenset(MODEL.registers), Learned(), connection.read)
    assert result.values == VALUES
    assert not result.failures


async def test_exceptions_and_the_longest_answer(connection):
    with pytest.raises(ExceptionAnswerError) as refused:
        await connection.read(ReadRequest(UNIT, 4, 1000, 2))
    assert refused.value.code == 2
    assert len(await connection.read(ReadRequest(UNIT, 4, 0, 125))) == 250
