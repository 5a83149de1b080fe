from datetime import date

import pytest

from smartmeter.reports.en50160 import (
    LINE_VOLTAGES,
    TEN_MINUTES_US,
    THD,
    VOLTAGES,
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


async def report_of(path, change=lambda number, values: values):
    """Of a week with a reading in the middle of each ten minutes; `change` gives what it has, None for no reading."""
    readings = [
        (SPAN.start_us + number * TEN_MINUTES_US + TEN_MINUTES_US // 2, change(number, GOOD)) for number in range(1008)
    ]
    history = history_of(path, [(time_us, values) for time_us, values in readings if values is not None])
    try:
        return await quality_report(history, "house", SPAN, at(2026, 7, 1))
    finally:
        await history.close()


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
    first, second = report.interruptions
    assert (first.phase, first.from_us) == ("l1", SPAN.start_us + 10 * TEN_MINUTES_US)
    assert first.until_us - first.from_us == 2 * TEN_MINUTES_US
    assert (second.phase, second.until_us - second.from_us) == (None, 3 * TEN_MINUTES_US)
    assert verdicts(report)["voltage_always", "l1"] == "pass"


async def test_a_meter_of_one_phase_is_judged_by_that_phase(path):
    report = await report_of(path, lambda _, values: {"voltage_l1": values["voltage_l1"], "voltage_l2": 0.0})
    assert {phase for _, phase in verdicts(report)} == {"l1"}
    assert report.interruptions == []


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
