"""Every query of every panel runs in real stores and gives what Grafana can draw."""

import itertools
import math

import pytest

from tests.grafana.dashboards import targets
from tests.grafana.macros import Asked
from tests.grafana.made_up_year import FINE_HOURS, HOUSE, PUMP, START_US, at

SPANS = {
    "hours": FINE_HOURS,
    "week": (at(2026, 2, 3), at(2026, 2, 9, 18)),
    "year": (START_US, at(2026, 2, 9, 20)),
}
# What may be empty where nothing went wrong.
MAY_BE_EMPTY = {"Set aside", "Backlog now"}


def chosen(target, period="1h"):
    """One meter, or all where there can be several."""
    return {"meter": [HOUSE, PUMP] if target.dashboard == "operation" else HOUSE, "period": period}


@pytest.mark.parametrize("span", SPANS)
def test_every_query_gives_something_to_draw(asking, span):
    for target in targets(asking.store, asking.settings):
        answer = asking(target, Asked(*SPANS[span], chosen(target)))
        assert len(answer.columns) == len(set(answer.columns)), target
        if target.panel["title"] not in MAY_BE_EMPTY:
            numbers = [cell for row in answer.rows for cell in row if isinstance(cell, (int, float))]
            assert len(numbers) > len(answer.rows) * target.is_series, (str(target), answer)
        assert_drawable(target, answer)


@pytest.mark.parametrize("period", ["15m", "1h", "1d"])
def test_bars_of_every_length(year, period):
    for target in targets(year.store, year.settings):
        if "${period}" in target.sql:
            answer = year(target, Asked(*SPANS["week"], chosen(target, period)))
            assert_drawable(target, answer)
            steps = {after - before for (before, *_), (after, *_) in itertools.pairwise(answer.rows)}
            assert min(steps) == {"15m": 900, "1h": 3600, "1d": 86400}[period]


def test_meters_to_choose(year):
    target = next(each for each in targets(year.store, year.settings))
    query = year.store.meters
    _, rows = year.run(query)
    assert [name for (name,) in rows] == [PUMP, HOUSE], target


def assert_drawable(target, answer):
    if target.is_series:
        assert answer.columns[0] == "time"
        times = [row[0] for row in answer.rows]
        assert all(isinstance(each, (int, float)) for each in times)
        assert times == sorted(times), target
    for name, cells in zip(answer.columns, zip(*answer.rows, strict=True), strict=False):
        kinds = {type(cell) for cell in cells} - {type(None)}
        # The plugin for SQLite takes the type of a column's first cell for all of them.
        assert len(kinds) <= 1 or name == "time", (str(target), name, kinds)
        assert all(math.isfinite(cell) for cell in cells if isinstance(cell, float)), (str(target), name)
