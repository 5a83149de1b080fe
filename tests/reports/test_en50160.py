from datetime import date

import pytest

from smartmeter.reports.en50160 import (
    LINE_VOLTAGES,
    TEN_MINUTES_US,
    THD,
    VOLTAGES,
    Interruption,
    quality_report,
    unbalance,
)
from smartmeter.reports.span import span_of
from tests.reports.made_up import BERLIN, at, history_of

SPAN = span_of("week", date(2026, 6, 1), BERLIN)
GOOD = {
    **dict.fromkeys(VOLTAGES, 231.0),
    **dict.fromkeys(LINE_VOLTAGES, 400.0),
    **dict.fromkeys(THD, 2.0),
    "frequency": 50.01,
}


async def report_on(path, readings):
    history = history_of(path, readings)
    try:
        return await quality_report(history, "house", SPAN, at(2026, 7, 1))
    finally:
        await history.close()


async def report_of(path, change=lambda number, values: values):
    """Of a week with a reading in the middle of each ten minutes; `change` gives what it has, None for no reading."""
    readings = [
        (SPAN.start_us + number * TEN_MINUTES_US + TEN_MINUTES_US // 2, change(number, GOOD)) for number in range(1008)
    ]
    return await report_on(path, [(time_us, values) for time_us, values in readings if values is not None])


def verdicts(report):
    return {(finding.criterion.name, finding.phase): finding.verdict for finding in report.findings}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "smartmeter.db"


async def test_a_good_week_passes_by_every_criterion(path):
    report = await report_of(path)
    assert len(report.findings) == 12
    assert set(verdicts(report).values()) == {"pass"}
    assert {finding.coverage for finding in report.findings} == {1.0}
    assert report.interruptions == []


@pytest.mark.parametrize(("bad", "verdict"), [(50, "pass"), (51, "fail")])
async def test_five_percent_of_the_means_may_be_outside(path, bad, verdict):
    report = await report_of(path, lambda number, values: {**values, "voltage_l2": 200.0 if number < bad else 231.0})
    assert verdicts(report)["voltage", "l2"] == verdict
    assert verdicts(report)["voltage", "l1"] == "pass"
    assert verdicts(report)["voltage_always", "l2"] == "pass"


async def test_not_one_mean_may_be_beyond_the_outer_limits(path):
    report = await report_of(path, lambda number, values: {**values, "voltage_l3": 190.0 if number == 7 else 231.0})
    assert verdicts(report)["voltage", "l3"] == "pass"
    assert verdicts(report)["voltage_always", "l3"] == "fail"


async def test_a_week_of_which_too_much_is_missing_shows_nothing_but_what_failed(path):
    report = await report_of(path, lambda number, values: None if number % 5 == 0 else {**values, "frequency": 51.0})
    assert verdicts(report)["voltage", "l1"] == "insufficient"
    assert verdicts(report)["frequency", None] == "fail"
    assert verdicts(report)["frequency_always", None] == "insufficient"


async def test_an_interruption_is_one_phase_without_voltage_and_silence_is_none(path):
    def change(number, values):
        if 20 <= number < 23:
            return None
        return {**values, "voltage_l1": 0.5} if 10 <= number < 12 else values

    report = await report_of(path, change)
    (found,) = report.interruptions
    # From the first reading of it to the end of the ten minutes with the last one.
    begin_us = SPAN.start_us + 10 * TEN_MINUTES_US
    assert found == Interruption("l1", begin_us + TEN_MINUTES_US // 2, begin_us + 2 * TEN_MINUTES_US)
    assert not found.is_short
    begin_us = SPAN.start_us + 20 * TEN_MINUTES_US
    assert report.silences == [(begin_us, begin_us + 3 * TEN_MINUTES_US)]
    assert set(verdicts(report).values()) == {"pass"}


async def test_the_ten_minutes_of_a_short_interruption_are_no_question_of_the_level(path):
    begin_us = SPAN.start_us + 6 * TEN_MINUTES_US
    away_us = range(begin_us + 60_000_000, begin_us + 160_000_000, 10_000_000)
    readings = [
        (time_us, {**GOOD, **({"voltage_l2": 0.0, "voltage_thd_l2": 90.0} if time_us in away_us else {})})
        for time_us in range(SPAN.start_us, begin_us + TEN_MINUTES_US, 10_000_000)
    ]
    report = await report_on(path, readings)
    assert report.interruptions == [Interruption("l2", away_us.start, away_us.stop)]
    assert report.interruptions[0].is_short
    found = {(each.criterion.name, each.phase): each for each in report.findings}
    assert (found["voltage", "l2"].lowest, found["thd", "l2"].highest) == (231.0, 2.0)
    assert found["voltage", "l2"].coverage == pytest.approx(7 / 1008)


async def test_quantiles_are_those_of_the_means(path):
    report = await report_of(path, lambda number, values: {**values, "voltage_l1": 220 + number % 20})
    found = next(each for each in report.findings if each.phase == "l1")
    assert (found.lowest, found.quantile_5, found.quantile_95, found.highest) == (220, 220, 238, 239)


async def test_all_in_all_it_is_what_the_worst_says(path):
    assert (await report_of(path)).verdict == "pass"


async def test_one_criterion_that_is_not_met_is_enough(path):
    report = await report_of(path, lambda _, values: {**values, "voltage_thd_l3": 9.0})
    assert report.verdict == "fail"


async def test_a_meter_of_one_phase_is_judged_by_that_phase(path):
    report = await report_of(path, lambda _, values: {"voltage_l1": values["voltage_l1"], "voltage_l2": 0.0})
    assert {phase for _, phase in verdicts(report)} == {"l1"}
    assert report.interruptions == []
    assert report.dead == ["l2"]
    assert {criterion.name for criterion in report.not_measured} == {
        "frequency",
        "frequency_always",
        "unbalance",
        "thd",
    }


def test_unbalance_of_equal_voltages_is_nothing():
    assert unbalance(dict.fromkeys(LINE_VOLTAGES, 400.0)) == pytest.approx(0, abs=1e-5)


def test_unbalance_is_the_negative_sequence():
    """From the phasors themselves: a positive sequence of 400 V and a negative one of 2 % of it."""
    import cmath  # noqa: PLC0415

    a = cmath.exp(2j * cmath.pi / 3)
    phasors = [400 * (1 + 0.02), 400 * (a**2 + 0.02 * a), 400 * (a + 0.02 * a**2)]
    assert unbalance(dict(zip(LINE_VOLTAGES, map(abs, phasors), strict=True))) == pytest.approx(2.0)


def test_without_all_three_there_is_none():
    assert unbalance({LINE_VOLTAGES[0]: 400.0}) is None
    assert unbalance(dict.fromkeys(LINE_VOLTAGES, 0.0)) is None
