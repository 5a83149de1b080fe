"""What energy costs, by hand-made examples and held against slow and plain computations."""

import itertools
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from smartmeter.energy.tariff import (
    EXPORT,
    IMPORT,
    HourlyPrices,
    Tariff,
    TimeRule,
    base_cost,
    currency_of,
    feed_in_price,
    fingerprint,
    import_price,
    price_over,
    tariff_for,
)
from smartmeter.periods import QUARTER_US, from_local, local_time, period_end, periods_between

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = [BERLIN, ZoneInfo("America/New_York"), ZoneInfo("Asia/Kolkata"), ZoneInfo("Australia/Lord_Howe")]
HOUR_US = 4 * QUARTER_US
DAY_US = 24 * HOUR_US
NIGHT = TimeRule(0.2, from_minute=22 * 60, until_minute=6 * 60)


def at(text, zone=BERLIN):
    return from_local(datetime.fromisoformat(text).replace(tzinfo=zone))


def import_at(tariff, text):
    return import_price([tariff], "house", at(text), BERLIN)


times_us = st.integers(at("2025-12-01"), at("2027-02-01"))
zones = st.sampled_from(ZONES)
minutes = st.integers(0, 96).map(lambda quarter: quarter * 15)
prices = st.sampled_from([-0.05, 0.0, 0.2, 0.3, 0.35])
rules = st.builds(
    TimeRule,
    price=prices,
    days=st.frozensets(st.integers(0, 6), min_size=1),
    from_minute=minutes.filter(lambda minute: minute < 1440),
    until_minute=minutes,
    feed_in=st.none() | prices,
).filter(lambda rule: rule.from_minute != rule.until_minute)


@st.composite
def hourly_prices(draw):
    """A month of prices with holes, by hour or by quarter-hour."""
    start_us = at(draw(st.sampled_from(["2026-03-10", "2026-10-10"])))
    steps = draw(st.lists(st.sampled_from([1, 4, 4, 4, 8]), min_size=1, max_size=60))
    found = [start_us]
    for quarters in steps:
        found.append(found[-1] + quarters * QUARTER_US)
    return HourlyPrices(Path("prices.csv"), tuple(found), tuple(draw(prices) for _ in found))


@st.composite
def tariffs(draw):
    """Up to three that follow each other, perhaps with a hole between."""
    days = sorted(draw(st.sets(st.dates(date(2026, 1, 1), date(2026, 12, 31)), max_size=4)))
    bounds = [draw(st.sampled_from([None, date(2025, 12, 20)])), *days, None]
    found = []
    for valid_from, valid_until in itertools.pairwise(bounds):
        if draw(st.integers(0, 3)):
            hourly = draw(st.none() | hourly_prices())
            found.append(
                Tariff(
                    valid_from=valid_from,
                    valid_until=valid_until,
                    price=draw(prices) if hourly is None else None,
                    feed_in=draw(prices),
                    base_price=draw(st.sampled_from([0.0, 9.9, 12.5])),
                    hourly=hourly,
                    surcharge=0.0 if hourly is None else draw(prices),
                    rules=tuple(draw(st.lists(rules, max_size=2))),
                )
            )
    return tuple(found)


def test_a_fixed_price_holds_always_and_energy_that_is_given_earns():
    tariff = Tariff(price=0.35, feed_in=0.08)
    assert import_at(tariff, "2026-07-01T12:00") == 0.35
    assert feed_in_price([tariff], "house", at("2026-07-01"), BERLIN) == 0.08
    span = (at("2020-01-01"), at("2026-01-01"), BERLIN)
    assert price_over([tariff], "house", IMPORT, *span) == 0.35
    assert price_over([tariff], "house", EXPORT, *span) == -0.08
    assert price_over([tariff], "house", "reactive_energy_import", *span) is None
    assert price_over([], "house", IMPORT, *span) is None


def test_giving_for_nothing_costs_plain_nothing():
    assert str(price_over([Tariff(price=0.35)], "house", EXPORT, 0, 1, BERLIN)) == "0.0"


def test_a_tariff_begins_and_ends_at_local_midnight():
    old = Tariff(valid_until=date(2026, 7, 1), price=0.3)
    new = Tariff(valid_from=date(2026, 7, 1), valid_until=date(2027, 1, 1), price=0.4)
    midnight_us = at("2026-07-01")
    found = [tariff_for([old, new], "house", us, BERLIN) for us in (midnight_us - 1, midnight_us, at("2027-01-01"))]
    assert found == [old, new, None]
    assert price_over([old, new], "house", IMPORT, midnight_us - QUARTER_US, midnight_us, BERLIN) == 0.3
    assert price_over([old, new], "house", IMPORT, midnight_us - QUARTER_US, midnight_us + 1, BERLIN) is None


def test_a_tariff_is_for_its_meters():
    found = (Tariff(meters=("house",), price=0.3), Tariff(meters=("car",), currency="CHF", price=0.2))
    assert [import_price(found, name, 0, BERLIN) for name in ("house", "car", "shed")] == [0.3, 0.2, None]
    assert [currency_of(found, name) for name in ("house", "car", "shed")] == ["EUR", "CHF", None]


def test_the_first_rule_that_matches_wins():
    sunday = TimeRule(0.1, days=frozenset({6}), feed_in=0.2)
    tariff = Tariff(price=0.35, feed_in=0.08, rules=(sunday, NIGHT))
    # 5 July 2026 is a Sunday.
    assert import_at(tariff, "2026-07-05T23:00") == 0.1
    assert import_at(tariff, "2026-07-04T23:00") == 0.2
    assert import_at(tariff, "2026-07-04T21:59:59") == 0.35
    assert feed_in_price([tariff], "house", at("2026-07-05T12:00"), BERLIN) == 0.2
    assert feed_in_price([tariff], "house", at("2026-07-04T23:00"), BERLIN) == 0.08


def test_a_rule_past_midnight_belongs_to_the_day_on_which_it_begins():
    tariff = Tariff(price=0.35, rules=(replace(NIGHT, days=frozenset({4})),))
    # 3 July 2026 is a Friday.
    found = {
        text: import_at(tariff, f"2026-07-0{text}")
        for text in ("3T05:45", "3T21:45", "3T22:00", "4T00:00", "4T05:45", "4T06:00", "4T22:00")
    }
    assert [text for text, price in found.items() if price == 0.2] == ["3T22:00", "4T00:00", "4T05:45"]


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 7), ("2026-10-25", 9), ("2026-07-01", 8)])
def test_a_night_in_which_clocks_are_set_follows_the_local_clock(day, hours):
    tariff = Tariff(price=0.35, rules=(NIGHT,))
    noon_us = at(f"{day}T12:00")
    nightly = [
        us for us in range(noon_us - DAY_US, noon_us, QUARTER_US) if import_price([tariff], "house", us, BERLIN) == 0.2
    ]
    assert len(nightly) == hours * 4
    assert local_time(nightly[0], BERLIN).hour == 22
    assert local_time(nightly[-1] + QUARTER_US, BERLIN).hour == 6


def test_an_hourly_price_holds_until_the_next_one_but_for_an_hour_at_most():
    start_us = at("2026-07-01")
    hourly = HourlyPrices(
        Path("prices.csv"), (start_us, start_us + QUARTER_US, start_us + 3 * HOUR_US), (1.0, 2.0, 3.0)
    )
    tariff = Tariff(hourly=hourly, surcharge=0.5)
    found = [import_price([tariff], "house", start_us + n * QUARTER_US, BERLIN) for n in range(-1, 17)]
    assert found == [None, 1.5, 2.5, 2.5, 2.5, 2.5, *[None] * 7, 3.5, 3.5, 3.5, 3.5, None]


def test_a_long_span_has_a_price_only_if_nothing_can_change():
    span = (at("2025-01-01"), at("2026-06-01"), BERLIN)
    same = Tariff(price=0.2)
    assert price_over([same], "house", IMPORT, *span) == 0.2
    assert price_over([replace(same, rules=(NIGHT,))], "house", IMPORT, *span) is None
    assert price_over([replace(same, valid_from=date(2025, 1, 2))], "house", IMPORT, *span) is None
    year = (at("2025-01-01"), at("2026-01-01"), BERLIN)
    assert price_over([replace(same, rules=(NIGHT,))], "house", IMPORT, *year) == 0.2


@given(tariffs(), st.sampled_from([IMPORT, EXPORT]), times_us, st.integers(0, 3 * DAY_US), zones)
def test_the_price_over_a_span_is_that_of_each_quarter_hour(found, measurand, from_us, length_us, zone):
    price_at = import_price if measurand == IMPORT else feed_in_price
    until_us = from_us + length_us
    moments = [from_us, *range(from_us - from_us % QUARTER_US + QUARTER_US, until_us, QUARTER_US)]
    sampled = {price_at(found, "house", us, zone) for us in moments}
    expected = sampled.pop() if len(sampled) == 1 else None
    if expected is not None and measurand == EXPORT:
        expected = -expected
    assert price_over(found, "house", measurand, from_us, until_us, zone) == expected


@given(tariffs(), times_us, zones)
def test_no_price_changes_within_a_quarter_hour(found, time_us, zone):
    start_us = time_us - time_us % QUARTER_US
    for price_at in (import_price, feed_in_price):
        assert price_at(found, "house", time_us, zone) == price_at(found, "house", start_us, zone)


@given(rules, st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)), zones)  # noqa: DTZ001 - local times
def test_a_rule_holds_from_its_time_until_its_time_on_the_local_clock(rule, naive, zone):
    """Against a walk back over the local clock to the start of the rule."""
    tariff = Tariff(price=9.0, rules=(rule,))
    time_us = from_local(naive.replace(tzinfo=zone))
    clock = local_time(time_us, zone).replace(tzinfo=None)
    length = timedelta(minutes=(rule.until_minute - rule.from_minute) % 1440 or 1440)
    begins = [
        datetime.combine(clock.date() - timedelta(days=back), datetime.min.time()) + timedelta(minutes=rule.from_minute)
        for back in (0, 1)
    ]
    holds = any(begin <= clock < begin + length and begin.weekday() in rule.days for begin in begins)
    assert import_price([tariff], "house", time_us, zone) == (rule.price if holds else 9.0)


@pytest.mark.parametrize("zone", ZONES, ids=str)
@pytest.mark.parametrize("base_price", [9.9, 12.5, 0.1, 1 / 3])
def test_every_month_costs_exactly_its_base_price(zone, base_price):
    tariff = Tariff(price=0.3, base_price=base_price)
    months = list(periods_between("1mo", at("2026-01-01", zone), at("2028-01-01", zone), zone))
    assert len(months) == 24
    assert {base_cost([tariff], "house", *month, zone) for month in months} == {base_price}


def test_a_day_on_which_clocks_are_set_costs_as_much_as_any_other():
    tariff = Tariff(price=0.3, base_price=31.0)
    for day in (28, 29):
        start_us = at(f"2026-03-{day}")
        assert base_cost([tariff], "house", start_us, period_end("1d", start_us, BERLIN), BERLIN) == 1.0
    # Of its 23 hours, these are the first.
    assert base_cost([tariff], "house", at("2026-03-29"), at("2026-03-29") + HOUR_US, BERLIN) == pytest.approx(1 / 23)


def test_the_base_price_is_due_while_the_tariff_holds():
    tariff = Tariff(valid_from=date(2026, 4, 11), valid_until=date(2026, 5, 1), price=0.3, base_price=30.0)
    assert base_cost([tariff], "house", at("2026-01-01"), at("2027-01-01"), BERLIN) == 20.0
    assert base_cost([tariff], "house", at("2026-04-01"), at("2026-04-11"), BERLIN) == 0.0
    assert base_cost([replace(tariff, meters=("car",))], "house", at("2026-04-01"), at("2026-05-01"), BERLIN) == 0.0


@given(tariffs(), st.lists(times_us, min_size=2, max_size=5).map(sorted), zones)
def test_the_base_costs_of_parts_add_up(found, bounds, zone):
    parts = [base_cost(found, "house", start, end, zone) for start, end in itertools.pairwise(bounds)]
    assert base_cost(found, "house", bounds[0], bounds[-1], zone) == pytest.approx(sum(parts), abs=1e-9)


@given(st.lists(tariffs(), min_size=2, max_size=2))
def test_the_fingerprint_tells_tariffs_apart(found):
    assert (fingerprint(found[0], BERLIN) == fingerprint(found[1], BERLIN)) == (found[0] == found[1])


@given(tariffs(), st.data())
def test_the_fingerprint_changes_with_any_price(found, data):
    assume(found)
    tariff = data.draw(st.sampled_from(found))
    changes = [{"feed_in": 1.5}, {"base_price": 1.5}, {"surcharge": 1.5}, {"price": 1.5}, {"currency": "CHF"}]
    if tariff.hourly:
        changes.append({"hourly": replace(tariff.hourly, prices=(*tariff.hourly.prices[:-1], 1.5))})
    if tariff.rules:
        changes.append({"rules": (*tariff.rules[:-1], replace(tariff.rules[-1], price=1.5))})
    changed = tuple(replace(one, **data.draw(st.sampled_from(changes))) if one is tariff else one for one in found)
    assert fingerprint(changed, BERLIN) != fingerprint(found, BERLIN)


def test_the_fingerprint_is_the_same_in_every_run_and_wherever_the_file_lies():
    hourly = HourlyPrices(Path("a.csv"), (0,), (0.1,))
    elsewhere = replace(hourly, path=Path("b.csv"))
    assert fingerprint([Tariff(hourly=hourly)], BERLIN) == fingerprint([Tariff(hourly=elsewhere)], BERLIN)
    assert fingerprint([Tariff(price=0.35, rules=(NIGHT,))], BERLIN) == "a5b592abff60e80e"
    assert fingerprint([], BERLIN) != fingerprint([], ZoneInfo("UTC"))
