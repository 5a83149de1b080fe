from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartmeter.measurands import measurands
from smartmeter.reports.amounts import DECIMALS, amount, clock_second, lasting, near_moment

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("measurand", "value", "english", "german"),
    [
        ("voltage_l1", 230.06, "230.1 V", "230,1 V"),
        ("current_l1", 1.2346, "1.235 A", "1,235 A"),
        ("active_power_total", -1234.56, "-1,234.6 W", "-1.234,6 W"),
        ("active_power_total", -0.04, "0.0 W", "0,0 W"),
        ("frequency", 49.98765, "49.988 Hz", "49,988 Hz"),
        ("active_energy_import", 123456.789, "123,456.79 kWh", "123.456,79 kWh"),
        ("voltage_thd_l1", 2.345, "2.35 %", "2,35 %"),
        ("power_factor_total", 0.98765, "0.988", "0,988"),
        ("voltage_l1", None, "\N{EN DASH}", "\N{EN DASH}"),
    ],
)
def test_amounts(measurand, value, english, german):
    assert amount(value, measurands()[measurand], "en") == english
    assert amount(value, measurands()[measurand], "de") == german


def test_an_angle_has_its_sign_without_a_space():
    angle = next(each for each in measurands().values() if each.unit == "deg")
    assert amount(12.34, angle, "de") == "12,3°"


def test_every_unit_has_its_decimals():
    assert {each.unit for each in measurands().values()} <= DECIMALS.keys()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.4, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (61, "1 min 1 s"),
        (720, "12 min"),
        (3599.4, "59 min 59 s"),
        (3599.6, "1 h"),
        (3600 + 59, "1 h"),
        (3900, "1 h 5 min"),
        (86_399.6, "1 d"),
        (86_400 + 3599, "1 d"),
        (3 * 86_400 + 2 * 3600 + 59, "3 d 2 h"),
        (1000 * 86_400, "1000 d"),
    ],
)
def test_spans_have_their_two_largest_units(seconds, text):
    assert lasting(seconds) == text


@given(st.floats(0, 1e8))
def test_a_span_is_never_told_longer_than_it_is_and_never_by_half_its_last_unit_shorter(seconds):
    sizes = {"s": 1, "min": 60, "h": 3600, "d": 86_400}
    words = lasting(seconds).split()
    told = sum(int(number) * sizes[unit] for number, unit in zip(words[::2], words[1::2], strict=True))
    off = {"s": 1, "min": 1, "h": 60, "d": 3600}[words[1]]
    assert -0.5 <= seconds - told < off + 0.5


def test_times_of_the_day():
    assert clock_second(datetime(2026, 6, 1, 9, 5, 3, tzinfo=BERLIN)) == "09:05:03"


@pytest.mark.parametrize(
    ("local", "english", "german"),
    [
        (datetime(2026, 6, 1, 0, 0, 59, tzinfo=BERLIN), "00:00", "00:00"),
        (datetime(2026, 5, 31, 23, 59, tzinfo=BERLIN), "2026-05-31 23:59", "31.05.2026 23:59"),
        (datetime(2025, 6, 1, 12, 0, tzinfo=BERLIN), "2025-06-01 12:00", "01.06.2025 12:00"),
    ],
)
def test_moments_have_their_date_unless_it_is_todays(local, english, german):
    now = datetime(2026, 6, 1, 12, 0, tzinfo=BERLIN)
    assert (near_moment(local, now, "en"), near_moment(local, now, "de")) == (english, german)
