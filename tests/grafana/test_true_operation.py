"""What panels tell about the measuring itself is true of the made-up readings."""

import time
from collections import defaultdict

import pytest

from tests.grafana import made_up_year as truth
from tests.grafana.asking import WEEK, ask, ours
from tests.grafana.made_up_year import (
    END_US,
    EXPORT,
    FINE_DAY,
    FINE_HOURS,
    HOUSE,
    IMPORT,
    PUMP,
    QUARTER_US,
    SECOND_US,
    START_US,
    of_house,
)


def test_ages(year):
    shown = dict(ask(year, "operation", "Age of the newest reading", *WEEK, meter=[HOUSE, PUMP]).rows)
    newest = {each.meter: each.time_us for each in truth.readings()}
    for name, age_s in shown.items():
        assert age_s == pytest.approx(time.time() - newest[name] / SECOND_US, abs=60)
    assert shown.keys() == newest.keys()


def test_the_age_of_the_original_s_only_meter(opened):
    ((name, age_s),) = ask(
        opened("german"), "operation", ours(opened("german"), "Age of the newest reading"), *WEEK
    ).rows
    assert name == HOUSE
    assert age_s == pytest.approx(time.time() - END_US / SECOND_US, abs=60)


def test_how_many_readings_came(year):
    rows = ask(year, "operation", "Readings per quarter-hour", WEEK[0], WEEK[1] - 1000, meter=[HOUSE, PUMP]).rows
    counts = defaultdict(int)
    for each in truth.readings():
        if WEEK[0] <= each.time_us < WEEK[1]:
            counts[(each.time_us - each.time_us % QUARTER_US) // SECOND_US, each.meter] += 1
    assert {(when, name): n for when, name, n in rows} == counts
    rows = ask(year, "operation", "Readings per quarter-hour", START_US, END_US - 1000, meter=[HOUSE]).rows
    assert sum(n for _, _, n in rows) == len(of_house(START_US, END_US)) / 4


def test_which_share_of_the_readings_came(year):
    from_us, until_us = FINE_HOURS[0] + 1, FINE_HOURS[1] + QUARTER_US // 2
    shown = dict(ask(year, "operation", "Readings that were due and came", from_us, until_us, meter=[HOUSE]).rows)
    # Whole quarter-hours: from 12:15 to 16:00, one every 10 seconds.
    assert shown == {HOUSE: pytest.approx(1.0)}
    shown = dict(ask(year, "operation", "Readings that were due and came", *FINE_DAY, meter=[HOUSE]).rows)
    assert shown == {HOUSE: pytest.approx(len(of_house(*FINE_DAY)) / 8640)}


def test_what_was_found_at_counters(year):
    rows = ask(year, "operation", "False counter values, resets, replaced meters", START_US, END_US, meter=[HOUSE]).rows
    found = {(when, counter, kind) for when, _, counter, kind, _, _ in rows}
    reset_us = next(each for each in truth.times() if each > truth.RESET_US)
    whens = {truth.SPIKE_US: "false_value", reset_us: "reset", truth.FALSE_ZERO_US: "false_value"}
    assert found == {
        (when // SECOND_US, measurand, kind) for when, kind in whens.items() for measurand in (IMPORT, EXPORT)
    }


def test_nothing_waits_and_something_is_kept(opened):
    asking = opened("postgresql")
    assert ask(asking, "operation", "Quarter-hours that wait", *WEEK, meter=[HOUSE]).rows == [(0, None)]
    sizes = dict(ask(asking, "operation", "Size of the tables", *WEEK).rows)
    assert sizes["smartmeter"] > 1_000_000
    assert ask(asking, "operation", "Size of the database", *WEEK).one()["Size"] > sum(sizes.values())


def test_how_buses_and_sinks_fared(asking):
    def shown(title):
        return ask(asking, "operation", title, *WEEK, meter=[HOUSE]).rows

    german = asking.name == "german"
    noted = [each for each in truth.health() if WEEK[0] <= each.start_us <= WEEK[1]]
    for title, german_title, part, quantity in [
        ("Bus load", "Auslastung der Leitungen", "bus", "load"),
        ("Requests without a good answer", "Anfragen ohne gute Antwort", "bus", "failures"),
        ("Rounds skipped", "Übersprungene Durchgänge", "bus", "skipped"),
        ("Backlog", "Rückstand", "sink", "backlog"),
    ]:
        expected = [
            (each.start_us // SECOND_US, each.name, each.value)
            for each in noted
            if (each.part, each.quantity) == (part, quantity)
        ]
        assert len(expected) > 400
        assert shown(german_title if german else title) == expected
