from datetime import date

import pytest

from smartmeter.periods import local_time
from smartmeter.reports.span import span_of, year_before
from tests.reports.made_up import BERLIN, at


def days(span):
    return local_time(span.start_us, BERLIN).date(), local_time(span.end_us, BERLIN).date()


@pytest.mark.parametrize(
    ("kind", "first", "end", "rows"),
    [
        ("day", date(2026, 10, 25), date(2026, 10, 26), 25),
        ("week", date(2026, 10, 19), date(2026, 10, 26), 7),
        ("month", date(2026, 10, 1), date(2026, 11, 1), 31),
        ("year", date(2026, 1, 1), date(2027, 1, 1), 12),
    ],
)
def test_the_span_in_which_a_day_lies(kind, first, end, rows):
    span = span_of(kind, date(2026, 10, 25), BERLIN)
    assert days(span) == (first, end)
    assert len(span.rows) == rows


@pytest.mark.parametrize(
    ("kind", "day", "first"),
    [
        ("day", date(2024, 2, 29), date(2023, 2, 28)),
        ("month", date(2026, 3, 5), date(2025, 3, 1)),
        ("year", date(2026, 3, 5), date(2025, 1, 1)),
        # Monday to Sunday again.
        ("week", date(2026, 11, 24), date(2025, 11, 24)),
    ],
)
def test_the_same_span_a_year_before(kind, day, first):
    span = span_of(kind, day, BERLIN)
    assert local_time(year_before(span, span.start_us), BERLIN).date() == first


def test_a_time_of_day_a_year_before_is_the_same_by_the_clocks():
    span = span_of("year", date(2026, 3, 29), BERLIN)
    # 29 March is in summer time in 2026, and was not yet in 2025.
    assert local_time(year_before(span, at(2026, 3, 29, 12)), BERLIN).hour == 12


@pytest.mark.parametrize(
    ("kind", "row_kind", "rows"), [("day", "15m", 100), ("week", "1h", 169), ("month", "1h", 745), ("year", "1d", 365)]
)
def test_rows_can_be_finer(kind, row_kind, rows):
    assert len(span_of(kind, date(2026, 10, 25), BERLIN, row_kind).rows) == rows
