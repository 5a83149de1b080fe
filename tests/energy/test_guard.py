import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartmeter.energy.guard import Decisions, Limits, Point, State, judge
from tests.energy.made_up import LIMITS, MINUTE_US, SECOND_US, START_US, points, true_counters


def total(judgement):
    return sum(step.energy for step in judgement.steps)


def kinds(judgement):
    return [(flag.kind, flag.value) for flag in judgement.flags]


@given(true_counters())
def test_the_total_is_the_difference_of_the_counter(readings):
    judgement = judge(State(), readings, LIMITS)
    assert math.isclose(total(judgement), readings[-1].value - readings[0].value, abs_tol=1e-6)
    assert judgement.flags == ()
    assert judgement.state == State(readings[-1])


@given(true_counters(), st.data())
def test_it_does_not_matter_where_the_readings_are_split(readings, data):
    at = data.draw(st.integers(0, len(readings)))
    first = judge(State(), readings[:at], LIMITS)
    second = judge(first.state, readings[at:], LIMITS)
    whole = judge(State(), readings, LIMITS)
    assert second.state == whole.state
    assert (*first.steps, *second.steps) == whole.steps


@given(true_counters(), st.data())
def test_a_single_false_value_never_reaches_the_total(readings, data):
    at = data.draw(st.integers(0, len(readings)))
    before_us = readings[at - 1].time_us if at else readings[0].time_us - 3600 * SECOND_US
    after = readings[min(at, len(readings) - 1)]
    # Not where it could be true: higher than anything the meter can count from its first reading to its last.
    beyond = LIMITS.per_hour * (readings[-1].time_us - START_US + 7200 * SECOND_US) / 3.6e9 + 1
    value = data.draw(st.sampled_from([0.0, -1.0, readings[-1].value + beyond, 1e30]))
    if abs(value - after.value) < 1 or at == 0:
        return
    false = Point(before_us + 1, value)
    judgement = judge(State(), [*readings[:at], false, *readings[at:]], LIMITS)
    assert math.isclose(total(judgement), readings[-1].value - readings[0].value, abs_tol=1e-6)
    last = at == len(readings)
    assert kinds(judgement) == ([] if last else [("false_value", value)])
    assert judgement.state.held == ((false,) if last else ())


def test_a_jump_and_back_is_false_however_often():
    """As owners of an SDM630 report it: from 180.2 to 5000 and back."""
    judgement = judge(State(), points(180.2, 5000, 180.3, 5000, 0, 180.4), LIMITS)
    assert total(judgement) == pytest.approx(0.2)
    assert kinds(judgement) == [("false_value", 5000), ("false_value", 5000), ("false_value", 0)]


def test_a_reset_is_confirmed_by_the_next_readings_and_the_total_goes_on():
    judgement = judge(State(), points(500.0, 500.5, *(number / 10 for number in range(12))), LIMITS)
    assert kinds(judgement) == [("reset", 0.0)]
    assert total(judgement) == pytest.approx(0.5 + 1.1)


def test_until_it_is_confirmed_nothing_is_counted():
    judgement = judge(State(), points(500.0, *(number / 10 for number in range(10))), LIMITS)
    assert total(judgement) == 0
    assert len(judgement.state.held) == 10
    assert judgement.flags == ()


def test_few_readings_far_apart_confirm_as_well():
    judgement = judge(State(), points(500.0, 0.0, 1.0, 2.0, interval_us=30 * MINUTE_US), LIMITS)
    assert kinds(judgement) == [("reset", 0.0)]
    assert total(judgement) == pytest.approx(2.0)


def test_many_readings_in_a_short_time_do_not_confirm():
    judgement = judge(State(), points(500.0, *([0.0] * 100), 500.1, interval_us=5 * SECOND_US), LIMITS)
    assert total(judgement) == pytest.approx(0.1)
    assert len(judgement.flags) == 100


def test_a_jump_that_stays_begins_an_era_and_is_not_energy():
    judgement = judge(State(), points(180.0, *(5000 + number / 10 for number in range(12))), LIMITS)
    assert kinds(judgement) == [("jump", 5000)]
    assert total(judgement) == pytest.approx(1.1)


def test_a_jump_is_energy_when_the_owner_says_so():
    readings = points(180.0, *(5000 + number / 10 for number in range(12)))
    decisions = Decisions(counted_us=frozenset({readings[1].time_us}))
    assert total(judge(State(), readings, LIMITS, decisions)) == pytest.approx(4820 + 1.1)


def test_a_rise_while_the_clock_was_behind_is_energy_after_all():
    """A Pi without a clock wakes up with the time at which it lost its power: 5 kWh in a minute, it seems."""
    asleep = points(100.0)
    awake = points(*(105.0 + number / 100 for number in range(4)), start_us=START_US + MINUTE_US)
    put_right = points(105.1, 105.2, start_us=START_US + 300 * MINUTE_US)
    judgement = judge(State(), [*asleep, *awake, *put_right], LIMITS)
    assert total(judgement) == pytest.approx(5.2)
    assert judgement.flags == ()


def test_a_replaced_meter_begins_an_era_even_if_it_goes_on_from_the_same_value():
    readings = points(100.0, 100.5, 101.0, 101.5)
    decisions = Decisions(replaced_us=(readings[1].time_us + 1,))
    judgement = judge(State(), readings, LIMITS, decisions)
    assert kinds(judgement) == [("replaced", 101.0)]
    assert total(judgement) == pytest.approx(1.0)


def test_a_decision_counts_once():
    readings = points(100.0, 3.0, 4.0)
    decisions = Decisions(replaced_us=(readings[1].time_us,))
    first = judge(State(), readings[:2], LIMITS, decisions)
    second = judge(first.state, readings[2:], LIMITS, decisions)
    assert kinds(first) == [("replaced", 3.0)]
    assert total(second) == pytest.approx(1.0)
    assert second.flags == ()


def test_a_false_first_value_costs_one_era():
    judgement = judge(State(), points(0.0, *(180 + number / 100 for number in range(12))), LIMITS)
    assert kinds(judgement) == [("jump", 180)]
    assert total(judgement) == pytest.approx(0.11)


def test_one_that_may_fall_does_so():
    net = Limits(LIMITS.per_hour, may_fall=True)
    judgement = judge(State(), points(100.0, 99.0, 98.5, 99.5), net)
    assert total(judgement) == pytest.approx(-0.5)
    assert judgement.flags == ()


def test_rounding_is_no_fall():
    judgement = judge(State(), points(100.00004, 100.0), LIMITS)
    assert judgement.flags == ()
    assert judgement.state.held == ()
