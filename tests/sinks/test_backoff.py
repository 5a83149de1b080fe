import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartmeter.sinks.backoff import FIRST_S, LONGEST_S, backoff_s

failures = st.integers(min_value=1, max_value=10**9)
chances = st.floats(min_value=0, max_value=1, exclude_max=True)


@given(failures, chances)
def test_a_pause_is_between_one_second_and_a_minute(failures, chance):
    assert FIRST_S <= backoff_s(failures, chance) <= LONGEST_S


@given(failures, chances)
def test_it_does_not_get_shorter_with_more_failures(failures, chance):
    assert backoff_s(failures + 1, chance) >= backoff_s(failures, chance)


@given(failures)
def test_the_whole_range_is_used(failures):
    assert backoff_s(failures, 0) == FIRST_S
    assert backoff_s(failures, 1 - 2**-53) == pytest.approx(60 if failures >= 6 else 2**failures)
