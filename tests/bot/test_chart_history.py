"""What charts show, read from a real journal whose newest readings are not rolled up yet."""

import math
import statistics

import pytest

from smartmeter.bot.chart import ChartOrder
from smartmeter.bot.chart_history import bars_of, curve_of
from smartmeter.bot.chart_values import figures_of, unbroken
from smartmeter.journal.bulk import JournalImport
from smartmeter.journal.history import JournalHistory
from smartmeter.periods import QUARTER_US
from smartmeter.reading import Reading
from tests.reports.made_up import IMPORT, SITE, at, history_of

MINUTE_US = 60_000_000
HOUR_US, DAY_US = 60 * MINUTE_US, 1440 * MINUTE_US
BEGIN_US, END_US = at(2026, 6, 1), at(2026, 6, 8)
# What comes after this is not rolled up yet; it began within a quarter-hour that is, as far as it was there.
ROLLED_UP_US = at(2026, 6, 7, 23, 20)
HOLE = range(at(2026, 6, 3, 6), at(2026, 6, 3, 12))


def volts(time_us):
    return round(230 + 4 * math.sin(time_us / 7e9) + (time_us // MINUTE_US) % 7 / 10, 2)


def week():
    """A value and a counter once a minute, with a hole of six hours; at the very end the highest value."""
    for time_us in range(BEGIN_US, END_US, MINUTE_US):
        if time_us not in HOLE:
            kwh = 1000 + 1.2 * (time_us - BEGIN_US) / HOUR_US
            yield time_us, {"voltage_l1": 241.5 if time_us == END_US - MINUTE_US else volts(time_us), IMPORT: kwh}


WEEK = list(week())


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("chart") / "smartmeter.db"
    with JournalImport.for_shipping(path, ("voltage_l1", IMPORT), SITE) as journal:

        def append(readings):
            made = [Reading("house", time_us, "boot", 0, values) for time_us, values in readings]
            journal.append(made, "made up", "-")

        append([reading for reading in WEEK if reading[0] < ROLLED_UP_US])
        journal.refresh(lambda *_: None)
        append([reading for reading in WEEK if reading[0] >= ROLLED_UP_US])
    return path


@pytest.fixture
def order(tmp_path):
    def order(from_us=BEGIN_US, until_us=END_US, measurand="voltage_l1"):
        return ChartOrder(tmp_path, "house", measurand, from_us, until_us, "Europe/Berlin", "de")

    return order


@pytest.fixture
async def history(path):
    opened = JournalHistory(path)
    yield opened
    await opened.close()


def values_between(from_us, until_us):
    return [values["voltage_l1"] for time_us, values in WEEK if from_us <= time_us < until_us]


async def test_a_week_with_its_hole_and_what_is_not_rolled_up_yet(history, order):
    curve = await curve_of(history, order())
    assert [(run[0].start_us, run[-1].end_us) for run in unbroken(curve)] == [
        (BEGIN_US, HOLE.start),
        (HOLE.stop, END_US),
    ]
    figures, values = figures_of(curve), values_between(BEGIN_US, END_US)
    assert (figures.minimum, figures.maximum) == (min(values), 241.5)
    assert figures.mean == pytest.approx(statistics.fmean(values), abs=1e-6)


async def test_fine_lines_come_from_readings_and_end_with_the_span(history, order):
    from_us, until_us = HOLE.start - 30 * MINUTE_US, HOLE.start + 1
    curve = await curve_of(history, order(from_us=from_us, until_us=until_us))
    assert curve.width_us == 2_000_000
    assert [stretch.mean for stretch in curve.stretches] == values_between(from_us, until_us)
    assert len(list(unbroken(curve))) == 1


async def test_what_the_span_cuts_counts_as_far_as_it_is_within(history, order):
    from_us, until_us = BEGIN_US + 7 * MINUTE_US, BEGIN_US + 10 * HOUR_US + 4 * MINUTE_US
    curve = await curve_of(history, order(from_us=from_us, until_us=until_us))
    values = values_between(from_us, until_us)
    assert (curve.stretches[0].start_us, curve.stretches[-1].end_us) == (from_us, until_us)
    figures = figures_of(curve)
    assert (figures.minimum, figures.maximum) == (min(values), max(values))
    assert figures.mean == pytest.approx(statistics.fmean(values), abs=1e-6)


@pytest.mark.parametrize("days", [30, 120])
async def test_long_spans_of_hours_and_days_reach_the_newest_reading(history, order, days):
    until_us = END_US - 2 * MINUTE_US
    curve = await curve_of(history, order(from_us=until_us - days * DAY_US, until_us=until_us))
    assert curve.width_us == (HOUR_US if days == 30 else DAY_US)
    assert curve.stretches[-1].end_us == until_us
    figures = figures_of(curve)
    values = values_between(BEGIN_US, until_us)
    assert (figures.minimum, figures.maximum) == (min(values), max(values))
    assert figures.mean == pytest.approx(statistics.fmean(values), abs=0.1)
    assert sum(stretch.n for stretch in curve.stretches) == len(values)


async def test_the_newest_quarter_hours_come_from_readings(history, order):
    curve = await curve_of(history, order(from_us=END_US - 24 * HOUR_US))
    assert [stretch.start_us for stretch in curve.stretches] == list(range(END_US - DAY_US, END_US, QUARTER_US))
    assert [stretch.n for stretch in curve.stretches] == [15] * 96


async def test_a_value_that_is_read_seldom_makes_a_line(tmp_path, order):
    hours = [hour for hour in range(24) if hour not in range(10, 14)]
    history = history_of(tmp_path / "seldom.db", [(BEGIN_US + n * HOUR_US, {"voltage_l1": 230.0}) for n in hours])
    curve = await curve_of(history, order(until_us=BEGIN_US + DAY_US))
    await history.close()
    assert [len(run) for run in unbroken(curve)] == [10, 10]


@pytest.mark.parametrize("days", [20, 95])
async def test_nor_is_its_line_broken_where_the_span_cuts_an_hour_or_a_day(tmp_path, order, days):
    begin_us = BEGIN_US + 10 * HOUR_US + 10 * MINUTE_US
    end_us = begin_us + days * DAY_US
    times = range(begin_us + 20 * MINUTE_US, end_us + 1, HOUR_US if days == 20 else DAY_US)
    history = history_of(tmp_path / "seldom.db", [(time_us, {"voltage_l1": 230.0}) for time_us in times])
    curve = await curve_of(history, order(from_us=begin_us, until_us=end_us + 50 * MINUTE_US))
    await history.close()
    assert [len(run) for run in unbroken(curve)] == [len(curve.stretches)]


async def test_bars_that_are_not_whole_do_not_count(history, order):
    from_us, until_us = BEGIN_US + 30 * MINUTE_US, at(2026, 6, 3, 18, 30)
    bars = await bars_of(history, order(measurand=IMPORT, from_us=from_us, until_us=until_us))
    assert bars.period == "1h"
    partly = [bar.start_us for bar in bars.bars if not bar.whole]
    # What the span cuts, the hour in which the last reading before the hole came, and the one with the gap's energy.
    assert partly == [BEGIN_US, at(2026, 6, 3, 5), at(2026, 6, 3, 11), at(2026, 6, 3, 18)]
    (gap,) = [bar for bar in bars.bars if bar.gap_energy]
    assert gap.gap_energy == pytest.approx(1.2 * 6 + 0.02)
    figures = figures_of(bars)
    assert (figures.minimum, figures.mean, figures.maximum) == pytest.approx((1.2, 1.2, 1.2))


@pytest.mark.parametrize(("hours", "period", "bars"), [(12, "15m", 48), (96, "1h", 91), (120, "1d", 5)])
async def test_bars_fit_the_span(history, order, hours, period, bars):
    until_us = at(2026, 6, 7)
    found = await bars_of(history, order(measurand=IMPORT, from_us=until_us - hours * HOUR_US, until_us=until_us))
    assert found.period == period
    # Of five hours in the hole nothing is known.
    assert len(found.bars) == bars
