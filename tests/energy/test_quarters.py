import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartmeter.energy.guard import Decisions, Point, State, judge
from smartmeter.energy.quarters import energy_quarter, fold, fold_quarter
from smartmeter.periods import QUARTER_US
from tests.energy.made_up import LIMITS, MINUTE_US, START_US, true_counters

QUARTER = START_US - START_US % QUARTER_US


def test_a_reading_at_the_boundary_closes_the_quarter_that_ends_there():
    assert energy_quarter(QUARTER) == QUARTER - QUARTER_US
    assert energy_quarter(QUARTER + 1) == QUARTER
    assert energy_quarter(QUARTER + QUARTER_US) == QUARTER


@given(true_counters())
def test_quarters_add_up_to_the_difference_of_the_counter(readings):
    quarters = list(fold(State(), readings, LIMITS))
    assert math.isclose(
        sum(quarter.energy for quarter in quarters), readings[-1].value - readings[0].value, abs_tol=1e-6
    )
    assert [quarter.start_us for quarter in quarters] == sorted({energy_quarter(point.time_us) for point in readings})


@given(true_counters())
def test_each_quarter_is_the_counter_at_its_end_minus_the_counter_at_its_start(readings):
    def as_of(time_us):
        return next((point.value for point in reversed(readings) if point.time_us <= time_us), readings[0].value)

    for quarter in fold(State(), readings, LIMITS):
        expected = as_of(quarter.start_us + QUARTER_US) - as_of(quarter.start_us)
        assert math.isclose(quarter.energy, expected, abs_tol=1e-6)


@given(true_counters())
def test_what_was_counted_over_a_gap_is_told_apart(readings):
    expected = {}
    for before, after in pairwise(readings):
        quarter_us = energy_quarter(after.time_us)
        if after.time_us - before.time_us > QUARTER_US and before.time_us < quarter_us:
            expected[quarter_us] = (after.value - before.value, before.time_us)
    found = {quarter.start_us: (quarter.gap_energy, quarter.gap_from_us) for quarter in fold(State(), readings, LIMITS)}
    for start_us, (energy, from_us) in found.items():
        if start_us in expected:
            assert energy == pytest.approx(expected[start_us][0])
            assert from_us == expected[start_us][1]
        else:
            assert (energy, from_us) == (0, None)


@given(true_counters())
def test_what_needs_no_judging_is_what_judging_would_give(readings):
    """A decision on another time has everything judged."""
    judged = fold(State(), readings, LIMITS, Decisions(counted_us=frozenset({1})))
    for quarter, expected in zip(fold(State(), readings, LIMITS), judged, strict=True):
        assert quarter.energy == pytest.approx(expected.energy, abs=1e-9)
        assert quarter.gap_energy == pytest.approx(expected.gap_energy, abs=1e-9)
        assert (quarter.gap_from_us, quarter.state) == (expected.gap_from_us, expected.state)


@given(true_counters(), st.data())
def test_folding_goes_on_from_the_state_of_any_quarter(readings, data):
    whole = list(fold(State(), readings, LIMITS))
    at = data.draw(st.integers(0, len(whole) - 1))
    rest = [point for point in readings if energy_quarter(point.time_us) > whole[at].start_us]
    assert list(fold(whole[at].state, rest, LIMITS)) == whole[at + 1 :]


def test_a_quarter_without_an_accepted_reading_keeps_what_is_held():
    before = State(Point(QUARTER - MINUTE_US, 100.0))
    quarter = fold_quarter(QUARTER, before, [Point(QUARTER + MINUTE_US, 0.0)], LIMITS)
    assert (quarter.energy, quarter.gap_from_us) == (0, None)
    assert quarter.state == State(before.last, (Point(QUARTER + MINUTE_US, 0.0),))
    assert judge(quarter.state, [Point(QUARTER + 2 * MINUTE_US, 100.1)], LIMITS).flags[0].kind == "false_value"
