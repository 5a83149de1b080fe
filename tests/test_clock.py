import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartmeter.clock import Clock, Moment, elapsed_us, now, system_clock

TIMES = st.integers(-(10**17), 10**17)
MOMENTS = st.builds(Moment, TIMES, st.sampled_from(["one", "two"]), TIMES)


def test_now_is_what_both_clocks_show_and_whose_they_are():
    assert now(Clock(lambda: 17, lambda: 4, "boot")) == Moment(17, "boot", 4)


def test_now_by_the_clocks_of_this_machine():
    clock = system_clock()
    before, moment, after = time.time_ns() // 1000, now(clock), time.time_ns() // 1000
    assert before <= moment.time_us <= after
    assert moment.boot == clock.boot == system_clock().boot
    later = now(clock)
    assert 0 <= elapsed_us(moment, later) < 10_000_000


@pytest.mark.parametrize(
    ("earlier", "later", "expected"),
    [
        pytest.param(Moment(100, "a", 10), Moment(103, "a", 15), 5, id="by the monotonic clock within a boot"),
        pytest.param(Moment(100, "a", 10), Moment(-900, "a", 15), 5, id="whatever the wall clock does"),
        pytest.param(Moment(100, "a", 15), Moment(103, "a", 10), 0, id="never less than nothing"),
        pytest.param(Moment(100, "a", 10), Moment(103, "b", 1), 3, id="by the wall clock across boots"),
        pytest.param(Moment(103, "a", 1), Moment(100, "b", 10), 0, id="nothing if the wall clock went back meanwhile"),
    ],
)
def test_elapsed(earlier, later, expected):
    assert elapsed_us(earlier, later) == expected


@given(MOMENTS, MOMENTS, TIMES)
def test_setting_the_wall_clock_changes_nothing_within_a_boot(one, other, jump_us):
    if one.boot == other.boot:
        jumped = Moment(other.time_us + jump_us, other.boot, other.monotonic_us)
        assert elapsed_us(one, jumped) == elapsed_us(one, other)
    assert elapsed_us(one, other) >= 0
    assert elapsed_us(one, one) == 0
