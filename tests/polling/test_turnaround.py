import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartmeter.modbus.line import AsciiFormat, NetworkLine, SerialFormat
from smartmeter.polling.turnaround import FIRST_JUDGED, HELD_WITHIN, Turnarounds, estimate_s, turnaround_s

LINES = [SerialFormat(9600), SerialFormat(38400, 8, "E", 1), AsciiFormat(19200, 7, "E", 1), NetworkLine()]


@pytest.mark.parametrize("line", LINES, ids=str)
@pytest.mark.parametrize("count", [2, 80])
def test_what_is_left_of_an_exchange_without_characters_and_silence(line, count):
    # From its first character to the last one of its answer; the silence afterwards is not waited for.
    took_s = line.exchange_s(count, 0.037) - line.silence_s
    assert turnaround_s(line, count, took_s) == pytest.approx(0.037)


def test_no_answer_comes_before_its_request():
    assert turnaround_s(SerialFormat(9600), 80, 0.01) == 0


@given(st.floats(0, 2))
def test_a_first_estimate_is_near_what_was_measured(measured_s):
    estimate = estimate_s(None, [measured_s] * 9)
    assert abs(estimate - measured_s) <= max(0.0005, 0.07 * measured_s) + 1e-9


@given(st.lists(st.floats(0, 1), min_size=9, max_size=31), st.floats(0.02, 0.021))
def test_half_of_the_answers_may_be_anything(others, usual_s):
    few = others[: len(others) // 2]
    estimate = estimate_s(None, [usual_s] * (len(few) + 1) + few)
    assert estimate == pytest.approx(usual_s, abs=0.0011)


@given(st.floats(0.001, 1), st.floats(-HELD_WITHIN, HELD_WITHIN))
def test_what_is_known_holds_while_it_is_near_enough(known_s, off):
    assert estimate_s(known_s, [known_s * (1 + 0.99 * off)]) == known_s


@given(st.floats(0.02, 1), st.floats(1.2, 5))
def test_what_is_too_far_off_is_given_up(known_s, times):
    assert estimate_s(known_s, [known_s * times]) == pytest.approx(known_s * times, rel=0.07)


def test_values_come_in_few_steps():
    assert len({estimate_s(None, [0.0001 * number]) for number in range(10_000)}) < 100


def test_it_is_judged_when_enough_was_measured_and_then_seldom():
    measured, estimates = Turnarounds(), []
    for number in range(200):
        measured.note(0.02 if number < 100 else 0.05)
        estimates.append(measured.judge(estimates[-1] if estimates else None))
    assert estimates[: FIRST_JUDGED - 1] == [None] * (FIRST_JUDGED - 1)
    assert estimates[FIRST_JUDGED - 1] == 0.02
    assert list(dict.fromkeys(estimates[FIRST_JUDGED:])) == [0.02, 0.05]
