"""The expansion that the other tests rest on is Grafana's: what its own tests and its documents say."""

import pytest

from tests.grafana.macros import Asked, UnknownMacroError, postgresql, sqlite

# 12 April 2018, 18:00 to 18:05 UTC, as in Grafana's own tests of its macros.
ASKED = Asked(1_523_556_000_000_000, 1_523_556_300_000_000)


@pytest.mark.parametrize(
    ("macro", "expanded"),
    [
        ("$__time(ts)", 'ts AS "time"'),
        ("$__timeFilter(ts)", "ts BETWEEN '2018-04-12T18:00:00Z' AND '2018-04-12T18:05:00Z'"),
        ("$__timeFrom()", "'2018-04-12T18:00:00Z'"),
        ("GROUP BY $__timeGroup(ts,'5m')", "GROUP BY floor(extract(epoch from ts)/300)*300"),
        ("$__timeGroup(ts,'5m'), avg(x)", 'floor(extract(epoch from ts)/300)*300 AS "time", avg(x)'),
        ("$__timeGroupAlias(ts , '5m')", 'floor(extract(epoch from ts)/300)*300 AS "time"'),
        ("$__unixEpochFilter(s)", "s >= 1523556000 AND s <= 1523556300"),
        ("$__unixEpochGroup(s,'5m')", "floor((s)/300)*300"),
        ("$__unixEpochFrom() - 1", "1523556000 - 1"),
        ("$__interval_ms", "1000"),
    ],
)
def test_macros_of_postgresql(macro, expanded):
    assert postgresql(macro, ASKED) == expanded


def test_an_unknown_macro_is_an_error():
    with pytest.raises(UnknownMacroError):
        postgresql("SELECT $__timeTrunc(ts)", ASKED)


def test_a_macro_ends_at_the_first_parenthesis():
    assert postgresql("$__timeFilter(date(ts))", ASKED).startswith("date(ts BETWEEN")


def test_sqlite_has_milliseconds():
    assert sqlite("$__from / 1000, $__to, $__unixEpochGroupSeconds(t, 60)", ASKED) == (
        "1523556000000 / 1000, 1523556300000, cast((t / 60) as int) * 60"
    )


@pytest.mark.parametrize(
    ("query", "variables", "expanded"),
    [
        ("${meter:sqlstring}", {"meter": "o'brien"}, "'o''brien'"),
        ("IN (${meter:sqlstring})", {"meter": ["a", "b"]}, "IN ('a','b')"),
        ('"t_${period}"', {"period": "1h"}, '"t_1h"'),
    ],
)
def test_variables(query, variables, expanded):
    assert sqlite(query, Asked(0, 1, variables)) == expanded


@pytest.mark.parametrize(
    ("hours", "points", "least", "step_ms"),
    [(24, 1000, "10s", 60_000), (1, 1000, "10s", 10_000), (8760, 1000, "10s", 21_600_000), (48, 1500, None, 120_000)],
)
def test_the_step_is_rounded(hours, points, least, step_ms):
    assert Asked(0, hours * 3_600_000_000, points=points).step_ms(least) == step_ms
