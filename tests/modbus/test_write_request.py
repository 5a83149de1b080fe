"""Writing registers: the frames of the papers, every kind of line, and servers that others wrote."""

import struct
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartmeter.modbus import ascii_frames, frames, mbap
from smartmeter.modbus.connection import open_connection
from smartmeter.modbus.counters import LineCounters
from smartmeter.modbus.crc import append_crc
from smartmeter.modbus.errors import (
    ExceptionAnswerError,
    ForeignAnswerError,
    NoAnswerError,
    ShortAnswerError,
    SilentTargetError,
)
from smartmeter.modbus.frames import ReadRequest
from smartmeter.modbus.ports import SerialPort
from smartmeter.modbus.write_request import WriteRequest
from smartmeter.models import load_model
from smartmeter.simulator import NO_FAULTS, Faults, VirtualLine, VirtualMeter
from tests.modbus.test_network_peers import LINE, peer
from tests.modbus.test_peers import UNIT, cable, pymodbus_server

NODE_60 = WriteRequest(1, 0x14, struct.pack(">f", 60.0))
# Eastron's own example, 60.0 for the demand period; quoted with another register, its checksum is still this one's.
DEMAND_60_FRAME = bytes.fromhex("01 10 00 02 00 02 04 42 70 00 00 67 D5")
CONTENT = bytes.fromhex("01 10 00 14 00 02")
ANSWER = append_crc(CONTENT)

writes = st.builds(
    WriteRequest,
    unit=st.integers(1, 247),
    address=st.integers(0, 65000),
    data=st.integers(1, 123).flatmap(lambda count: st.binary(min_size=2 * count, max_size=2 * count)),
)


def test_the_frame_is_the_one_of_the_paper():
    assert frames.encode(WriteRequest(1, 2, struct.pack(">f", 60.0))) == DEMAND_60_FRAME


def test_the_frame_is_the_one_of_the_specification():
    # "MODBUS application protocol specification V1.1b3", 6.12: 10 00 01 00 02 04 00 0A 01 02, answered 10 00 01 00 02.
    request = WriteRequest(17, 1, bytes.fromhex("000A0102"))
    assert request.content == bytes.fromhex("11 10 00 01 00 02 04 00 0A 01 02")
    assert request.answer_beginnings == (bytes.fromhex("11 10 00 01 00 02"),)
    assert mbap.encode(5, request) == bytes.fromhex("0005 0000 000B 11 10 00 01 00 02 04 00 0A 01 02")
    assert ascii_frames.encode(request) == b":11100001000204000A0102CB\r\n"


@pytest.mark.parametrize("data", [b"", b"\0", bytes(248)])
def test_what_no_frame_can_carry_is_no_request(data):
    with pytest.raises(ValueError, match="cannot be written"):
        WriteRequest(1, 0, data)


def test_nothing_is_written_to_all_units_at_once():
    with pytest.raises(ValueError, match="cannot be written"):
        WriteRequest(0, 0x14, bytes(4))


@given(writes, st.binary(max_size=12))
def test_the_answer_is_found_whatever_lies_before_it(request_, stray):
    answer = append_crc(request_.content[:6])
    found = frames.find_answer(request_, stray + answer)
    assert found == frames.Found(b"", len(stray))
    assert frames.missing_bytes(request_, answer[:5]) == 3


@given(writes, writes)
def test_the_answer_to_another_write_is_none(request_, other):
    answer = append_crc(other.content[:6])
    same = request_.content[:6] == other.content[:6]
    assert (frames.find_answer(request_, answer) is not None) == same
    assert isinstance(mbap.open_answer(request_, 0, other.content[:6]), bytes) == same
    carried = ascii_frames.close_frame(other.content[:6])
    assert (ascii_frames.find_answer(request_, carried) is not None) == same


@pytest.mark.parametrize(
    ("received", "kind"),
    [
        (b"", NoAnswerError),
        (ANSWER[:6], ShortAnswerError),
        (append_crc(bytes.fromhex("01 10 00 16 00 02")), ForeignAnswerError),
        (append_crc(bytes.fromhex("00 10 00 14 00 02")), ForeignAnswerError),
        (append_crc(bytes.fromhex("01 03 04 00 00 00 00")), ForeignAnswerError),
    ],
)
def test_what_is_no_answer_is_explained(received, kind):
    assert frames.find_answer(NODE_60, received) is None
    assert type(frames.explain_failure(NODE_60, received)) is kind


def test_the_answer_to_a_write_is_none_to_a_read():
    request = ReadRequest(1, 3, 0x14, 2)
    assert frames.find_answer(request, ANSWER) is None
    assert type(frames.explain_failure(request, ANSWER)) is ForeignAnswerError


def test_a_refusal_is_an_exception():
    with pytest.raises(ExceptionAnswerError) as refused:
        frames.find_answer(NODE_60, append_crc(bytes.fromhex("01 90 03")))
    assert refused.value.code == 3
    with pytest.raises(SilentTargetError):
        frames.find_answer(NODE_60, append_crc(bytes.fromhex("01 90 0B")))
    assert mbap.open_answer(NODE_60, 0, bytes.fromhex("01 90 05")).code == 5


def test_an_answer_as_another_unit_counts_only_where_it_is_known():
    answer = bytes.fromhex("00 10 F0 10 00 01")
    reset = WriteRequest(1, 0xF010, b"\0\3", also_answers_as=(0,))
    assert frames.find_answer(reset, append_crc(answer)) == frames.Found(b"", 0)
    assert frames.find_answer(reset, append_crc(b"\1" + answer[1:])) == frames.Found(b"", 0)
    assert ascii_frames.find_answer(reset, ascii_frames.close_frame(answer)) == frames.Found(b"", 0)
    assert mbap.open_answer(reset, 0, answer) == b""
    refusal = bytes.fromhex("00 90 05")
    with pytest.raises(ExceptionAnswerError):
        frames.find_answer(reset, append_crc(refusal))
    with pytest.raises(ExceptionAnswerError):
        ascii_frames.find_answer(reset, ascii_frames.close_frame(refusal))
    assert mbap.open_answer(reset, 0, refusal).code == 5
    plain = WriteRequest(1, 0xF010, b"\0\3")
    assert frames.find_answer(plain, append_crc(refusal)) is None
    assert frames.find_answer(plain, append_crc(answer)) is None
    assert isinstance(mbap.open_answer(plain, 0, answer), ForeignAnswerError)


@asynccontextmanager
async def server(kind):
    """Port and line of a pymodbus server, over each kind of line."""
    if kind != "rtu":
        async with peer(kind) as where:
            yield where
        return
    with cable() as (here, there):
        async with pymodbus_server(there):
            yield SerialPort(here), LINE


@pytest.mark.parametrize("kind", ["rtu", "tcp", "rtu+tcp", "rtu+udp", "ascii"])
async def test_pymodbus_takes_what_is_written(kind):
    counters = LineCounters()
    async with server(kind) as (port, line):
        connection = await open_connection(port, line, 1.0, counters)
        try:
            await connection.write(WriteRequest(UNIT, 20, struct.pack(">f", 60.0)))
            assert await connection.read(ReadRequest(UNIT, 3, 20, 2)) == struct.pack(">f", 60.0)
            with pytest.raises(ExceptionAnswerError) as refused:
                await connection.write(WriteRequest(UNIT, 1000, bytes(4)))
            assert refused.value.code == 2
        finally:
            connection.close()
    assert (counters.requests, counters.answers, counters.exceptions) == (3, 2, 1)


async def test_a_late_answer_to_a_write_is_taken_for_nothing_else():
    meter = VirtualMeter(load_model("SDM630"), 1)
    with VirtualLine(LINE, [meter], turnaround_s=0.001) as line:
        counters = LineCounters()
        connection = await open_connection(SerialPort(str(line.path)), LINE, 0.05, counters)
        try:
            meter.faults = Faults(late_s=0.12)
            with pytest.raises(NoAnswerError):
                await connection.write(WriteRequest(1, 2, struct.pack(">f", 15)))
            meter.faults = NO_FAULTS
            # Of the same shape, and refused: it waits until the other answer can no longer come.
            with pytest.raises(ExceptionAnswerError):
                await connection.write(WriteRequest(1, 0x1C, struct.pack(">f", 15)))
            assert await connection.read(ReadRequest(1, 3, 2, 2)) == struct.pack(">f", 15)
        finally:
            connection.close()
    assert len([each for each in line.requests if each.frame[1] == 16]) == 2
    assert (counters.late_answers, counters.late_bytes) == (1, 0)
