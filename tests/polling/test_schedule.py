import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartmeter.polling.schedule import count_instants, due_at, next_instant_us, shortened

SECOND_US = 1_000_000
instants = st.integers(0, 4_000_000_000 * SECOND_US)
intervals = st.integers(100_000, 999_999 * SECOND_US)


def test_ten_seconds_fire_on_the_tens():
    noon_us = 1_700_000_003_400_000
    assert next_instant_us(noon_us, [10 * SECOND_US]) == 1_700_000_010_000_000


@given(instants, st.lists(intervals, min_size=1, max_size=6))
def test_next_instant_is_the_first_at_which_something_is_due(after_us, intervals_us):
    instant_us = next_instant_us(after_us, intervals_us)
    named = {str(number): interval_us for number, interval_us in enumerate(intervals_us)}
    assert instant_us > after_us
    assert due_at(instant_us, named)
    assert all(instant_us <= (after_us // i + 1) * i for i in intervals_us)


@given(instants, st.dictionaries(st.sampled_from("abcdef"), intervals, min_size=1))
def test_due_is_what_divides_the_instant(instant_us, intervals_us):
    assert due_at(instant_us, intervals_us) == {name for name, i in intervals_us.items() if instant_us % i == 0}


@given(instants, st.integers(0, 100), intervals)
def test_counts_the_instants_in_between(after_us, times, interval_us):
    until_us = next_instant_us(after_us, [interval_us]) + times * interval_us
    assert count_instants(after_us, until_us, [interval_us]) == times + 1
    assert count_instants(until_us, after_us, [interval_us]) == 0


@pytest.mark.parametrize(("own", "fast", "expected"), [(10, 4, 4), (2, 4, 2), (4, 4, 4)])
def test_shortened_never_lengthens(own, fast, expected):
    assert shortened({"a": own}, fast) == {"a": expected}
