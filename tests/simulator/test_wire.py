"""The line's timing and faults with an invented clock: exact, and without waiting."""

import struct
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartmeter.modbus.crc import append_crc, has_valid_crc
from smartmeter.modbus.line import SerialFormat
from smartmeter.models import load_model
from smartmeter.simulator import NO_FAULTS, Counts, Delivery, Faults, Quirks, VirtualMeter
from smartmeter.simulator.wire import Wire

SDM530, SDM230 = load_model("SDM530"), load_model("SDM230")
LINE = SerialFormat(19200, 8, "E", 1)
CHARACTER_S, SILENCE_S = LINE.character_s, LINE.silence_s
TURNAROUND_S = 0.02
HAIR_S = 1e-9

FORMATS = st.builds(
    SerialFormat,
    st.sampled_from((1200, 9600, 19200, 38400, 115200)),
    st.just(8),
    st.sampled_from("NEO"),
    st.sampled_from((1, 2)),
)


def meter(address=1, model=SDM530, **what):
    return VirtualMeter(model, address, clock=lambda: 1e6, **what)


def wire(*meters, form=LINE, turnaround_s=TURNAROUND_S, delivery=None, faults=NO_FAULTS):
    made = Wire(form, meters or [meter()], turnaround_s, delivery or Delivery(), Random(1))
    made.faults = faults
    return made


def request(address=1, start=0, count=44, function=4):
    return append_crc(struct.pack(">BBHH", address, function, start, count))


def answer(on, count=44, address=1):
    return append_crc(bytes((address, 4, 2 * count)) + on.read(4, 0, count))


def run(line, until_s=float("inf")):
    """What becomes readable when, to the end or until a moment."""
    readable = []
    while (event_s := line.next_event_s()) is not None and event_s <= until_s:
        data = line.due(event_s)
        if data:
            line.sent(event_s)
            readable.append((event_s, data))
    return readable


def ask(line, frame, now_s):
    """What comes back to a request, and when the last of it does."""
    line.receive(frame, now_s)
    readable = run(line)
    return b"".join(data for _, data in readable), readable[-1][0] if readable else None


@given(FORMATS, st.integers(1, 40), st.floats(0, 0.2), st.floats(0, 1e6))
def test_an_exchange_takes_what_the_formula_says(form, pairs, turnaround_s, now_s):
    line = wire(form=form, turnaround_s=turnaround_s)
    data, at_s = ask(line, request(count=2 * pairs), now_s)
    assert data == answer(meter(), 2 * pairs)
    exchange_s = (8 + 5 + 4 * pairs) * form.character_s + form.silence_s + turnaround_s
    assert at_s - now_s == pytest.approx(exchange_s, abs=1e-8)


def test_an_exception_takes_five_characters():
    data, at_s = ask(wire(), request(count=82), 0.0)
    assert data == append_crc(b"\x01\x84\x02")
    assert at_s == pytest.approx((8 + 5) * CHARACTER_S + SILENCE_S + TURNAROUND_S)


def turnarounds(line, address, repeats):
    on_the_line_s = (8 + 9) * CHARACTER_S + SILENCE_S
    return [
        ask(line, request(address, count=2), float(repeat))[1] - repeat - on_the_line_s for repeat in range(repeats)
    ]


def test_the_turnaround_may_vary():
    times = turnarounds(wire(turnaround_s=(0.01, 0.03)), 1, 50)
    assert all(0.01 - HAIR_S <= time_s <= 0.03 + HAIR_S for time_s in times)
    assert max(times) - min(times) > 0.01


def test_a_meter_may_have_a_turnaround_of_its_own():
    line = wire(meter(1, quirks=Quirks(turnaround_s=0.05)), meter(2))
    assert turnarounds(line, 1, 3) == pytest.approx([0.05] * 3)
    assert turnarounds(line, 2, 3) == pytest.approx([TURNAROUND_S] * 3)


def test_each_meter_answers_for_itself():
    first, second = meter(1), meter(2, SDM230)
    line = wire(first, second)
    assert ask(line, request(1), 0.0)[0] == answer(first, address=1)
    assert ask(line, request(2), 1.0)[0] == answer(second, address=2)


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(request(address=3), id="another address"),
        pytest.param(request(address=0), id="broadcast"),
        pytest.param(request()[:-1] + b"\x00", id="damaged"),
        pytest.param(request()[:5], id="cut off"),
        pytest.param(b"\x01", id="one character"),
        pytest.param(append_crc(b"\x01\x04\x00\x00\x00"), id="malformed"),
        pytest.param(request() + request(), id="two at once"),
    ],
)
def test_what_gets_no_answer(frame):
    line = wire()
    assert ask(line, frame, 0.0) == (b"", None)
    assert line.counts == Counts(requests=1)
    assert [(recorded.frame, recorded.answered) for recorded in line.requests] == [(frame, False)]


@given(st.integers(1, 7), st.floats(0, 3.4))
def test_a_request_may_come_in_two_pieces(first, pause_characters):
    line = wire()
    line.receive(request()[:first], 5.0)
    pause_s = (first + pause_characters) * CHARACTER_S
    assert run(line, 5.0 + pause_s) == []
    data, at_s = ask(line, request()[first:], 5.0 + pause_s)
    assert data == answer(meter())
    assert at_s - 5.0 == pytest.approx(LINE.exchange_s(44, TURNAROUND_S) - SILENCE_S + pause_characters * CHARACTER_S)
    assert [(recorded.time_s, recorded.frame) for recorded in line.requests] == [(5.0, request())]


def test_characters_that_are_handed_over_early_wait_for_their_turn():
    line = wire()
    line.receive(request()[:4], 5.0)
    assert ask(line, request()[4:], 5.0 + CHARACTER_S)[1] - 5.0 == pytest.approx(
        LINE.exchange_s(44, TURNAROUND_S) - SILENCE_S
    )


def test_silence_in_a_request_ends_it():
    line = wire()
    line.receive(request()[:4], 5.0)
    pause_s = 7.6 * CHARACTER_S
    assert run(line, 5.0 + pause_s) == []
    assert ask(line, request()[4:], 5.0 + pause_s) == (b"", None)
    assert [recorded.frame for recorded in line.requests] == [request()[:4], request()[4:]]


@given(st.floats(0, 10))
def test_silence_counts_from_the_last_character_in_either_direction(characters):
    line = wire()
    _, end_s = ask(line, request(), 0.0)
    _, second_end_s = ask(line, request(address=9), end_s + characters * CHARACTER_S)
    assert second_end_s is None
    third_s = end_s + (characters + 8 + 20) * CHARACTER_S
    ask(line, request(), third_s)
    first, second, third = line.requests
    assert first.silence_s == float("inf")
    assert second.silence_s == pytest.approx(characters * CHARACTER_S, abs=1e-8)
    assert third.silence_s == pytest.approx(20 * CHARACTER_S, abs=1e-8)
    assert [recorded.silence_kept for recorded in line.requests] == [True, second.silence_s >= SILENCE_S, True]
    assert line.counts == Counts(requests=3, answers=2, early=int(not second.silence_kept))


def test_a_line_that_carries_an_answer_is_not_silent():
    line = wire()
    line.receive(request(), 0.0)
    assert run(line, 0.03) == []
    line.receive(request(), 0.04)
    run(line)
    assert [recorded.silence_s for recorded in line.requests] == [float("inf"), 0.0]


@given(st.floats(0, 10))
def test_a_meter_may_insist_on_silence(characters):
    line = wire(meter(quirks=Quirks(needs_silence=True)))
    _, end_s = ask(line, request(), 0.0)
    data, _ = ask(line, request(), end_s + characters * CHARACTER_S)
    assert bool(data) == line.requests[-1].silence_kept == (line.requests[-1].silence_s >= SILENCE_S)


def test_what_is_under_way_can_be_forgotten():
    line = wire()
    line.receive(request(), 0.0)
    run(line, 0.01)
    line.receive(b"\x01", 0.011)
    line.forget()
    assert line.next_event_s() is None


def test_of_the_requests_only_the_latest_are_kept(monkeypatch):
    monkeypatch.setattr("smartmeter.simulator.wire.REQUESTS_KEPT", 3)
    line = wire()
    for now_s in range(5):
        ask(line, request(count=2), float(now_s))
    assert [recorded.time_s for recorded in line.requests] == [2, 3, 4]
    assert line.counts.requests == 5


def fault_at_the_meter(faults):
    return wire(meter(faults=faults))


def fault_on_the_line(faults):
    return wire(faults=faults)


@pytest.mark.parametrize("faulty", [fault_at_the_meter, fault_on_the_line])
class TestFaults:
    def test_silence(self, faulty):
        line = faulty(Faults(silent=True))
        assert ask(line, request(), 0.0) == (b"", None)
        assert line.counts == Counts(requests=1)

    def test_exceptions(self, faulty):
        line = faulty(Faults(exception=4, every=2))
        answers = [ask(line, request(), float(now_s))[0] for now_s in range(3)]
        assert answers == [append_crc(b"\x01\x84\x04"), answer(meter()), append_crc(b"\x01\x84\x04")]
        assert line.counts == Counts(requests=3, answers=3, exceptions=2)

    def test_late_answers(self, faulty):
        data, at_s = ask(faulty(Faults(late_s=0.7)), request(), 0.0)
        assert data == answer(meter())
        assert at_s == pytest.approx(LINE.exchange_s(44, TURNAROUND_S) - SILENCE_S + 0.7)

    def test_a_late_answer_comes_after_the_next_request(self, faulty):
        line = faulty(Faults(late_s=0.7, every=100))
        line.receive(request(count=44), 0.0)
        assert run(line, 0.5) == []
        line.receive(request(count=4), 0.7)
        assert [data for _, data in run(line)] == [answer(meter(), 4), answer(meter(), 44)]

    def test_noise(self, faulty):
        data, _ = ask(faulty(Faults(noise=1.0)), request(), 0.0)
        assert len(data) == len(answer(meter()))
        assert not has_valid_crc(data)

    def test_short_answers(self, faulty):
        data, at_s = ask(faulty(Faults(cut_bytes=10)), request(), 0.0)
        assert data == answer(meter())[:-10]
        assert at_s == pytest.approx(LINE.exchange_s(44, TURNAROUND_S) - SILENCE_S - 10 * CHARACTER_S)

    def test_foreign_answers(self, faulty):
        assert ask(faulty(Faults(foreign_address=7)), request(), 0.0)[0] == answer(meter(), address=7)

    def test_wrong_byte_counts(self, faulty):
        data, _ = ask(faulty(Faults(wrong_byte_count=-2)), request(), 0.0)
        assert data[2] == 86
        assert has_valid_crc(data)

    def test_stray_zeros(self, faulty):
        data, at_s = ask(faulty(Faults(stray_zeros=1)), request(), 0.0)
        assert data == b"\0" + answer(meter())
        assert at_s == pytest.approx(LINE.exchange_s(44, TURNAROUND_S) - SILENCE_S + CHARACTER_S)


def test_a_meters_faults_are_its_own():
    line = wire(meter(1, faults=Faults(silent=True)), meter(2))
    assert ask(line, request(1), 0.0)[0] == b""
    assert ask(line, request(2), 1.0)[0]


def test_faults_can_be_switched():
    line = wire()
    assert ask(line, request(), 0.0)[0]
    line.faults = replace(line.faults, silent=True)
    assert not ask(line, request(), 1.0)[0]
    line.faults = NO_FAULTS
    assert ask(line, request(), 2.0)[0]


def test_an_echo_comes_as_the_request_goes():
    line = wire(faults=Faults(echo=True))
    line.receive(request(), 0.0)
    echo, reply = run(line)
    assert echo == (pytest.approx(8 * CHARACTER_S), request())
    assert reply == (pytest.approx(LINE.exchange_s(44, TURNAROUND_S) - SILENCE_S), answer(meter()))


def test_in_chunks_no_character_is_silence():
    line = wire(delivery=Delivery(chunk_bytes=1))
    line.receive(request(), 0.0)
    readable = run(line)
    assert [len(data) for _, data in readable] == [1] * 93
    ask(line, request(), readable[-1][0] + 4 * CHARACTER_S)
    assert line.requests[-1].silence_s == pytest.approx(4 * CHARACTER_S)


def test_behind_a_usb_adapter_silence_is_that_of_the_line():
    line = wire(delivery=Delivery(usb_latency_s=0.016))
    line.receive(request(), 0.0)
    readable = run(line)
    end_s = LINE.exchange_s(44, TURNAROUND_S) - SILENCE_S
    assert end_s < readable[-1][0] <= end_s + 0.016
    ask(line, request(), readable[-1][0] + 0.001)
    assert line.requests[-1].silence_s == pytest.approx(readable[-1][0] + 0.001 - end_s)


def test_an_answer_that_comes_twice_comes_again_after_a_silence():
    for faults in ({"faults": Faults(twice=True)}, {}):
        line = wire(meter(**faults), faults=NO_FAULTS if faults else Faults(twice=True))
        line.receive(request(), 0.0)
        (first_s, one), (second_s, other) = run(line)
        assert one == other == answer(meter())
        assert second_s - first_s == pytest.approx(len(one) * CHARACTER_S + SILENCE_S)


@given(st.floats(0, 0.04), st.floats(0, 0.04))
def test_two_meters_at_one_address_spoil_what_overlaps_and_no_more(one_s, other_s):
    meters = [meter(seed=1, quirks=Quirks(turnaround_s=one_s)), meter(seed=2, quirks=Quirks(turnaround_s=other_s))]
    data, _ = ask(wire(*meters), request(), 0.0)
    apart = round(abs(one_s - other_s) / CHARACTER_S)
    first, second = (
        (answer(meters[0]), answer(meters[1])) if one_s <= other_s else (answer(meters[1]), answer(meters[0]))
    )
    assert data[: min(apart, len(first))] == first[:apart]
    if apart < len(first):
        assert len(data) == apart + len(second)
        assert not has_valid_crc(data)
        assert data[len(first) :] == second[len(first) - apart :]
    else:
        assert data[len(first) :] == second


@given(FORMATS, FORMATS)
def test_a_meter_hears_who_sends_at_its_speed_with_its_parity(own, sent):
    line = Wire(None, [meter(format=own)], TURNAROUND_S, Delivery(), Random(1))
    line.receive(request(), 0.0, sent)
    heard = bool(run(line))
    assert heard == ((own.baudrate, own.parity) == (sent.baudrate, sent.parity))


def test_a_line_that_is_set_itself_asks_nobody():
    assert ask(wire(meter(format=SerialFormat(1200, 8, "O", 2))), request(), 0.0)[0] == answer(meter())


def test_characters_take_the_time_of_the_port():
    line = Wire(None, [meter(format=SerialFormat(rate)) for rate in (1200, 9600)], 0.0, Delivery(), Random(1))
    for rate in (1200, 9600):
        form = SerialFormat(rate)
        line.receive(request(), 10.0, form)
        ((at_s, _),) = run(line)
        assert at_s - 10.0 == pytest.approx((8 + 93) * form.character_s + form.silence_s)
