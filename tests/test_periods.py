from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartmeter import periods
from smartmeter.periods import QUARTER_US, from_local, period_end, period_start, periods_between, system_zone

HOUR_US = 4 * QUARTER_US
BERLIN = ZoneInfo("Europe/Berlin")
# Half-hour and quarter-hour offsets, changes by half an hour, changes at midnight, a day that never was.
ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/St_Johns",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Africa/Cairo",
    "Asia/Beirut",
    "Pacific/Apia",
]
CALENDARS = ["15m", "1h", "1d", "1w", "1mo", "1y"]
TIMES = st.integers(min_value=946_684_800_000_000, max_value=2_208_988_800_000_000)


def at(*args, zone=BERLIN, fold=0):
    return from_local(datetime(*args, tzinfo=zone, fold=fold).astimezone(UTC))


@given(TIMES, st.sampled_from(CALENDARS), st.sampled_from(ZONES))
def test_every_moment_lies_in_its_period_and_periods_follow_each_other(time_us, period, name):
    zone = ZoneInfo(name)
    start_us = period_start(period, time_us, zone)
    end_us = period_end(period, start_us, zone)
    assert start_us <= time_us < end_us
    assert period_start(period, start_us, zone) == start_us
    assert period_start(period, end_us - 1, zone) == start_us
    assert period_start(period, end_us, zone) == end_us


@given(TIMES, st.sampled_from(ZONES))
def test_quarters_nest_in_hours_and_hours_in_days(time_us, name):
    zone = ZoneInfo(name)
    quarter_us = period_start("15m", time_us, zone)
    assert period_start("1h", quarter_us, zone) == period_start("1h", time_us, zone)
    hour_us = period_start("1h", time_us, zone)
    assert period_start("1d", hour_us, zone) == period_start("1d", time_us, zone)


@pytest.mark.parametrize(("month", "day", "hours"), [(3, 29, 23), (10, 25, 25), (6, 21, 24)])
def test_a_day_has_the_hours_of_its_clock_changes(month, day, hours):
    start_us = period_start("1d", at(2026, month, day, 12), BERLIN)
    end_us = period_end("1d", start_us, BERLIN)
    assert end_us - start_us == hours * HOUR_US
    assert len(list(periods_between("1h", start_us, end_us, BERLIN))) == hours


def test_the_hour_that_comes_twice_is_two_hours():
    first, second = at(2026, 10, 25, 2, 30), at(2026, 10, 25, 2, 30, fold=1)
    assert second - first == HOUR_US
    assert period_start("1h", second, BERLIN) - period_start("1h", first, BERLIN) == HOUR_US


def test_hours_begin_at_the_local_full_hour():
    kolkata = ZoneInfo("Asia/Kolkata")
    time_us = at(2026, 6, 1, 10, 40, zone=kolkata)
    assert period_start("1h", time_us, kolkata) == at(2026, 6, 1, 10, zone=kolkata)


def test_weeks_begin_on_monday():
    assert period_start("1w", at(2026, 11, 24, 8), BERLIN) == at(2026, 11, 23)


def test_months_and_years_end_where_the_next_begin():
    assert period_end("1mo", at(2026, 12, 1), BERLIN) == at(2027, 1, 1)
    assert period_end("1y", at(2026, 1, 1), BERLIN) == at(2027, 1, 1)


def test_the_systems_zone_is_the_one_that_localtime_names(tmp_path, monkeypatch):
    zoneinfo = tmp_path / "zoneinfo" / "Europe"
    zoneinfo.mkdir(parents=True)
    (zoneinfo / "Berlin").touch()
    (tmp_path / "localtime").symlink_to(zoneinfo / "Berlin")
    monkeypatch.setattr(periods, "_LOCALTIME", tmp_path / "localtime")
    assert system_zone() == "Europe/Berlin"


def test_without_localtime_the_systems_zone_is_utc(tmp_path, monkeypatch):
    monkeypatch.setattr(periods, "_LOCALTIME", tmp_path / "localtime")
    assert system_zone() == "UTC"
