import pytest

from smartmeter.doctor.evidence import Exchange, MeterEvidence, Piece
from smartmeter.doctor.figures import Percentiles, figures, percentiles, suggested_timeout_s
from smartmeter.modbus.errors import DamagedAnswerError, NoAnswerError, ShortAnswerError, SilentTargetError
from smartmeter.modbus.frames import ReadRequest
from smartmeter.modbus.line import SerialFormat
from tests.doctor.lines import meter_settings

LINE = SerialFormat(9600, 8, "N", 1)
REQUEST = ReadRequest(1, 4, 0, 2)
CHARACTER_S = LINE.character_s


def exchange(*pieces, error=None):
    sent = Piece(100.0, REQUEST.encode())
    return Exchange(REQUEST, sent, pieces, None if error else bytes(4), error)


def answer_at(turnaround_s, *, echo=b"", split=9):
    begins_s = 100.0 + 8 * CHARACTER_S + turnaround_s
    frame = bytes(9)
    parts = [(frame[:split], split), (frame[split:], 9)] if split < 9 else [(frame, 9)]
    pieces = [Piece(begins_s + end * CHARACTER_S, data) for data, end in parts]
    return exchange(*([Piece(100.0 + 8 * CHARACTER_S, echo)] if echo else []), *pieces)


@pytest.mark.parametrize("split", [1, 5, 9])
@pytest.mark.parametrize("echo", [b"", REQUEST.encode()], ids=["plain", "echo"])
def test_times_are_the_meters_own_however_the_answer_is_handed_over(split, echo):
    evidence = MeterEvidence(meter_settings(), (answer_at(0.05, split=split, echo=echo),))
    counted = figures(evidence, LINE)
    for found in (counted.first_byte, counted.beyond_line):
        assert [found.p50_s, found.max_s] == pytest.approx([0.05, 0.05])
    assert counted.timeout_s == 0.15


def test_percentiles_are_times_that_were_measured():
    assert percentiles([]) is None
    assert percentiles([float(number) for number in range(100, 0, -1)]) == Percentiles(50.0, 90.0, 99.0, 100.0)
    assert percentiles([7.0]) == Percentiles(7.0, 7.0, 7.0, 7.0)


@pytest.mark.parametrize(("p99_s", "timeout_s"), [(0.001, 0.1), (0.04, 0.15), (0.05, 0.15), (0.051, 0.2), (1.0, 3.0)])
def test_the_timeout_is_three_times_what_most_answers_take(p99_s, timeout_s):
    assert suggested_timeout_s(Percentiles(0.0, 0.0, p99_s, 5.0)) == timeout_s
    assert suggested_timeout_s(None) is None


def test_failures_are_counted_by_kind_and_an_echo_alone_is_no_answer():
    echo = Piece(100.01, REQUEST.encode())
    failed = [
        exchange(error=NoAnswerError("", b"", b"")),
        exchange(echo, error=ShortAnswerError("", b"", b"")),
        exchange(Piece(100.1, b"\1\4\4"), error=ShortAnswerError("", b"", b"")),
        exchange(Piece(100.1, bytes(9)), error=DamagedAnswerError("", b"", b"")),
        exchange(Piece(100.1, bytes(5)), error=SilentTargetError("", b"", b"")),
    ]
    counted = figures(MeterEvidence(meter_settings(), (answer_at(0.01), *failed)), LINE)
    assert (counted.requests, counted.answers) == (6, 1)
    assert counted.failures == {"gateway": 1, "no_answer": 2, "short": 1, "damaged": 1}
