import math
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from smartmeter.doctor.latency_timer import FEWEST_ARRIVALS, fit, is_held_back

TIMER_S = 0.016
ENOUGH = 24


def arrivals(seed, count, turnaround_s, spread_s):
    """When answers come that were asked for after random pauses, from a meter that takes this long, more or less."""
    rng, now_s = Random(seed), 0.0
    for _ in range(count):
        now_s += 0.01 + rng.uniform(0, TIMER_S) + turnaround_s + rng.uniform(0, spread_s)
        yield now_s


# A timer that fires every 16 ms, by a clock of its own, and what then takes a while on its way.
def held_back(moments_s, phase_s, drift, kept_up_s):
    period_s = TIMER_S * (1 + drift)
    rng = Random(1)
    for moment_s in moments_s:
        yield phase_s + math.ceil((moment_s - phase_s) / period_s) * period_s + rng.uniform(0, kept_up_s)


seeds = st.integers(0, 1000)
turnarounds_s = st.floats(0.0, 0.3)
spreads_s = st.floats(0.0, 0.05)


@given(seeds, turnarounds_s, spreads_s, st.floats(0, TIMER_S), st.floats(-1e-4, 1e-4), st.floats(0, 0.002))
def test_a_timer_is_seen_at_every_turnaround(seed, turnaround_s, spread_s, phase_s, drift, kept_up_s):
    moments_s = arrivals(seed, ENOUGH, turnaround_s, spread_s)
    assert is_held_back(list(held_back(moments_s, phase_s, drift, kept_up_s)))


@given(seeds, turnarounds_s, spreads_s, st.sampled_from([0.001, 0.002, 0.004]))
def test_without_a_timer_none_is_seen_however_regular_the_meter(seed, turnaround_s, spread_s, step_s):
    moments_s = list(arrivals(seed, 3 * ENOUGH, turnaround_s, spread_s))
    assert not is_held_back(moments_s)
    # A machine that wakes at whole ticks of its own is no adapter with a timer.
    assert not is_held_back([math.ceil(moment_s / step_s) * step_s for moment_s in moments_s])


def test_false_alarms_are_rare_with_the_fewest_arrivals():
    runs = 3000
    alarms = sum(is_held_back(list(arrivals(seed, FEWEST_ARRIVALS, 0.02, 0.0))) for seed in range(runs))
    assert alarms <= 3


def test_some_answers_may_be_kept_up():
    moments_s = list(held_back(arrivals(1, ENOUGH, 0.02, 0.0), 0.0, 0.0, 0.0))
    kept_up = [moment_s + (0.008 if index % 8 == 0 else 0.0) for index, moment_s in enumerate(moments_s)]
    assert is_held_back(kept_up)


def test_too_few_answers_tell_nothing():
    assert fit([0.016 * number for number in range(FEWEST_ARRIVALS - 1)]) is None
