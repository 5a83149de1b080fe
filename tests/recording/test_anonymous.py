"""Secrets are not written down; nothing else is changed."""

import struct

import pytest

from smartmeter.modbus.ascii_frames import close_frame
from smartmeter.modbus.crc import append_crc
from smartmeter.modbus.trace import Direction
from smartmeter.recording.anonymous import Secret, anonymous
from smartmeter.recording.parts import Frame

SHOWN = b"\x00\xbc\x61\x4e"
SECRET = Secret(3, 100, SHOWN)
NUMBER = b"\x12\x34\x56\x78"


def rtu(frame):
    return append_crc(bytes((frame.unit,)) + frame.pdu)


def ascii_(frame):
    return close_frame(bytes((frame.unit,)) + frame.pdu)


def tcp(frame):
    return struct.pack(">HHHB", 5, 0, 1 + len(frame.pdu), frame.unit) + frame.pdu


def request(address, count, function=3):
    return Frame(1, struct.pack(">BHH", function, address, count))


def answer(data, function=3):
    return Frame(1, bytes((function, len(data))) + data)


def told(kind, *pieces):
    """What is written of pieces, each a direction and bytes."""
    written = []
    with anonymous(lambda *what: written.append(what), kind, [SECRET]) as tap:
        for time_s, (direction, data) in enumerate(pieces):
            tap(direction, time_s, data)
    assert [(direction, time_s) for direction, time_s, _ in written] == [
        (direction, time_s) for time_s, (direction, _) in enumerate(pieces)
    ]
    assert [len(data) for _, _, data in written] == [len(data) for _, data in pieces]
    return [data for _, _, data in written]


KINDS = pytest.mark.parametrize(("kind", "close"), [("rtu", rtu), ("ascii", ascii_), ("tcp", tcp)])


@KINDS
@pytest.mark.parametrize(
    ("asked", "came", "written"),
    [
        ((100, 2), NUMBER, SHOWN),
        ((98, 6), b"aaaa" + NUMBER + b"bbbb", b"aaaa" + SHOWN + b"bbbb"),
        ((101, 2), NUMBER[2:] + b"bb", SHOWN[2:] + b"bb"),
        ((99, 2), b"aa" + NUMBER[:2], b"aa" + SHOWN[:2]),
        ((98, 2), NUMBER, NUMBER),
        ((102, 2), NUMBER, NUMBER),
    ],
)
def test_its_registers_are_shown_otherwise_in_whatever_answer(kind, close, asked, came, written):
    sent, frame = close(request(*asked)), close(answer(came))
    pieces = ((Direction.SENT, sent), (Direction.RECEIVED, frame[:5]), (Direction.RECEIVED, frame[5:]))
    first, *rest = told(kind, *pieces)
    assert first == sent
    assert b"".join(rest) == close(answer(written))


def test_another_function_is_another_register():
    pieces = ((Direction.SENT, rtu(request(100, 2, 4))), (Direction.RECEIVED, rtu(answer(NUMBER, 4))))
    assert told("rtu", *pieces)[1] == pieces[1][1]


def test_exceptions_stay():
    refusal = rtu(Frame(1, b"\x83\x02"))
    assert told("rtu", (Direction.SENT, rtu(request(100, 2))), (Direction.RECEIVED, refusal))[1] == refusal


def test_what_comes_late_or_damaged_or_twice_does_not_show_it_either():
    secret, other = rtu(request(100, 2)), rtu(request(0, 10))
    frame = rtu(answer(NUMBER))
    written = told(
        "rtu",
        (Direction.SENT, secret),
        (Direction.RECEIVED, frame[:-1]),
        (Direction.SENT, secret),
        (Direction.RECEIVED, frame + frame),
        (Direction.SENT, other),
        (Direction.RECEIVED, frame),
    )
    assert written[1] == bytes(len(frame) - 1)
    assert written[3] == rtu(answer(SHOWN)) * 2
    assert written[5] == rtu(answer(SHOWN))
