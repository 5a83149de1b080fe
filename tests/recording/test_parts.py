"""Frames are found in whatever lies around them."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartmeter.modbus.ascii_frames import close_frame
from smartmeter.modbus.crc import append_crc
from smartmeter.recording.parts import Frame, ascii_parts, rtu_parts, tcp_parts

units = st.integers(0, 247)
read_requests = st.builds(
    lambda *what: struct.pack(">BHH", *what), st.integers(1, 4), st.integers(0, 65535), st.integers(1, 125)
)
read_answers = st.builds(
    lambda function, words: bytes((function, 2 * len(words))) + struct.pack(f">{len(words)}H", *words),
    st.integers(3, 4),
    st.lists(st.integers(0, 65535), min_size=1, max_size=125),
)
exceptions = st.builds(lambda function, code: bytes((function | 0x80, code)), st.integers(1, 127), st.integers(1, 11))
short = st.builds(
    lambda *what: struct.pack(">BHH", *what),
    st.sampled_from((5, 6, 8, 15, 16)),
    st.integers(0, 65535),
    st.integers(0, 65535),
)
long_requests = st.builds(
    lambda function, address, data: struct.pack(">BHHB", function, address, len(data) // 2, len(data)) + data,
    st.sampled_from((15, 16)),
    st.integers(0, 65535),
    st.binary(min_size=2, max_size=246),
)
frames = st.builds(Frame, units, st.one_of(read_requests, read_answers, exceptions, short, long_requests))


def rtu(frame):
    return append_crc(bytes((frame.unit,)) + frame.pdu)


def ascii_(frame):
    return close_frame(bytes((frame.unit,)) + frame.pdu)


@pytest.mark.parametrize(("close", "split"), [(rtu, rtu_parts), (ascii_, ascii_parts)])
@given(st.lists(frames, max_size=6))
def test_frames_that_follow_each_other_are_told_apart(close, split, sent):
    data = b"".join(map(close, sent))
    assert [part.frame for part in split(data)] == sent


@pytest.mark.parametrize("split", [rtu_parts, ascii_parts])
@given(st.binary(max_size=300) | st.text(":0123456789ABCDEF\r\n", max_size=80).map(str.encode))
def test_parts_are_the_whole(split, data):
    parts = list(split(data))
    assert b"".join(data[part.start : part.end] for part in parts) == data
    assert all(part.start < part.end for part in parts)


@pytest.mark.parametrize(("close", "split"), [(rtu, rtu_parts), (ascii_, ascii_parts)])
@given(frames, st.integers(1, 9), frames)
def test_noise_hides_no_frame(close, split, one, zeros, other):
    data = bytes(zeros) + close(one) + bytes(zeros) + close(other) + bytes(zeros)
    parts = list(split(data))
    assert [part.frame for part in parts] == [None, one, None, other, None]


@given(frames, st.data())
def test_a_damaged_frame_is_none(frame, data):
    sent = bytearray(rtu(frame))
    at = data.draw(st.integers(0, len(sent) - 1))
    sent[at] ^= data.draw(st.integers(1, 255))
    assert frame not in [part.frame for part in rtu_parts(bytes(sent))]


def test_functions_that_are_not_known_end_where_a_piece_ends():
    one, other = Frame(1, bytes((0x2B, 0x0E, 1, 0))), Frame(1, bytes((0x65, 7)))
    data = rtu(one) + rtu(other)
    assert [part.frame for part in rtu_parts(data, [len(rtu(one)), len(data)])] == [one, other]
    assert [part.frame for part in rtu_parts(data)] == [None]


@given(st.lists(st.tuples(st.integers(0, 65535), frames), max_size=5), st.binary(max_size=5))
def test_modbus_tcp_says_itself_where_it_ends(sent, rest):
    packed = [struct.pack(">HHHB", number, 0, 1 + len(frame.pdu), frame.unit) + frame.pdu for number, frame in sent]
    data = b"".join(packed)
    found = list(tcp_parts(data + rest))
    assert [(part.transaction, part.frame) for part in found] == sent
    assert not found or found[-1].end == len(data)
    assert len(list(tcp_parts(data + b"\0\1\0\7\0\5abc" + data))) == len(sent)
