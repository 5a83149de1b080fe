"""What a tap is told, on each kind of connection."""

import asyncio
from itertools import pairwise

import pytest

from smartmeter.modbus.connection import open_connection
from smartmeter.modbus.counters import LineCounters
from smartmeter.modbus.frames import ReadRequest
from smartmeter.modbus.line import AsciiFormat, NetworkLine, SerialFormat
from smartmeter.modbus.ports import parse_port
from smartmeter.modbus.trace import Direction
from smartmeter.models import load_model
from smartmeter.simulator import VirtualLine, VirtualMeter
from smartmeter.simulator.frames import ASCII, RTU
from smartmeter.simulator.tcp import tcp_server, udp_server

REQUEST = ReadRequest(1, 4, 0, 40)
MBAP_BYTES = 6
RTU_BYTES = 8
ASCII_BYTES = 17


def meter():
    return VirtualMeter(load_model("SDM530"))


async def trace_of(port, line):
    """Everything that two requests send and bring, and their data."""
    told = []
    connection = await open_connection(parse_port(port), line, 1.0, LineCounters(), lambda *what: told.append(what))
    try:
        data = [await connection.read(REQUEST) for _ in range(2)]
    finally:
        connection.close()
    return told, data


def check(told, data, sent_bytes):
    assert all(earlier[1] <= later[1] for earlier, later in pairwise(told))
    sent = [content for direction, _, content in told if direction is Direction.SENT]
    assert [len(content) for content in sent] == [sent_bytes] * 2
    assert told[0][0] is Direction.SENT
    received = b"".join(content for direction, _, content in told if direction is Direction.RECEIVED)
    for content in data:
        assert content in received or content.hex().upper().encode() in received


@pytest.mark.parametrize(("kind", "framing", "form", "sent"), [
    ("", RTU, SerialFormat(38400), RTU_BYTES),
    ("ascii://", ASCII, AsciiFormat(38400), ASCII_BYTES),
])  # fmt: skip
def test_of_a_serial_line_every_byte_is_told(kind, framing, form, sent):
    with VirtualLine(form, [meter()], turnaround_s=0.002, framing=framing) as line:
        check(*asyncio.run(trace_of(f"{kind}{line.path}", form)), sent)


@pytest.mark.parametrize(("kind", "sent"), [("tcp", RTU_BYTES - 2 + MBAP_BYTES), ("rtu+tcp", RTU_BYTES)])
async def test_of_a_connection_every_byte_is_told(kind, sent):
    async with tcp_server([meter()], rtu=kind == "rtu+tcp") as (host, port):
        check(*await trace_of(f"{kind}://{host}:{port}", NetworkLine()), sent)


async def test_of_datagrams_every_byte_is_told():
    async with udp_server([meter()]) as (host, port):
        check(*await trace_of(f"rtu+udp://{host}:{port}", NetworkLine()), RTU_BYTES)
