"""`[[tariff]]`: what it means, and what is said about wrong ones."""

from datetime import date
from pathlib import Path

import pytest

from smartmeter.energy.tariff import EVERY_DAY, HourlyPrices, Tariff, TimeRule
from smartmeter.settings.apart import loaded_settings, start_loading
from smartmeter.settings.errors import SettingsError
from smartmeter.settings.load import load_settings

DATA = Path(__file__).parent / "data"
METERS = """
[[bus]]
port = "/dev/ttyS-A"
[[bus.meter]]
name = "house"
model = "SDM530"
address = 1
[[bus.meter]]
model = "SDM230"
address = 2
"""
TARIFF = "[[tariff]]\nprice = 0.35\n"
CHEAP = "[[tariff.time]]\nprice = 0.2\n"


def test_every_key_of_the_full_file_arrives():
    night = TimeRule(0.25, frozenset({4, 5}), 22 * 60, 6 * 60, 0.07)
    fixed = Tariff(("house",), date(2026, 1, 1), date(2027, 1, 1), "CHF", 0.35, 0.08, 9.9, None, 0.0, (night,))
    # Midnight in New York, as the file has no offsets and full.toml that zone.
    start_us = 1_782_878_400_000_000
    hourly = HourlyPrices(
        DATA / "prices.csv", (start_us, start_us + 3_600_000_000, start_us + 7_200_000_000), (0.1012, 0.0985, -0.0021)
    )
    other = Tariff(("sdm230_2", "heat pump"), hourly=hourly, surcharge=0.18)
    assert load_settings(DATA / "full.toml").tariffs == (fixed, other)


def test_defaults_of_a_small_tariff(load):
    assert load(METERS).tariffs == ()
    assert load(METERS + TARIFF + CHEAP).tariffs == (Tariff(price=0.35, rules=(TimeRule(0.2, EVERY_DAY, 0, 1440),)),)


def test_tariffs_follow_each_other_and_meters_have_their_own(load):
    text = METERS + TARIFF + "meters = ['house']\nvalid_until = 2026-07-01\n"
    text += TARIFF + "meters = ['house']\nvalid_from = 2026-07-01\n" + TARIFF + "meters = ['sdm230_2']\n"
    assert [tariff.meters for tariff in load(text).tariffs] == [("house",), ("house",), ("sdm230_2",)]


def test_a_file_of_prices_is_read_once_for_several_tariffs(load, tmp_path):
    (tmp_path / "prices.csv").write_text("time,price\n")
    text = METERS + "[[tariff]]\nvalid_until = 2026-01-01\nprices_file = 'prices.csv'\n"
    text += "[[tariff]]\nvalid_from = 2026-01-01\nprices_file = 'prices.csv'\nsurcharge = 0.2\n"
    first, second = load(text).tariffs
    assert first.hourly is second.hourly


def test_tariffs_come_whole_from_the_process_apart():
    assert loaded_settings(start_loading(DATA / "full.toml")) == load_settings(DATA / "full.toml")


@pytest.mark.parametrize(
    ("text", "key", "words"),
    [
        ("[tariff]\nprice = 1", "tariff", "[[tariff]] with two brackets"),
        ("[[tariff]]", "tariff[1].price", "or a prices_file"),
        ("tariff = [1]", "tariff[1]", "must be a table, not 1"),
        (TARIFF + "prices_file = 'missing.csv'", "tariff[1].prices_file", "only one of them"),
        (TARIFF + "surcharge = 0.1", "tariff[1].surcharge", "add it to the price"),
        ("[[tariff]]\nprices_file = 'missing.csv'", "tariff[1].prices_file", "missing.csv"),
        ("[[tariff]]\nprices_file = '.'", "tariff[1].prices_file", "cannot be read"),
        (TARIFF + "meters = ['haus']", "tariff[1].meters[1]", "did you mean house?"),
        (TARIFF + "meters = []", "tariff[1].meters", "empty list"),
        (TARIFF + "valid_until = 2026-01-01\nvalid_from = 2026-01-01", "tariff[1].valid_until", "not after"),
        (TARIFF + "valid_from = '2026-01-01'", "tariff[1].valid_from", "without quotation marks"),
        (TARIFF + "valid_from = 2026-01-01T00:00:00", "tariff[1].valid_from", "not a date or time"),
        (TARIFF + "currency = 'Euro'", "tariff[1].currency", "three capital letters"),
        (TARIFF + "base_price = true", "tariff[1].base_price", "not true"),
        (TARIFF + TARIFF, "tariff[2].valid_from", "at the same time as tariff[1]"),
        (TARIFF + TARIFF + "meters = ['house']", "tariff[2].valid_from", "at the same time as tariff[1]"),
        (
            TARIFF + "valid_until = 2026-02-02\n" + TARIFF + "valid_from = 2026-02-01",
            "tariff[2].valid_from",
            "at the same time",
        ),
        (
            TARIFF + "valid_until = 2026-02-01\n" + TARIFF + "valid_from = 2026-02-01\ncurrency = 'CHF'",
            "tariff[2].currency",
            "is not that of tariff[1]",
        ),
        (TARIFF + "[[tariff.time]]", "tariff[1].time[1].price", "is missing"),
        (TARIFF + "[tariff.time]\nprice = 1", "tariff[1].time", "[[tariff.time]] with two brackets"),
        (TARIFF + CHEAP + "days = ['monday']", "tariff[1].time[1].days[1]", 'not "monday"'),
        (TARIFF + CHEAP + "days = []", "tariff[1].time[1].days", "empty list"),
        (TARIFF + CHEAP + "from = '22:10'", "tariff[1].time[1].from", "on a quarter-hour"),
        (TARIFF + CHEAP + "from = '24:00'", "tariff[1].time[1].from", "on a quarter-hour"),
        (TARIFF + CHEAP + "from = 22:00:00", "tariff[1].time[1].from", "on a quarter-hour"),
        (TARIFF + CHEAP + "until = '24:15'", "tariff[1].time[1].until", "24:00"),
        (TARIFF + CHEAP + "until = '00:00'", "tariff[1].time[1].until", "the same as from"),
        (TARIFF + CHEAP + "form = '22:00'", "tariff[1].time[1].form", "did you mean from?"),
    ],
)
def test_a_mistake_is_told_with_its_key_and_what_would_be_right(mistakes, text, key, words):
    # What is to stand before the tables needs its place.
    found = mistakes(text + METERS if text.startswith("tariff =") else METERS + text)
    if key != "tariff[1].prices_file":
        assert list(found) == [key]
    assert words in found[key]


@pytest.mark.parametrize("value", ["'0.35'", "true", "nan", "inf", "-1000001", "[]", "2026-01-01", str(10**4000)])
def test_what_is_no_price_is_told_at_its_key(mistakes, value):
    assert list(mistakes(METERS + f"[[tariff]]\nprice = {value}\n")) == ["tariff[1].price"]


def test_a_bad_line_of_the_prices_is_told_at_its_place(load, tmp_path):
    (tmp_path / "prices.csv").write_text("time,price\n2026-01-01T00:00Z,0.1\n2026-01-01T00:00Z,0.1\n")
    with pytest.raises(SettingsError) as caught:
        load(METERS + "[[tariff]]\nprices_file = 'prices.csv'\n")
    [mistake] = caught.value.mistakes
    assert (mistake.file, mistake.key) == (tmp_path / "prices.csv", "line 3")


def test_a_meter_that_cannot_be_named_does_not_make_others_unknown(mistakes):
    text = METERS.replace("SDM230", "SDM23") + TARIFF + "meters = ['sdm230_2']\n"
    assert list(mistakes(text)) == ["bus[1].meter[2].model"]
    text = METERS.replace("SDM530", "SDM53") + TARIFF + "meters = ['haus']\n"
    assert list(mistakes(text)) == ["bus[1].meter[1].model", "tariff[1].meters[1]"]
