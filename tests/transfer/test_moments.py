from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartmeter.transfer.moments import Clock

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/St_Johns", "UTC")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def us(*fields):
    return (datetime(*fields, tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)


def read(*texts, zone=BERLIN, meter="house"):
    clock = Clock(zone, {})
    return [clock.time_us(text, meter) for text in texts]


@pytest.mark.parametrize(
    "text",
    [
        "2024-07-01T12:00:00Z",
        "2024-07-01 12:00:00+00",
        "2024-07-01 14:00:00+02",
        "2024-07-01T14:00:00.000000+02:00",
        "2024-07-01 14:00:00",
        "2024-07-01T14:00",
        " 2024-07-01 14:00:00 ",
        "01.07.2024 14:00:00",
        "1.7.2024 14:00",
        "1719835200",
        "1719835200.0",
        "1719835200000",
        "1719835200000000",
    ],
)
def test_each_of_these_is_the_same_moment(text):
    assert read(text) == [us(2024, 7, 1, 12)]


def test_parts_of_a_second_count():
    assert read("2024-07-01 12:00:00.123456+00", "1719835200.25", "01.07.2024 14:00:00,5") == [
        us(2024, 7, 1, 12, 0, 0, 123456),
        us(2024, 7, 1, 12, 0, 0, 250000),
        us(2024, 7, 1, 12, 0, 0, 500000),
    ]


@pytest.mark.parametrize("text", ["", "yesterday", "NaN", "inf", "17", "20240701", "2024-13-01 00:00", "31.02.2024"])
def test_anything_else_is_no_time(text):
    with pytest.raises(ValueError, match=r"is no time"):
        read(text)


def test_digits_are_seconds_and_no_basic_date():
    assert read("1712010112") == [1712010112_000_000]


def test_the_hour_that_comes_twice_is_told_by_the_order_of_the_rows():
    texts = ["27.10.2024 01:59:50", "27.10.2024 02:00:00", "27.10.2024 02:59:50", "27.10.2024 02:00:00"]
    texts += ["27.10.2024 02:59:50", "27.10.2024 03:00:00"]
    minutes = [(time_us - us(2024, 10, 27)) / 60e6 for time_us in read(*texts)]
    assert minutes == pytest.approx([-1 / 6, 0, 60 - 1 / 6, 60, 120 - 1 / 6, 120])


def test_each_meter_has_its_own_order():
    clock = Clock(BERLIN, {})
    times = [clock.time_us("2024-10-27 02:30:00", meter) for meter in ("a", "b", "a", "b")]
    assert times == [us(2024, 10, 27, 0, 30)] * 2 + [us(2024, 10, 27, 1, 30)] * 2


def test_a_clock_goes_on_where_another_was():
    first = Clock(BERLIN, {})
    first.time_us("2024-10-27 02:30:00", "house")
    assert Clock(BERLIN, first.latest).time_us("2024-10-27 02:15:00", "house") == us(2024, 10, 27, 1, 15)


def test_a_time_that_the_clocks_skipped_is_what_they_would_have_shown():
    assert read("2024-03-31 02:30:00") == [us(2024, 3, 31, 1, 30)]


@given(st.integers(1_000_000_000, 1_900_000_000), st.sampled_from(ZONES), st.integers(1, 1799), st.integers(1, 60))
def test_local_times_in_order_are_the_moments_that_they_were(start_s, zone, step_s, count):
    moments = [datetime.fromtimestamp(start_s + index * step_s, UTC) for index in range(count)]
    zone = ZoneInfo(zone)
    local = [moment.astimezone(zone) for moment in moments]
    # Which hour it is cannot be known of the first row, if it lies in the second one.
    if local[0].fold:
        return
    texts = [f"{moment.replace(tzinfo=None)}" for moment in local]
    assert read(*texts, zone=zone) == [(moment - EPOCH) // timedelta(microseconds=1) for moment in moments]
