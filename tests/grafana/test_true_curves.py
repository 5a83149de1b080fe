"""Curves, present values and shares in panels are what plain arithmetic over the made-up readings says."""

from statistics import fmean

import pytest

from tests.grafana import made_up_year as truth
from tests.grafana.asking import HOUR_US, WEEK, ask, grouped, hours_of, ours
from tests.grafana.macros import Asked
from tests.grafana.made_up_year import (
    END_US,
    FINE_HOURS,
    PUMP,
    QUARTER_US,
    SECOND_US,
    START_US,
    at,
    of_house,
)


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
