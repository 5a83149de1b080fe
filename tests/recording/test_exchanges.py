"""What was asked and answered, from what went over the line."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartmeter.modbus.ascii_frames import close_frame
from smartmeter.modbus.crc import append_crc
from smartmeter.modbus.line import AsciiFormat, SerialFormat
from smartmeter.modbus.trace import Direction
from smartmeter.recording.exchanges import Exchange, Reply, answers, exchanges
from smartmeter.recording.parts import Frame
from smartmeter.recording.recording import Header, Piece, Recording
from smartmeter.simulator.replay import Replay

LINE = SerialFormat(10_000)  # A character takes 1 ms, the silence 3.5.
MS = 1000
ASKED = Frame(1, bytes((4, 0, 0, 0, 2)))
OTHER = Frame(2, bytes((3, 0, 16, 0, 1)))
ANSWER = Frame(1, bytes((4, 4, 67, 102, 51, 77)))
REFUSAL = Frame(2, bytes((0x83, 2)))


def rtu(frame):
    return append_crc(bytes((frame.unit,)) + frame.pdu)


def recorded(*pieces, kind="rtu", serial=LINE):
    return Recording(Header(kind, serial), tuple(Piece(*piece) for piece in pieces))


def sent(ms, data):
    return ms * MS, Direction.SENT, data


def came(ms, data):
    return ms * MS, Direction.RECEIVED, data


def heard(ms, data):
    return ms * MS, Direction.HEARD, data


def rounded(found):
    return [
        Exchange(each.request, tuple(Reply(round(reply.turnaround_s, 6), reply.content) for reply in each.replies))
        for each in found
    ]


def test_the_turnaround_is_what_the_meter_takes():
    # 8 characters, 3.5 of silence, 20 ms, 9 characters.
    found = exchanges(recorded(sent(100, rtu(ASKED)), came(140.5, rtu(ANSWER))))
    assert rounded(found) == [Exchange(ASKED, (Reply(0.02, ANSWER),))]


def test_pieces_are_put_together_and_told_apart():
    whole = rtu(ANSWER)
    found = exchanges(
        recorded(
            sent(0, rtu(ASKED)),
            came(30, b"\0" + whole[:4]),
            came(35, whole[4:] + whole),
            sent(100, rtu(OTHER)),
            sent(200, rtu(OTHER)),
            came(300, rtu(REFUSAL)),
        )
    )
    assert [each.request for each in found] == [ASKED, OTHER, OTHER]
    assert [reply.content for reply in found[0].replies] == [b"\0", ANSWER, ANSWER]
    assert [each.replies for each in found[1:2]] == [()]
    assert [reply.content for reply in found[2].replies] == [REFUSAL]


def test_of_a_network_the_turnaround_is_all_the_time():
    found = exchanges(recorded(sent(0, rtu(ASKED)), came(40, rtu(ANSWER)), kind="rtu+udp", serial=None))
    assert found == [Exchange(ASKED, (Reply(0.04, ANSWER),))]


def test_of_an_ascii_line():
    # 17 characters, 3.5 of silence, 20.5 ms, 19 characters.
    question, answer = (close_frame(bytes((frame.unit,)) + frame.pdu) for frame in (ASKED, ANSWER))
    found = exchanges(recorded(sent(0, question), came(60, answer), kind="ascii", serial=AsciiFormat(10_000)))
    assert rounded(found) == [Exchange(ASKED, (Reply(0.0205, ANSWER),))]


def mbap(number, frame):
    return struct.pack(">HHHB", number, 0, 1 + len(frame.pdu), frame.unit) + frame.pdu


def test_modbus_tcp_answers_belong_to_their_request():
    found = exchanges(
        recorded(
            sent(0, mbap(7, ASKED)),
            sent(1, mbap(8, OTHER)),
            sent(2, mbap(9, OTHER)),
            came(5, mbap(8, REFUSAL) + mbap(7, ANSWER)[:6]),
            came(9, mbap(7, ANSWER)[6:]),
            # Counted anew.
            sent(20, mbap(8, ASKED)),
            came(25, mbap(8, ANSWER)),
            kind="tcp",
            serial=None,
        )
    )
    assert rounded(found) == [
        Exchange(ASKED, (Reply(0.009, ANSWER),)),
        Exchange(OTHER, (Reply(0.004, REFUSAL),)),
        Exchange(OTHER, ()),
        Exchange(ASKED, (Reply(0.005, ANSWER),)),
    ]


WRITE = Frame(1, bytes((16, 0, 2, 0, 2, 4, 66, 112, 0, 0)))
WRITTEN = Frame(1, bytes((16, 0, 2, 0, 2)))
SET_ONE = Frame(1, bytes((6, 0, 2, 0, 2)))


@pytest.mark.parametrize("size", [1, 3, 8, 1000])
def test_what_others_say_is_told_apart_by_its_looks(size):
    said = [ASKED, ANSWER, ASKED, ASKED, ANSWER, OTHER, REFUSAL, WRITE, WRITTEN, SET_ONE, SET_ONE, OTHER]
    data = b"".join(map(rtu, said))
    # The end of an answer to begin with.
    data = rtu(ANSWER)[-4:] + data
    pieces = [heard(start, data[start : start + size]) for start in range(0, len(data), size)]
    found = exchanges(recorded(*pieces))
    assert [(each.request, [reply.content for reply in each.replies]) for each in found] == [
        (ASKED, [ANSWER]),
        (ASKED, []),
        (ASKED, [ANSWER]),
        (OTHER, [REFUSAL]),
        (WRITE, [WRITTEN]),
        (SET_ONE, [SET_ONE]),
        (OTHER, []),
    ]


def test_the_turnaround_of_others():
    # 20 ms between the two: the silence and the meter's 16.5.
    found = exchanges(recorded(heard(8, rtu(ASKED)), heard(37, rtu(ANSWER))))
    assert rounded(found) == [Exchange(ASKED, (Reply(0.0165, ANSWER),))]


@pytest.mark.parametrize(
    ("reply", "is_one"),
    [
        (ANSWER, True),
        (Frame(1, bytes((0x84, 6))), True),
        (Frame(2, ANSWER.pdu), False),
        (Frame(1, bytes((3, 4, 0, 0, 0, 0))), False),
        (Frame(1, bytes((4, 2, 0, 0))), False),
        (ASKED, False),
    ],
)
def test_what_is_an_answer(reply, is_one):
    assert answers(ASKED, reply) is is_one


@given(
    st.sampled_from(("rtu", "ascii", "tcp", "rtu+tcp")),
    st.lists(
        st.tuples(
            st.integers(0, 10**6),
            st.sampled_from(Direction),
            st.binary(max_size=20) | st.sampled_from((rtu(ASKED), rtu(ANSWER), rtu(REFUSAL), mbap(1, ASKED))),
        ),
        max_size=8,
    ),
)
def test_whatever_is_in_a_file_something_comes_of_it(kind, pieces):
    found = exchanges(recorded(*pieces, kind=kind, serial=None if kind == "tcp" else LINE))
    assert all(each.request.pdu for each in found)
    assert all(reply.turnaround_s >= 0 for each in found for reply in each.replies)
    Replay(recorded(*pieces, kind=kind)).replies(ASKED)


def test_a_line_on_which_nothing_was_said():
    assert exchanges(recorded()) == []
