import pytest

from smartmeter.alarms.en50160 import en50160_rules
from smartmeter.alarms.judge import AlarmState, Sample, judge
from smartmeter.clock import Moment
from smartmeter.measurands import measurands
from smartmeter.reports.en50160 import DISTORTION, FREQUENCY, FREQUENCY_MOSTLY, THD, VOLTAGE, VOLTAGES
from smartmeter.settings.model import EN50160_NAME

SECOND_US = 1_000_000
ALL = dict.fromkeys((*VOLTAGES, FREQUENCY, *THD, "active_power_total"), 10 * SECOND_US)
RULES = {(rule.measurand, rule.side): rule for rule in en50160_rules("house", ALL)}


def test_the_set_of_a_meter_that_measures_all_of_it():
    told = [
        (rule.measurand, rule.side, rule.limit, rule.hysteresis, rule.hold_us // SECOND_US)
        for rule in en50160_rules("house", ALL)
    ]
    assert told == [
        ("voltage_l1", "below", 207.0, 1.0, 60),
        ("voltage_l2", "below", 207.0, 1.0, 60),
        ("voltage_l3", "below", 207.0, 1.0, 60),
        ("voltage_l1", "above", 253.0, 1.0, 60),
        ("voltage_l2", "above", 253.0, 1.0, 60),
        ("voltage_l3", "above", 253.0, 1.0, 60),
        ("frequency", "below", 49.5, 0.05, 10),
        ("frequency", "above", 50.5, 0.05, 10),
        ("voltage_thd_l1", "above", 8.0, 0.5, 600),
        ("voltage_thd_l2", "above", 8.0, 0.5, 600),
        ("voltage_thd_l3", "above", 8.0, 0.5, 600),
    ]


def test_all_of_them_have_the_name_of_the_set():
    for rule in RULES.values():
        assert (rule.name, rule.quantity, rule.subject) == (EN50160_NAME, "measurand", "house")


@pytest.mark.parametrize(
    ("ids", "criterion"), [(VOLTAGES, VOLTAGE), ((FREQUENCY,), FREQUENCY_MOSTLY), (THD, DISTORTION)]
)
def test_the_limits_are_those_of_the_report(ids, criterion):
    for id_ in ids:
        assert measurands()[id_].unit == criterion.unit
        for side, limit in (("below", criterion.low), ("above", criterion.high)):
            rule = RULES.get((id_, side))
            assert (rule and rule.limit) == (limit and pytest.approx(limit))


@pytest.mark.parametrize(
    ("intervals", "watched"),
    [
        ({}, []),
        ({"active_power_total": 1}, []),
        ({"frequency": 1}, [("frequency", "below"), ("frequency", "above")]),
        ({"voltage_thd_l2": 1, "current_l1": 1}, [("voltage_thd_l2", "above")]),
    ],
)
def test_there_is_a_rule_only_for_what_is_measured(intervals, watched):
    assert [(rule.measurand, rule.side) for rule in en50160_rules("house", intervals)] == watched


def test_the_gap_is_that_of_the_interval_of_each():
    intervals = {"voltage_l1": SECOND_US, "frequency": 60 * SECOND_US}
    gaps = {rule.measurand: rule.gap_us for rule in en50160_rules("house", intervals)}
    assert gaps == {"voltage_l1": 60 * SECOND_US, "frequency": 180 * SECOND_US}


def test_no_two_alarms_share_a_key():
    rules = [*en50160_rules("house", ALL), *en50160_rules("shed", ALL)]
    assert len({rule.key for rule in rules}) == len(rules) == 22


def events(rule, values, interval_s):
    state, found = AlarmState(), []
    for number, value in enumerate(values):
        at_us = number * interval_s * SECOND_US
        state, event = judge(rule, state, Sample(Moment(at_us, "boot", at_us), value))
        if event is not None:
            found.append((event.kind, number * interval_s))
    return found


@pytest.mark.parametrize(
    ("measurand", "side", "values", "expected"),
    [
        ("voltage_l1", "below", [230.0, *[150.0] * 6, *[230.0] * 20], []),
        ("voltage_l1", "below", [230.0, *[206.9] * 7, *[207.9] * 20], [("begun", 70)]),
        ("voltage_l1", "below", [0.0] * 20, [("begun", 60)]),
        ("voltage_l1", "above", [*[254.0] * 7, *[252.0] * 7], [("begun", 60), ("ended", 130)]),
        ("frequency", "below", [50.0, 49.4, 49.4, 49.56, 49.56], [("begun", 20), ("ended", 40)]),
        ("frequency", "above", [50.0, 50.6, 50.4, 50.6, 50.4], []),
        ("voltage_thd_l1", "above", [8.1] * 60, []),
        ("voltage_thd_l1", "above", [8.1] * 61, [("begun", 600)]),
    ],
)
def test_what_it_alarms_of(measurand, side, values, expected):
    assert events(RULES[measurand, side], values, interval_s=10) == expected


@pytest.mark.parametrize("interval_s", [60, 300, 900, 3600])
def test_at_an_interval_longer_than_the_hold_the_second_value_decides(interval_s):
    rules = en50160_rules("house", {"voltage_l1": interval_s * SECOND_US})
    assert events(rules[0], [230.0, 200.0, 200.0, 230.0, 230.0], interval_s) == [
        ("begun", 2 * interval_s),
        ("ended", 4 * interval_s),
    ]
