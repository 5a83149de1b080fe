"""Energies and costs in panels are what plain arithmetic over the made-up readings says."""

from collections import defaultdict
from itertools import pairwise

import pytest

from tests.grafana import made_up_year as truth
from tests.grafana.asking import CLOCK_CHANGES, CLOSE, HOUR_US, IN, SIGN, WEEK, ask, spans
from tests.grafana.made_up_year import (
    END_US,
    FINE_DAY,
    IMPORT,
    SECOND_US,
    START_US,
    at,
    local,
)


@pytest.mark.parametrize(
    ("period", "from_us", "until_us"),
    [
        ("1d", START_US, END_US),
        *(("1h", day, day + 25 * HOUR_US) for day in CLOCK_CHANGES),
        ("1h", at(2025, 6, 10), at(2025, 6, 11)),
        ("1h", at(2025, 7, 31), at(2025, 8, 3)),
        ("1h", at(2025, 9, 15), at(2025, 9, 16)),
        ("15m", at(2025, 5, 5), at(2025, 5, 6)),
        ("15m", *FINE_DAY),
    ],
)
def test_energy_and_cost_of_every_period(year, period, from_us, until_us):
    energies = ask(year, "energy", "Energy over time", from_us, until_us - 1000, period=period).by_first()
    costs = ask(year, "energy", "Cost over time", from_us, until_us - 1000, period=period).by_first()
    assert energies.keys() == costs.keys()
    counted = 0
    for start, end in spans(period, from_us, until_us):
        shown, paid = (each.pop(start // SECOND_US, {}) for each in (energies, costs))
        for name, measurand in IN.items():
            true, sign = truth.energy(measurand, start, end), SIGN[measurand]
            counted += true.energy
            assert (shown.get(name) or 0) == pytest.approx(sign * (true.energy - true.gap), **CLOSE), local(start)
            assert (shown.get(f"{name}, shape unknown") or 0) == pytest.approx(sign * true.gap, **CLOSE), local(start)
            assert (paid.get(name) or 0) == pytest.approx(true.cost, **CLOSE), local(start)
    assert energies == {}
    assert counted > 10


def by_label(measurand, form):
    """Energy, gap energy and cost of the days of each month or year."""
    sums = defaultdict(lambda: [0.0, 0.0, 0.0])
    for start, end in truth.days():
        true = truth.energy(measurand, start, end)
        for index, amount in enumerate((true.energy, true.gap, true.cost)):
            sums[local(start).strftime(form)][index] += amount
    return sums


@pytest.mark.parametrize(("title", "form"), [("Energy per month", "%Y-%m"), ("Energy per year", "%Y")])
def test_months_and_years(year, title, form):
    rows = ask(year, "energy", title, *WEEK).by_first()
    for name, measurand in IN.items():
        true = by_label(measurand, form)
        assert rows.keys() == true.keys()
        for label, (energy, gap, _) in true.items():
            assert rows[label][name] == pytest.approx(SIGN[measurand] * (energy - gap), **CLOSE)
            assert rows[label][f"{name}, shape unknown"] == pytest.approx(SIGN[measurand] * gap, **CLOSE)


def test_cost_of_months(year):
    rows = ask(year, "energy", "Cost per month", *WEEK).by_first()
    costs = [by_label(measurand, "%Y-%m") for measurand in IN.values()]
    assert {label: row["Cost"] for label, row in rows.items()} == pytest.approx(
        {label: sum(each[label][2] for each in costs) for label in costs[0]}
    )


@pytest.mark.parametrize("name", IN)
def test_the_year_and_the_one_before(year, name):
    months = by_label(IN[name], "%Y-%m")
    rows = ask(year, "energy", f"{name} per month", *WEEK).by_first()
    assert list(rows) == ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    for number, row in enumerate(rows.values(), 1):
        for title, label in (("This year", f"2026-{number:02}"), ("The year before", f"2025-{number:02}")):
            true = months[label][0] if label in months else None
            assert row[title] == (None if true is None else pytest.approx(true, **CLOSE)), label


@pytest.mark.parametrize("name", IN)
def test_the_same_days_of_the_year_before(year, name):
    row = ask(year, "energy", f"{name} up to the same day", WEEK[0], at(2026, 2, 7, 20)).one()
    for title, number in (("This year", 2026), ("The year before", 2025)):
        days = [
            truth.energy(IN[name], *day).energy for day in truth.days(max(START_US, at(number, 1, 1)), at(number, 2, 8))
        ]
        assert row[title] == pytest.approx(sum(days), **CLOSE)
        assert row[title] > 1


@pytest.mark.parametrize("name", IN)
def test_the_same_days_within_a_year(year, name):
    """In 2025 there is no year before."""
    row = ask(year, "energy", f"{name} up to the same day", START_US, at(2025, 3, 30, 20)).one()
    assert row["This year"] == pytest.approx(truth.energy(IN[name], START_US, at(2025, 3, 31)).energy)
    assert row["The year before"] is None


def test_the_highest_quarter_hour_of_each_month(year):
    rows = ask(year, "energy", "Highest quarter-hour per month", *WEEK).by_first()
    for name, measurand in IN.items():
        peaks = defaultdict(float)
        for start, end in spans("15m", START_US, END_US):
            true = truth.energy(measurand, start, end)
            label = local(start).strftime("%Y-%m")
            peaks[label] = max(peaks[label], 4 * (true.energy - true.gap))
        assert {label: row[name] for label, row in rows.items()} == pytest.approx(peaks, abs=1e-6)


def test_days_of_records(year):
    rows = ask(year, "energy", "Days with most import", *WEEK).rows
    days = {local(day[0]).strftime("%Y-%m-%d"): [truth.energy(id_, *day) for id_ in SIGN] for day in truth.days()}
    best = sorted((imported.energy for imported, _ in days.values()), reverse=True)[:10]
    assert [row[1] for row in rows] == pytest.approx(best)
    for label, *shown in rows:
        imported, exported = days[label]
        paid = imported.cost + exported.cost
        assert shown == pytest.approx([imported.energy, exported.energy, paid, imported.gap + exported.gap], **CLOSE)


@pytest.mark.parametrize("day", [(2025, 3, 30), (2025, 10, 26), (2025, 8, 2), (2026, 2, 4)])
@pytest.mark.parametrize("hour", [0, 12, 23])
def test_the_day_so_far_is_that_in_which_the_span_ends(year, day, hour):
    until_us = at(*day, hour, 50)
    (span,) = [each for each in truth.days() if each[0] <= until_us < each[1]]
    true = {name: truth.energy(measurand, *span) for name, measurand in IN.items()}
    for name, each in true.items():
        assert ask(year, "overview", f"{name} today", until_us - HOUR_US, until_us).one() == {
            name: pytest.approx(each.energy, **CLOSE)
        }
    sums = {"Cost": sum(each.cost for each in true.values()), "Shape unknown": sum(each.gap for each in true.values())}
    for title, amount in sums.items():
        shown = ask(year, "overview", f"{title} today", until_us - HOUR_US, until_us).one()
        assert shown[title] == pytest.approx(amount, **CLOSE)


@pytest.mark.parametrize(("from_us", "until_us", "period"), [(*WEEK, "1h"), (START_US, END_US, "1d")])
def test_sums_of_the_span(year, from_us, until_us, period):
    true = {
        name: [truth.energy(measurand, *span) for span in spans(period, from_us, until_us)]
        for name, measurand in IN.items()
    }
    sums = {name: sum(each.energy for each in found) for name, found in true.items()}
    sums["Cost"] = sum(each.cost for found in true.values() for each in found)
    sums["Shape unknown"] = sum(each.gap for found in true.values() for each in found)
    for title, amount in sums.items():
        assert ask(year, "energy", title, from_us, until_us - 1000).one()[title] == pytest.approx(amount, **CLOSE)


def test_the_year_has_what_makes_it_hard():
    """Else the tests above would show little."""
    days = dict(truth.days())
    assert sorted({round((end - start) / HOUR_US) for start, end in days.items()}) == [23, 24, 25]
    assert max(after - before for before, after in pairwise(truth.times())) > 30 * HOUR_US
    assert truth.SPIKE_US in truth.times()
    assert truth.FALSE_ZERO_US in truth.times()
    assert sum(truth.energy(IMPORT, *day).gap for day in days.items()) > 100
