from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartmeter.history.model import EnergyRow
from smartmeter.periods import QUARTER_US
from smartmeter.reports.energy import Question, energy_report
from smartmeter.reports.gaps import Gap, gaps_in, moments_within
from smartmeter.reports.names import row_name
from smartmeter.reports.span import span_of
from tests.reports.made_up import BERLIN, EXPORT, IMPORT, SITE, STEP_US, at, history_of, steadily

FAR_US = at(2030, 1, 1)


async def report_of(path, readings, kind, day, now_us=FAR_US, measurands=(IMPORT, EXPORT)):
    history = history_of(path, readings)
    try:
        return await energy_report(history, SITE, "house", Question(measurands, span_of(kind, day, BERLIN), now_us))
    finally:
        await history.close()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "smartmeter.db"


async def test_a_day_has_a_row_for_each_hour_and_the_difference_of_the_counter_as_its_total(path):
    report = await report_of(path, steadily(at(2026, 6, 1), at(2026, 6, 2)), "day", date(2026, 6, 1))
    assert [row.amounts[IMPORT].energy for row in report.rows] == pytest.approx([1.2] * 24)
    assert report.totals[IMPORT].energy == pytest.approx(28.8)
    assert report.totals[EXPORT].energy == 0
    assert report.gaps == []


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25)])
async def test_days_on_which_clocks_are_set(path, day, hours):
    readings = steadily(at(day.year, day.month, day.day), at(day.year, day.month, day.day + 1))
    report = await report_of(path, readings, "day", day)
    assert len(report.rows) == hours
    assert report.totals[IMPORT].energy == pytest.approx(1.2 * hours)


def test_the_hour_that_comes_twice_is_a_and_b():
    span = span_of("day", date(2026, 10, 25), BERLIN)
    names = [row_name(start_us, span, "en") for start_us, _ in span.rows]
    assert names[1:5] == ["01:00", "02:00 A", "02:00 B", "03:00"]


async def test_a_gap_is_told_and_its_rows_are_unknown(path):
    readings = steadily(at(2026, 6, 1), at(2026, 6, 2))
    begin_us, end_us = at(2026, 6, 1, 10, 20), at(2026, 6, 1, 13, 40)
    readings = [each for each in readings if not begin_us < each[0] < end_us]
    report = await report_of(path, readings, "day", date(2026, 6, 1))
    amounts = [row.amounts[IMPORT] for row in report.rows]
    assert amounts[11] is None
    assert amounts[12] is None
    assert (amounts[10].energy, amounts[10].is_part) == (pytest.approx(0.4), True)
    assert (amounts[13].energy, amounts[13].gap_energy) == (pytest.approx(4.4), pytest.approx(4.0))
    (gap,) = report.gaps
    assert (gap.from_us, gap.until_us) == (begin_us, at(2026, 6, 1, 13, 45))
    assert gap.energies == {IMPORT: pytest.approx(4.0), EXPORT: 0}
    assert report.totals[IMPORT].energy == pytest.approx(28.8)
    assert (report.totals[IMPORT].gap_energy, report.totals[IMPORT].is_part) == (0, False)


async def test_a_gap_over_midnight_leaves_both_days_open(path):
    readings = steadily(at(2026, 6, 1), at(2026, 6, 4))
    readings = [each for each in readings if not at(2026, 6, 1, 22) < each[0] < at(2026, 6, 2, 4)]
    report = await report_of(path, readings, "month", date(2026, 6, 1))
    first, second, third = (row.amounts[IMPORT] for row in report.rows[:3])
    assert (first.is_part, second.is_part, third.is_part) == (True, True, False)
    assert second.gap_energy == pytest.approx(7.2)
    before = await report_of(path, [], "day", date(2026, 6, 1))
    assert before.totals[IMPORT].is_part
    assert [gap.energies[IMPORT] for gap in before.gaps] == pytest.approx([7.2])


async def test_a_day_wholly_in_a_gap_is_unknown_and_not_empty(path):
    readings = steadily(at(2026, 6, 1), at(2026, 6, 4))
    readings = [each for each in readings if not at(2026, 6, 1, 22) < each[0] < at(2026, 6, 3, 4)]
    report = await report_of(path, readings, "day", date(2026, 6, 2))
    assert [row.amounts for row in report.rows] == [{IMPORT: None, EXPORT: None}] * 24
    assert report.totals == {}
    assert report.counters == [IMPORT, EXPORT]
    assert [gap.energies[IMPORT] for gap in report.gaps] == pytest.approx([1.2 * 30])


async def test_what_an_era_lost_is_unknown_too(path):
    readings = steadily(at(2026, 6, 1), at(2026, 6, 1, 10)) + steadily(at(2026, 6, 1, 14), at(2026, 6, 2), begin=0.0)
    report = await report_of(path, readings, "day", date(2026, 6, 1))
    assert [row.amounts[IMPORT] is None for row in report.rows] == [10 <= hour < 13 for hour in range(24)]
    assert [flag.kind for flag in report.flags] == ["reset"]
    assert report.totals[IMPORT].energy == pytest.approx(20 * 1.2, abs=0.2)


async def test_where_there_is_nothing_there_is_no_row_of_zeros(path):
    readings = steadily(at(2026, 6, 10), at(2026, 6, 12))
    report = await report_of(path, readings, "month", date(2026, 6, 1), now_us=at(2026, 6, 20))
    assert [IMPORT in row.amounts for row in report.rows] == [False] * 9 + [True] * 2 + [False] * 8


async def test_what_is_over_of_the_span_is_compared_with_as_much_a_year_before(path):
    readings = [*steadily(at(2025, 6, 1), at(2025, 7, 1), 1.0), *steadily(at(2026, 6, 1), at(2026, 6, 3), 2.0, 2000.0)]
    report = await report_of(path, readings, "month", date(2026, 6, 1), now_us=at(2026, 6, 2, 7, 20))
    assert report.comparison.until_us == at(2026, 6, 2, 7, 15)
    assert report.comparison.since_us is None
    assert report.comparison.before[IMPORT] == pytest.approx(31.25)
    assert report.comparison.energy[IMPORT] - report.totals[IMPORT].gap_energy == pytest.approx(62.5)


async def test_a_year_before_that_was_not_read_from_its_start_says_so(path):
    readings = [*steadily(at(2025, 6, 5), at(2025, 7, 1), 1.0), *steadily(at(2026, 6, 1), at(2026, 6, 9), 1.0, 2000.0)]
    report = await report_of(path, readings, "month", date(2026, 6, 1), now_us=at(2026, 6, 9))
    assert report.comparison.since_us == at(2025, 6, 5)
    assert (await report_of(path, [], "month", date(2025, 6, 1))).comparison is None


async def test_costs_by_time_of_day_and_the_base_price(path):
    report = await report_of(path, steadily(at(2026, 5, 1), at(2026, 6, 1)), "month", date(2026, 5, 1))
    assert report.totals[IMPORT].cost == pytest.approx(31 * 1.2 * (6 * 0.2 + 18 * 0.4))
    assert report.base_cost == pytest.approx(31.0)
    assert report.balance == pytest.approx(31 + 31 * 1.2 * (6 * 0.2 + 18 * 0.4))
    assert report.currency == "EUR"


async def test_what_came_over_a_change_of_price_has_none(path):
    readings = steadily(at(2026, 6, 1), at(2026, 6, 2))
    readings = [each for each in readings if not at(2026, 6, 1, 5) < each[0] < at(2026, 6, 1, 7)]
    report = await report_of(path, readings, "day", date(2026, 6, 1))
    assert report.totals[IMPORT].unpriced == pytest.approx(2.4)
    assert report.totals[IMPORT].cost == pytest.approx(5 * 1.2 * 0.2 + 17 * 1.2 * 0.4)


async def test_the_highest_quarter_hour_of_a_span_and_of_each_month_of_a_year(path):
    readings = steadily(at(2026, 5, 30), at(2026, 6, 3))
    peak_us = at(2026, 5, 31, 17, 30)
    readings = [
        (time_us, {**values, IMPORT: values[IMPORT] + 3 * min(1, max(0, (time_us - peak_us) / (3 * STEP_US)))})
        for time_us, values in readings
    ]
    month = await report_of(path, readings, "month", date(2026, 5, 1))
    assert [(peak.start_us, peak.power) for peak in month.peaks] == [(peak_us, pytest.approx(13.2))]
    year = await report_of(path, [], "year", date(2026, 1, 1))
    assert [peak.power for peak in year.peaks] == [pytest.approx(13.2), pytest.approx(1.2)]
    assert len([row for row in year.rows if row.amounts]) == 2


async def test_what_the_guard_found_is_told(path):
    readings = steadily(at(2026, 6, 1), at(2026, 6, 2))
    readings[100] = (readings[100][0], {IMPORT: 0.0, EXPORT: 7.0})
    report = await report_of(path, readings, "day", date(2026, 6, 1))
    assert [(flag.kind, flag.value) for flag in report.flags] == [("false_value", 0.0)]
    assert report.totals[IMPORT].energy == pytest.approx(28.8)


@given(
    st.lists(st.tuples(st.integers(0, 400), st.integers(2, 40)), max_size=30),
    st.lists(st.integers(0, 2000), unique=True, max_size=30).map(sorted),
)
def test_moments_in_gaps(steps, quarters):
    gaps, end = [], 0
    for pause, length in steps:
        gaps.append(Gap((end + pause) * QUARTER_US, (end + pause + length) * QUARTER_US, {IMPORT: 1.0}))
        end += pause + length
    moments = [quarter * QUARTER_US for quarter in quarters]
    expected = {(IMPORT, each) for each in moments for gap in gaps if gap.from_us < each < gap.until_us}
    assert moments_within(gaps, moments) == expected


def test_counters_that_were_silent_together_share_a_gap():
    rows = [EnergyRow("house", id_, 4 * QUARTER_US, 3.0, 2.0, QUARTER_US, None, 0.0) for id_ in (IMPORT, EXPORT)]
    assert gaps_in(rows) == [Gap(QUARTER_US, 5 * QUARTER_US, {IMPORT: 2.0, EXPORT: 2.0})]
