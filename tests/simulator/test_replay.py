"""A recorded bus answers as it did, on whatever line."""

import asyncio
import struct
from functools import partial

import pytest

from smartmeter.modbus.connection import open_connection
from smartmeter.modbus.counters import LineCounters
from smartmeter.modbus.errors import (
    AnswerError,
    DamagedAnswerError,
    ExceptionAnswerError,
    ForeignAnswerError,
    NoAnswerError,
    ShortAnswerError,
)
from smartmeter.modbus.frames import ReadRequest
from smartmeter.modbus.line import AsciiFormat, NetworkLine, SerialFormat
from smartmeter.modbus.ports import parse_port
from smartmeter.modbus.trace import Direction
from smartmeter.models import load_model
from smartmeter.polling.learned import Learned
from smartmeter.polling.round import read_round
from smartmeter.recording.file import read_recording, recording_to
from smartmeter.recording.parts import Frame
from smartmeter.recording.recording import Header, Piece, Recording
from smartmeter.settings.model import MeterSettings
from smartmeter.simulator import Faults, Quirks, VirtualLine, VirtualMeter
from smartmeter.simulator.frames import ASCII, RTU
from smartmeter.simulator.replay import Replay
from smartmeter.simulator.replay_network import rtu_answering, tcp_answering
from smartmeter.simulator.tcp import answering_of, answering_server, answering_udp_server

MODEL = load_model("SDM630")
LINE = SerialFormat(115200)
FORMATS = {"rtu": LINE, "ascii": AsciiFormat(115200)}
KINDS = ("rtu", "ascii", "tcp", "rtu+tcp", "rtu+udp")
TIMEOUT_S = 0.15


def virtual_meter(address=1, **what):
    return VirtualMeter(MODEL, address, clock=lambda: 1e6, **what)


async def ask(kind, where, use, tap=None):
    """What `use` makes of a connection."""
    port = f"{kind}://{where}" if kind != "rtu" else str(where)
    connection = await open_connection(
        parse_port(port), FORMATS.get(kind, NetworkLine()), TIMEOUT_S, LineCounters(), tap
    )
    try:
        return await use(connection)
    finally:
        connection.close()


def over(kind, served, use, tap=None):
    """What `use` makes of the meters or the replay that are served on a line of this kind."""
    replay = served if isinstance(served, Replay) else None
    meters = [] if replay else served
    if kind in FORMATS:
        framing = RTU if kind == "rtu" else ASCII
        with VirtualLine(FORMATS[kind], meters, turnaround_s=0.001, framing=framing, replay=replay) as line:
            return asyncio.run(ask(kind, line.path, use, tap))
    answering = answering_of(meters)
    if replay:
        answering = tcp_answering(replay) if kind == "tcp" else rtu_answering(replay)

    async def serve():
        server = answering_udp_server if kind == "rtu+udp" else partial(answering_server, rtu=kind == "rtu+tcp")
        async with server(answering) as (host, port):
            return await ask(kind, f"{host}:{port}", use, tap)

    return asyncio.run(serve())


def record(path, kind, meters, use):
    """The replay of what happened when `use` was at it, and what came of it."""
    with recording_to(path, Header(kind, FORMATS.get(kind))) as tap:
        result = over(kind, meters, use, tap)
    return Replay(read_recording(path)), result


async def values(connection, names=None):
    meter = MeterSettings("it", MODEL, 1, dict.fromkeys(MODEL.registers, 1))
    return await read_round(meter, NetworkLine(), frozenset(names or MODEL.registers), Learned(), connection.read)


@pytest.mark.parametrize("replayed", KINDS)
@pytest.mark.parametrize("recorded", KINDS)
def test_what_was_read_is_read_again_on_every_line(tmp_path, recorded, replayed):
    meter = virtual_meter()
    replay, result = record(tmp_path / "a.jsonl.gz", recorded, [meter], values)
    assert not result.lost
    meter.values = {"voltage_l1": 0.0}
    assert over(replayed, replay, values) == result
    assert replay.units == (1,)


@pytest.mark.parametrize("kind", ["rtu", "tcp"])
def test_other_plans_are_served_from_what_is_known(tmp_path, kind):
    replay, result = record(tmp_path / "a.jsonl", "rtu", [virtual_meter(quirks=Quirks(max_registers=20))], values)
    for name in ("voltage_l2", "frequency", "active_energy_import"):
        assert over(kind, replay, partial(values, names=[name])).values == {name: result.values[name]}


REQUEST = ReadRequest(1, 4, 0, 10)


async def outcome(connection, request=REQUEST):
    """The registers, or the class of what was wrong."""
    try:
        return await connection.read(request)
    except AnswerError as error:
        return type(error)


async def outcomes(connection, times=4):
    return [await outcome(connection) for _ in range(times)]


GOOD = virtual_meter().read(4, 0, 10)


@pytest.mark.parametrize(
    ("faults", "failure"),
    [
        (Faults(silent=True, every=2), NoAnswerError),
        (Faults(exception=6, every=2), ExceptionAnswerError),
        (Faults(cut_bytes=3, every=2), ShortAnswerError),
        (Faults(noise=1, every=2), DamagedAnswerError),
        (Faults(foreign_address=9, every=2), ForeignAnswerError),
    ],
)
def test_failures_are_replayed_in_their_order(tmp_path, faults, failure):
    replay, result = record(tmp_path / "a.jsonl", "rtu", [virtual_meter(faults=faults)], outcomes)
    assert result == [failure, GOOD, failure, GOOD]
    assert over("rtu", replay, outcomes) == result
    assert over("rtu+tcp", replay, outcomes) == result


async def outcomes_and_all_that_comes(connection, told, bytes_each):
    """The outcomes of three requests; the next is made when so many bytes have come for each before."""
    found = []
    for number in range(1, 4):
        found.append(await outcome(connection))
        async with asyncio.timeout(10):
            while len(received_in(told)) < number * bytes_each:
                await connection.listen(0.01)
    return found


ANSWER_BYTES = 5 + len(GOOD)


@pytest.mark.parametrize(
    ("faults", "bytes_each", "expected"),
    [
        (Faults(twice=True), 2 * ANSWER_BYTES, [GOOD, GOOD, GOOD]),
        (Faults(stray_zeros=3), 3 + ANSWER_BYTES, [GOOD, GOOD, GOOD]),
        (Faults(late_s=3 * TIMEOUT_S, every=2), ANSWER_BYTES, [NoAnswerError, GOOD, NoAnswerError]),
    ],
)
def test_what_comes_besides_and_late_is_replayed_too(tmp_path, faults, bytes_each, expected):
    path = tmp_path / "a.jsonl"

    def heard_on(served, tap):
        told = []
        use = partial(outcomes_and_all_that_comes, told=told, bytes_each=bytes_each)
        assert over("rtu", served, use, lambda *what: (told.append(what), tap(*what))) == expected
        return received_in(told)

    with recording_to(path, Header("rtu", LINE)) as tap:
        first = heard_on([virtual_meter(faults=faults)], tap)
    assert heard_on(Replay(read_recording(path)), lambda *_: None) == first


def received_in(told):
    return b"".join(data for direction, _, data in told if direction is Direction.RECEIVED)


def test_modbus_tcp_lets_only_answers_through(tmp_path):
    faults = Faults(noise=1, every=2)
    replay, _ = record(tmp_path / "a.jsonl", "rtu", [virtual_meter(faults=faults)], outcomes)
    assert over("tcp", replay, outcomes) == [NoAnswerError, GOOD, NoAnswerError, GOOD]


def asked(function, address, count, unit=1):
    return Frame(unit, struct.pack(">BHH", function, address, count))


def recording_of(*exchanges):
    """A recording of Modbus TCP: requests with their answers' protocol data units, or None."""
    pieces = []
    for number, (request, pdu) in enumerate(exchanges):
        for at_us, direction, content in ((0, Direction.SENT, request.pdu), (20_000, Direction.RECEIVED, pdu)):
            if content is not None:
                frame = struct.pack(">HHHB", number, 0, 1 + len(content), request.unit) + content
                pieces.append(Piece(100_000 * number + at_us, direction, frame))
    return Recording(Header("tcp"), tuple(pieces))


def read_pdu(function, *words):
    return bytes((function, 2 * len(words))) + struct.pack(f">{len(words)}H", *words)


KNOWN = Replay(
    recording_of(
        (asked(4, 0, 4), read_pdu(4, 1, 2, 3, 4)),
        (asked(4, 4, 2), read_pdu(4, 5, 6)),
        (asked(4, 2, 2), read_pdu(4, 33, 44)),
        (asked(4, 6, 2), b"\x84\x02"),
        (asked(4, 8, 2), b"\x84\x06"),
        (asked(4, 20, 1), b"\x84\x02"),
        (asked(4, 18, 4), read_pdu(4, 18, 19, 20, 21)),
        (asked(4, 22, 2), read_pdu(4, 22, 23)),
        (asked(3, 0, 1), read_pdu(3, 9)),
        (asked(4, 0, 2, unit=5), None),
    )
)


@pytest.mark.parametrize(
    ("request_", "pdu"),
    [
        (asked(4, 0, 4), read_pdu(4, 1, 2, 3, 4)),
        (asked(4, 1, 4), read_pdu(4, 2, 33, 44, 5)),
        (asked(4, 0, 6), read_pdu(4, 1, 2, 33, 44, 5, 6)),
        (asked(4, 4, 4), b"\x84\x02"),
        (asked(4, 20, 2), read_pdu(4, 20, 21)),
        (asked(4, 20, 4), b"\x84\x02"),
        (asked(4, 21, 3), read_pdu(4, 21, 22, 23)),
        (asked(4, 6, 1), None),
        (asked(4, 8, 1), None),
        (asked(4, 8, 4), None),
        (asked(3, 0, 2), None),
        (asked(4, 0, 0), None),
        (asked(4, 0, 1, unit=2), None),
        (asked(4, 0, 1, unit=5), None),
        (Frame(1, b"\x06\0\0\0\1"), None),
        (Frame(1, b"\x2b\x0e"), None),
    ],
)
def test_what_was_never_asked(request_, pdu):
    replies = KNOWN.replies(request_)
    assert [reply.content for reply in replies] == ([] if pdu is None else [Frame(1, pdu)])
    assert all(reply.turnaround_s == pytest.approx(0.02) for reply in replies)


def test_of_repeated_requests_every_answer_has_its_turn():
    request = asked(4, 0, 1)
    replay = Replay(recording_of((request, read_pdu(4, 1)), (request, None), (request, b"\x84\x06")))
    replies = [[reply.content.pdu for reply in replay.replies(request)] for _ in range(4)]
    assert replies == [[read_pdu(4, 1)], [], [b"\x84\x06"], [read_pdu(4, 1)]]


def test_units_are_those_that_answered_or_were_asked():
    assert KNOWN.units == (1,)
    assert Replay(recording_of((asked(4, 0, 1, unit=7), None))).units == (7,)
