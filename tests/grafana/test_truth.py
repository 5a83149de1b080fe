"""What panels show is what plain arithmetic over the made-up readings says."""

import time
from collections import defaultdict
from itertools import pairwise
from statistics import fmean

import pytest

from tests.grafana import made_up_year as truth
from tests.grafana.macros import Asked
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
    at,
    local,
    of_house,
)

HOUR_US = 4 * QUARTER_US
IN = {"Import": IMPORT, "Export": EXPORT}
SIGN = {IMPORT: 1, EXPORT: -1}
CLOSE = {"rel": 1e-9, "abs": 1e-6}
CLOCK_CHANGES = (at(2025, 3, 30), at(2025, 10, 26))
WEEK = (at(2026, 2, 2), at(2026, 2, 9))


def ask(asking, dashboard, title, from_us, until_us, **more):
    return asking(asking.target(dashboard, title), Asked(from_us, until_us, {"meter": HOUSE, "period": "1d"} | more))


def spans(period, from_us, until_us):
    if period == "1d":
        return list(truth.days(from_us, until_us))
    step = {"15m": QUARTER_US, "1h": HOUR_US}[period]
    return [(start, start + step) for start in range(from_us, until_us, step)]


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


def grouped(measurand, width_us, from_us, until_us):
    groups = defaultdict(list)
    for reading in of_house(from_us, until_us):
        groups[reading.time_us - reading.time_us % width_us].append(reading.values[measurand])
    return groups


def test_the_power_of_a_few_hours_is_that_of_the_readings(asking):
    step_us = Asked(*FINE_HOURS).step_ms("10s") * 1000
    rows = ask(asking, "overview", ours(asking, "Power"), FINE_HOURS[0], FINE_HOURS[1] - 1000).rows
    groups = grouped("active_power_total", step_us, *FINE_HOURS)
    assert step_us == 15 * SECOND_US
    assert {row[0]: row[1:] for row in rows} == {
        start // SECOND_US: pytest.approx((fmean(values), min(values), max(values))) for start, values in groups.items()
    }


def test_the_power_of_a_week_is_that_of_quarter_hours(asking):
    from_us = at(2026, 2, 3)
    rows = ask(asking, "overview", ours(asking, "Power"), from_us, WEEK[1] - 1000).rows
    groups = grouped("active_power_total", QUARTER_US, from_us, WEEK[1])
    assert {row[0]: row[1:] for row in rows} == {
        start // SECOND_US: pytest.approx((fmean(values), min(values), max(values))) for start, values in groups.items()
    }


def hours_of(measurand):
    """The mean, the least and the greatest value of every hour: the mean is that of its quarter-hours."""
    hours = defaultdict(list)
    for start, values in grouped(measurand, QUARTER_US, START_US, END_US).items():
        hours[start - start % HOUR_US].append((fmean(values), min(values), max(values)))
    return {
        start: (fmean(each[0] for each in found), min(each[1] for each in found), max(each[2] for each in found))
        for start, found in hours.items()
    }


def test_the_power_of_a_year_is_that_of_hours(year):
    rows = ask(year, "overview", "Power", START_US, END_US - 1000).rows
    hours = hours_of("active_power_total")
    assert [row[0] for row in rows] == [start // SECOND_US for start in sorted(hours)]
    for row in rows:
        assert row[1:] == pytest.approx(hours[row[0] * SECOND_US])


def test_quarter_hours_stand_for_readings_that_have_expired(opened):
    asking = opened("postgresql")
    gone_us = at(2026, 2, 4, 13)
    with asking.connection.transaction(force_rollback=True):
        asking.connection.execute("DELETE FROM smartmeter WHERE ts < to_timestamp(%s)", (gone_us // SECOND_US,))
        rows = ask(asking, "overview", "Power", FINE_HOURS[0], FINE_HOURS[1] - 1000).rows
    quarters = grouped("active_power_total", QUARTER_US, FINE_HOURS[0], gone_us)
    assert {row[0]: row[1] for row in rows[: len(quarters)]} == {
        start // SECOND_US: pytest.approx(fmean(values)) for start, values in quarters.items()
    }
    assert len(rows) == len(quarters) + 3 * 240


def test_power_now_is_the_newest(asking):
    until_us = at(2026, 2, 4, 14, 0, 7)
    newest = of_house(until_us - HOUR_US, until_us)[-1].values
    shown = ask(asking, "overview", ours(asking, "Power now"), until_us - HOUR_US, until_us).rows
    assert shown == [(newest["active_power_total"],)]
    shown = ask(asking, "overview", ours(asking, "Power per phase now"), until_us - HOUR_US, until_us).rows
    assert shown == [tuple(newest[f"active_power_l{phase}"] for phase in (1, 2, 3))]


def test_power_is_not_now_if_it_is_old(asking):
    until_us = at(2026, 2, 6, 14, 10)
    assert ask(asking, "overview", ours(asking, "Power now"), until_us - HOUR_US, until_us).rows == [(None,)]


def test_the_power_of_a_meter_with_one_phase_is_its(year):
    until_us = at(2026, 2, 9, 14, 1)
    (newest,) = [each for each in truth.readings() if (each.meter, each.time_us) == (PUMP, at(2026, 2, 9, 14))]
    shown = ask(year, "overview", "Power now", until_us - HOUR_US, until_us, meter=PUMP).rows
    assert shown == [(newest.values["active_power_l1"],)]


def test_the_share_of_the_phases(year):
    row = ask(year, "overview", "Share of the phases", *WEEK).rows[0]
    means = []
    for phase in (1, 2, 3):
        quarters = grouped(f"active_power_l{phase}", QUARTER_US, WEEK[0], WEEK[1] + 1)
        means.append(fmean(map(fmean, quarters.values())))
    assert row == pytest.approx(tuple(means))


@pytest.mark.parametrize(
    ("title", "ids", "least", "most"),
    [
        ("Voltage within 207 to 253 V", [f"voltage_l{phase}" for phase in (1, 2, 3)], 207, 253),
        ("Frequency within 49.5 to 50.5 Hz", ["frequency"], 49.5, 50.5),
        ("Voltage THD up to 8 %", [f"voltage_thd_l{phase}" for phase in (1, 2, 3)], 0, 8),
    ],
)
@pytest.mark.parametrize("long", [False, True])
def test_shares_within_limits(year, title, ids, least, most, long):
    span = (START_US, END_US - 1000) if long else WEEK
    row = ask(year, "power-quality", title, *span).rows[0]
    for share, id_ in zip(row, ids, strict=True):
        if long:
            means = [mean for mean, _, _ in hours_of(id_).values()]
        else:
            means = list(map(fmean, grouped(id_, QUARTER_US, WEEK[0], WEEK[1] + 1).values()))
        true = fmean(least <= mean <= most for mean in means)
        assert share == pytest.approx(true)
        assert 0 < true < 1


def test_voltages_and_their_extremes(year):
    curves = ask(year, "power-quality", "Voltage", WEEK[0], WEEK[1] - 1000).by_first()
    extremes = ask(year, "power-quality", "Lowest and highest voltage", WEEK[0], WEEK[1] - 1000).by_first()
    found = [grouped(f"voltage_l{phase}", QUARTER_US, *WEEK) for phase in (1, 2, 3)]
    for start in found[0]:
        values = [each[start] for each in found]
        assert list(curves[start // SECOND_US].values()) == pytest.approx(list(map(fmean, values)))
        assert list(extremes[start // SECOND_US].values()) == pytest.approx(
            [min(map(min, values)), max(map(max, values))]
        )


def test_unbalance(year):
    rows = ask(year, "power-quality", "Unbalance", WEEK[0], WEEK[1] - 1000).by_first()
    ids = ("voltage_l1_l2", "voltage_l2_l3", "voltage_l3_l1")
    found = [grouped(id_, QUARTER_US, *WEEK) for id_ in ids]
    for start in found[0]:
        voltages = [fmean(each[start]) for each in found]
        true = 100 * max(abs(voltage - fmean(voltages)) for voltage in voltages) / fmean(voltages)
        assert rows[start // SECOND_US]["Unbalance"] == pytest.approx(true)


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


def test_the_year_has_what_makes_it_hard():
    """Else the tests above would show little."""
    days = dict(truth.days())
    assert sorted({round((end - start) / HOUR_US) for start, end in days.items()}) == [23, 24, 25]
    assert max(after - before for before, after in pairwise(truth.times())) > 30 * HOUR_US
    assert truth.SPIKE_US in truth.times()
    assert truth.FALSE_ZERO_US in truth.times()
    assert sum(truth.energy(IMPORT, *day).gap for day in days.items()) > 100


def ours(asking, title):
    """The title in the language of the store's site."""
    german = {
        "Power": "Leistung",
        "Power now": "Leistung jetzt",
        "Power per phase now": "Leistung je Phase jetzt",
        "Age of the newest reading": "Alter des neuesten Messwerts",
    }
    return german[title] if asking.settings.language == "de" else title
