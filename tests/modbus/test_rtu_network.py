"""RTU frames over TCP and UDP, and ASCII on a serial line, against virtual meters."""

import asyncio
import socket
from contextlib import asynccontextmanager

import pytest

from smartmeter.modbus.connection import open_connection
from smartmeter.modbus.counters import LineCounters
from smartmeter.modbus.errors import (
    DamagedAnswerError,
    ExceptionAnswerError,
    ForeignAnswerError,
    NoAnswerError,
    PortError,
    ShortAnswerError,
    SilentTargetError,
)
from smartmeter.modbus.frames import ReadRequest
from smartmeter.modbus.line import NetworkLine, SerialFormat
from smartmeter.modbus.ports import AsciiPort, RtuTcpPort, RtuUdpPort
from smartmeter.simulator import NO_FAULTS, Faults, VirtualLine, VirtualMeter
from smartmeter.simulator.frames import ASCII
from smartmeter.simulator.tcp import tcp_server, udp_server
from tests.modbus.test_rtu import FIRST, MODEL, THIRD, VALUES, expected

TIMEOUT_S = 0.15
KINDS = ["rtu+tcp", "rtu+udp", "ascii"]
LINE = SerialFormat(38400, 7, "E", 1)


@asynccontextmanager
async def opened(kind, meter):
    counters = LineCounters()
    if kind == "ascii":
        with VirtualLine(LINE, [meter], turnaround_s=0.002, framing=ASCII) as line:
            connection = await open_connection(AsciiPort(str(line.path)), LINE, TIMEOUT_S, counters)
            try:
                yield connection, counters
            finally:
                connection.close()
        return
    serving = udp_server([meter]) if kind == "rtu+udp" else tcp_server([meter], rtu=True)
    async with serving as where:
        port = RtuUdpPort(*where) if kind == "rtu+udp" else RtuTcpPort(*where)
        connection = await open_connection(port, NetworkLine(), TIMEOUT_S, counters)
        try:
            yield connection, counters
        finally:
            connection.close()


def virtual_meter():
    return VirtualMeter(MODEL, 1, values=VALUES)


@pytest.mark.parametrize("kind", KINDS)
async def test_reads(kind):
    async with opened(kind, virtual_meter()) as (connection, counters):
        for request in (FIRST, THIRD, FIRST):
            assert await connection.read(request) == expected(request)
        assert counters.requests == counters.answers == 3
        assert not connection.is_broken


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("faults", "error", "counter"),
    [
        (Faults(silent=True), NoAnswerError, "no_answer"),
        (Faults(cut_bytes=10), ShortAnswerError, "short"),
        (Faults(noise=1.0), (DamagedAnswerError, ForeignAnswerError, ShortAnswerError), None),
        (Faults(foreign_address=9), ForeignAnswerError, "foreign"),
        (Faults(exception=4), ExceptionAnswerError, "exceptions"),
        (Faults(exception=11), SilentTargetError, "no_answer"),
    ],
)
async def test_what_is_wrong_is_told_apart_and_the_next_request_is_good(kind, faults, error, counter):
    meter = virtual_meter()
    async with opened(kind, meter) as (connection, counters):
        meter.faults = faults
        with pytest.raises(error):
            await connection.read(THIRD)
        meter.faults = NO_FAULTS
        assert await connection.read(THIRD) == expected(THIRD)
        assert counters.failures == 1
        assert counter is None or getattr(counters, counter) == 1


@pytest.mark.parametrize("kind", KINDS)
async def test_a_late_answer_never_becomes_the_value_of_another_request(kind):
    late, following = ReadRequest(1, 4, 0, 2), ReadRequest(1, 4, 2, 2)
    meter = virtual_meter()
    async with opened(kind, meter) as (connection, counters):
        for _ in range(2):
            meter.faults = Faults(late_s=TIMEOUT_S * 1.5)
            with pytest.raises(NoAnswerError):
                await connection.read(late)
            meter.faults = NO_FAULTS
            assert await connection.read(following) == expected(following)
        assert (counters.late_answers, counters.late_bytes, counters.stray_bytes) == (2, 0, 0)


@pytest.mark.parametrize("kind", ["rtu+tcp", "rtu+udp"])
async def test_an_answer_that_comes_twice_is_drained(kind):
    meter = virtual_meter()
    async with opened(kind, meter) as (connection, counters):
        meter.faults = Faults(twice=True)
        for request in (FIRST, THIRD, FIRST):
            assert await connection.read(request) == expected(request)
            await asyncio.sleep(0.01)
        assert counters.late_bytes + counters.stray_bytes > 0


async def test_a_gateway_that_hangs_up_is_told():
    meter = virtual_meter()
    async with opened("rtu+tcp", meter) as (connection, _):
        meter.faults = Faults(hang_up=True, cut_bytes=20)
        with pytest.raises(PortError, match="the connection has gone away"):
            await connection.read(FIRST)


async def test_a_gateway_that_hung_up_while_nobody_asked_is_noticed():
    async with tcp_server([virtual_meter()], rtu=True) as where:
        connection = await open_connection(RtuTcpPort(*where), NetworkLine(), TIMEOUT_S, LineCounters())
        await connection.read(FIRST)
        assert not connection.is_broken
    await asyncio.sleep(0.05)
    assert connection.is_broken
    connection.close()


async def test_udp_to_where_nobody_listens_is_told():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        where = free.getsockname()
    connection = await open_connection(RtuUdpPort(*where), NetworkLine(), TIMEOUT_S, LineCounters())
    with pytest.raises(PortError, match="the connection"):
        await connection.read(FIRST)
    connection.close()
