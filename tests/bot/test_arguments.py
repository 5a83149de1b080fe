"""What is written behind a command, as people write it."""

import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartmeter.bot.answer import NotUnderstoodError
from smartmeter.bot.arguments import MOST_WORDS, Wish, duration_of, meter_key, understand
from smartmeter.measurands import measurands
from tests.bot.made_up import NASTY, plain_house

HOUSE = plain_house("house", "heat pump", "Haus 24h", "voltage_l2", "HOUSE", "Straße", NASTY)
M, H, D = 60_000_000, 3_600_000_000, 86_400_000_000


def wish(text, house=HOUSE):
    found = understand(house, text.split(), "chart_usage")
    return (found.measurand and found.measurand.id, found.meter and found.meter.name, found.duration_us)


@pytest.mark.parametrize(
    ("text", "duration_us"),
    [
        ("24h", 24 * H),
        ("7d", 7 * D),
        ("1h30m", 90 * M),
        ("1h 30m", 90 * M),
        ("90S", 90_000_000),
        ("500ms", 500_000),
        ("1,5h", 90 * M),
        ("1.5h", 90 * M),
        ("24 h", 24 * H),
        ("10min", 10 * M),
        ("10 Minuten", 10 * M),
        ("2std", 2 * H),
        ("7 Tage", 7 * D),
        ("7 days", 7 * D),
        ("1 h 5 min", 65 * M),
        ("0h", 0),
    ],
)
def test_durations(text, duration_us):
    assert duration_of(text) == duration_us


@pytest.mark.parametrize("text", ["24", "h", "-1h", "1e9h", "1h1h", "30m1h", "h24", "", "1..5h", "٣h", "999999d", "1w"])
def test_no_durations(text):
    assert duration_of(text) is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", (None, None, None)),
        ("voltage_l1 24h", ("voltage_l1", None, 24 * H)),
        ("24h Spannung_L1", ("voltage_l1", None, 24 * H)),
        ("SPANNUNG_l1", ("voltage_l1", None, None)),
        ("Spannung L1", ("voltage_l1", None, None)),
        ("Wirkenergie, Bezug 7 Tage", ("active_energy_import", None, 7 * D)),
        ("active energy import", ("active_energy_import", None, None)),
        ("heat pump", (None, "heat pump", None)),
        ("voltage_l1 heat pump 7d", ("voltage_l1", "heat pump", 7 * D)),
        ("Heat Pump Frequenz", ("frequency", "heat pump", None)),
        ("haus 24h 24h", (None, "Haus 24h", 24 * H)),
        ("voltage_l2", (None, "voltage_l2", None)),
        ("house", (None, "house", None)),
        ("HOUSE", (None, "HOUSE", None)),
        ("House", (None, "house", None)),
        ("STRASSE", (None, "Straße", None)),
        (NASTY, (None, NASTY, None)),
        (meter_key("heat pump"), (None, "heat pump", None)),
        (f"frequency 1d {meter_key(NASTY)}", ("frequency", NASTY, D)),
    ],
)
def test_measurands_meters_and_durations_in_any_order(text, found):
    assert wish(text) == found


def refused(text, house=HOUSE):
    with pytest.raises(NotUnderstoodError) as error:
        understand(house, text.split(), "chart_usage")
    return error.value


@pytest.mark.parametrize(
    ("text", "meant"), [("frequence", "frequency"), ("Spannug_L1 24h", "Spannung_L1"), ("heet pump", "heat pump")]
)
def test_the_nearest_name_is_told(text, meant):
    error = refused(text)
    assert error.meant == meant
    assert str(error).endswith(f"Did you mean {meant}?")


@pytest.mark.parametrize("text", ["24", "xyzzy", "#12345678", "\N{PILE OF POO}"])
def test_without_one_the_usage_is(text):
    error = refused(text)
    assert error.meant is None
    assert str(error).startswith(f"I know no measurand or meter “{text}”.\n/chart [MEASURAND]")


def test_of_what_is_too_long_not_all_comes_back():
    assert "x" * 59 + "…”" in str(refused("x" * 4000))
    assert str(refused("x " * 2000)).startswith("/chart [MEASURAND]")


@pytest.mark.parametrize("text", ["voltage_l1 voltage_l3", "1h 2d", "house heat pump"])
def test_two_of_a_kind_are_refused(text):
    assert "that is the most" in str(refused(text))


def test_many_words_take_no_time():
    started_s = time.process_time()
    refused("1h x " * (MOST_WORDS // 2))
    assert time.process_time() - started_s < 1


def test_each_measurand_is_found_by_id_and_german_name():
    house = plain_house("a")
    for one in measurands().values():
        assert wish(one.id, house)[0] == one.id
        assert wish(one.german, house)[0] == one.id


@given(st.text(max_size=300))
def test_whatever_is_written_is_understood_or_refused(text):
    with suppress(NotUnderstoodError):
        assert isinstance(understand(HOUSE, text.split(), "chart_usage"), Wish)
