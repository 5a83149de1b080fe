"""Files of hourly prices: whatever stands in one, it is prices or a line that says what is wrong."""

import itertools
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smartmeter.periods import QUARTER_US
from smartmeter.settings.errors import SettingsError
from smartmeter.settings.prices import read_prices

BERLIN = ZoneInfo("Europe/Berlin")
HOUR_US = 4 * QUARTER_US
# 2026-01-01T00:00Z
NEW_YEAR_US = 1_767_225_600_000_000


@pytest.fixture
def read(tmp_path):
    def read(text, zone=BERLIN):
        path = tmp_path / "prices.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_prices(path, zone)

    return read


@pytest.fixture
def mistakes(read):
    def mistakes(text):
        with pytest.raises(SettingsError) as caught:
            read(text)
        assert {mistake.file.name for mistake in caught.value.mistakes} == {"prices.csv"}
        return {mistake.key: mistake.text for mistake in caught.value.mistakes}

    return mistakes


def test_times_are_read_with_and_without_an_offset(read, tmp_path):
    prices = read("time,price\n2026-01-01T00:00Z,0.1\n2026-01-01T02:00+01:00,-0.02\n2026-01-01 03:00,1\n")
    assert prices.path == tmp_path / "prices.csv"
    assert prices.times_us == (NEW_YEAR_US, NEW_YEAR_US + HOUR_US, NEW_YEAR_US + 2 * HOUR_US)
    assert prices.prices == (0.1, -0.02, 1.0)


def test_what_editors_and_spreadsheets_add_does_not_matter(read):
    prices = read(b'\xef\xbb\xbf"time","price"\r\n"2026-01-01T00:00Z", 0.1\r\n\r\n')
    assert (prices.times_us, prices.prices) == ((NEW_YEAR_US,), (0.1,))


def test_the_hour_that_clocks_show_twice_is_two_hours(read):
    rows = "".join(f"2026-10-25T{hour}:00,0.1\n" for hour in ("01", "02", "02", "03"))
    times_us = read("time,price\n" + rows).times_us
    assert [after - before for before, after in itertools.pairwise(times_us)] == [HOUR_US] * 3


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("", "line 1", "header time,price"),
        ("2026-01-01T00:00Z,0.1\n", "line 1", "header time,price"),
        ("time;price\n", "line 1", "header time,price"),
        ("time,price\n2026-01-01T00:00Z,0,1\n", "line 2", "separated by a comma"),
        ("time,price\n2026-01-01T00:00Z\n", "line 2", "separated by a comma"),
        ("time,price\n01.01.2026 00:00,0.1\n", "line 2", "is no time"),
        ("time,price\n0001-01-01T00:00,0.1\n", "line 2", "is no time"),
        ("time,price\n2026-01-01T00:10Z,0.1\n", "line 2", "no quarter-hour"),
        ("time,price\n\n2026-01-01T01:00Z,x\n", "line 3", '"x" is no price'),
        ("time,price\n2026-01-01T01:00Z,nan\n", "line 2", "is no price"),
        ("time,price\n2026-01-01T01:00Z,1000001\n", "line 2", "is no price"),
        ("time,price\n2026-01-01T01:00Z,1\n2026-01-01T01:00Z,2\n", "line 3", "not later"),
        ("time,price\n2026-01-01T01:00Z,1\n2026-01-01T00:00Z,2\n", "line 3", "not later"),
        ("time,price\n2026-03-29T02:00,1\n", "line 2", "never shown by clocks in Europe/Berlin"),
        (b"time,price\n\xff\n", "", "UTF-8"),
    ],
)
def test_a_bad_line_is_told_with_its_number(mistakes, text, place, words):
    found = mistakes(text)
    assert list(found) == [place]
    assert words in found[place]


def test_of_a_file_that_is_all_wrong_only_the_first_lines_are_told(mistakes):
    assert list(mistakes("time,price\n" + "x,y\n" * 9)) == [f"line {number}" for number in range(2, 7)]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text('0123456789-T:+Z,. ne_"\n', max_size=30) | st.just("2026-01-01T00:00,0.1"), max_size=5))
def test_no_text_gives_anything_but_prices_or_mistakes(read, lines):
    try:
        prices = read("time,price\n" + "\n".join(lines))
    except SettingsError:
        return
    assert list(prices.times_us) == sorted(set(prices.times_us))
    assert len(prices.times_us) == len(prices.prices)
