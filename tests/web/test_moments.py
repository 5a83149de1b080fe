from datetime import date

import pytest

from smartmeter.web.moments import iso, parse_date, parse_iso
from smartmeter.web.problems import ProblemError


def test_times_are_utc_to_the_millisecond_cut_not_rounded():
    assert iso(0) == "1970-01-01T00:00:00.000Z"
    assert iso(1_764_000_000_999_999) == "2025-11-24T16:00:00.999Z"


@pytest.mark.parametrize(
    ("text", "time_us"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2026-11-24T12:30:00Z", 1_795_523_400_000_000),
        ("2026-11-24T13:30:00+01:00", 1_795_523_400_000_000),
        ("2026-11-24T12:30:00.25Z", 1_795_523_400_250_000),
        # The hour that comes twice.
        ("2026-10-25T02:30:00+02:00", 1_792_888_200_000_000),
        ("2026-10-25T02:30:00+01:00", 1_792_891_800_000_000),
    ],
)
def test_what_is_a_time(text, time_us):
    assert parse_iso(text, "from") == time_us
    assert parse_iso(iso(time_us), "from") == time_us


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-11-24",
        "2026-11-24T12:30:00",
        "2026-13-01T00:00:00Z",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
        "1969-12-31T23:59:59Z",
        "2200-01-01T00:00:00Z",
        "2026-11-24T12:30:00Z" * 1000,
        "\N{ARABIC-INDIC DIGIT TWO}026-11-24T12:30:00Z",
    ],
)
def test_what_is_none(text):
    with pytest.raises(ProblemError, match=r"^from must be a time"):
        parse_iso(text, "from")


def test_a_plus_sign_that_became_a_space_is_told():
    with pytest.raises(ProblemError, match="%2B"):
        parse_iso("2026-11-24T12:30:00 01:00", "from")


def test_dates():
    assert parse_date("2026-11-24", "date") == date(2026, 11, 24)
    for text in ("", "today", "2026-02-30", "1969-12-31", "2200-01-01", "0001-01-01", "9999-12-31", "2026-11-24T00:00"):
        with pytest.raises(ProblemError, match=r"^date must be a date"):
            parse_date(text, "date")
