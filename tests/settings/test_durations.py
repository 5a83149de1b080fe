import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartmeter.settings.durations import (
    MAX_DURATION_US,
    InvalidDurationError,
    format_duration,
    parse_duration,
)


@pytest.mark.parametrize(
    ("value", "duration_us"),
    [
        ("500ms", 500_000),
        ("10s", 10_000_000),
        ("5m", 300_000_000),
        ("2h", 7_200_000_000),
        ("90d", 7_776_000_000_000),
        ("1h30m", 5_400_000_000),
        (" 1 h 30 m ", 5_400_000_000),
        ("1d2h3m4s5ms", 93_784_005_000),
        ("0.5s", 500_000),
        ("0.000001s", 1),
        ("10", 10_000_000),
        (10, 10_000_000),
        (0.1, 100_000),
        (0, 0),
        (MAX_DURATION_US // 1_000_000, MAX_DURATION_US),
    ],
)
def test_durations_are_read_as_people_write_them(value, duration_us):
    assert parse_duration(value) == duration_us


@pytest.mark.parametrize(
    "value",
    [
        *(
            "",
            " ",
            "s",
            "10 sec",
            "10x",
            "-1s",
            "30m1h",
            "1s1s",
            "1,5s",
            "0x10s",
            "٣s",
            "36501d",
            "9" * 5000 + "s",
            "never",
        ),
        *(-1, -0.1, math.nan, math.inf, -math.inf, True, None, [], {}, 10**400, MAX_DURATION_US + 1),
    ],
)
def test_what_is_no_duration_is_refused(value):
    with pytest.raises(InvalidDurationError) as caught:
        parse_duration(value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("duration_us", "text"),
    [
        (0, "0s"),
        (100_000, "100ms"),
        (1_500_000, "1.5s"),
        (1, "0.000001s"),
        (90_000_000, "1m30s"),
        (300_000_000, "5m"),
        (7_776_000_000_000, "90d"),
        (999_999_000_000, "999999s"),
        (90_060_000_000, "1501m"),
    ],
)
def test_durations_are_written_short(duration_us, text):
    assert format_duration(duration_us) == text


@given(st.integers(0, MAX_DURATION_US) | st.integers(0, 10**6).map(lambda seconds: seconds * 1_000_000))
def test_what_is_written_reads_the_same(duration_us):
    assert parse_duration(format_duration(duration_us)) == duration_us


@given(st.text(alphabet="0123456789.dhms -", max_size=20) | st.text(max_size=20))
def test_any_text_is_a_duration_in_range_or_refused(text):
    try:
        duration_us = parse_duration(text)
    except InvalidDurationError:
        return
    assert 0 <= duration_us <= MAX_DURATION_US
