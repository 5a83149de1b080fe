from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartmeter.alarms.rules import Rule, gap_of

SECOND_US = 1_000_000
HIGH = Rule("high", "measurand", "house", "voltage_l1", "above", 253.0, 1.0, 60 * SECOND_US, 60 * SECOND_US)
LOW = replace(HIGH, name="low", side="below", limit=207.0)

NAMES = st.text(max_size=5) | st.text('",[]\\|: nul', max_size=5)
IDENTITIES = st.tuples(
    NAMES,
    st.sampled_from(["measurand", "silence", "backlog", "disk", "day_energy"]),
    NAMES,
    st.none() | NAMES,
    st.sampled_from(["above", "below"]),
)


def rule_of(identity):
    return Rule(*identity, limit=1.0, hysteresis=0.0, hold_us=0, gap_us=0)


@given(IDENTITIES, IDENTITIES)
def test_rules_share_a_key_only_if_they_are_the_same_alarm(one, other):
    assert (rule_of(one).key == rule_of(other).key) == (one == other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"name": "a", "subject": "b,c"}, {"name": "a,b", "subject": "c"}),
        ({"name": 'a","b'}, {"name": "a", "subject": "b"}),
        ({"measurand": None}, {"measurand": "null"}),
        ({"measurand": None}, {"measurand": ""}),
        ({"subject": "voltage_l1", "measurand": "house"}, {"subject": "house", "measurand": "voltage_l1"}),
    ],
)
def test_names_with_separators_do_not_collide(one, other):
    assert replace(HIGH, **one).key != replace(HIGH, **other).key


@pytest.mark.parametrize(
    "change",
    [
        {"name": "other"},
        {"quantity": "day_energy"},
        {"subject": "shed"},
        {"measurand": "voltage_l2"},
        {"side": "below"},
    ],
)
def test_what_is_another_alarm_has_another_key(change):
    assert replace(HIGH, **change).key != HIGH.key


def test_an_alarm_whose_limit_is_changed_keeps_its_key():
    assert replace(HIGH, limit=250.0, hysteresis=2.0, hold_us=1, gap_us=2).key == HIGH.key


def test_the_key_stays_the_same_from_one_version_to_the_next():
    assert replace(HIGH, subject="Küche").key == '["measurand", "Küche", "voltage_l1", "above", "high"]'


@pytest.mark.parametrize(
    ("rule", "value", "beyond", "inside"),
    [
        (HIGH, 253.1, True, False),
        (HIGH, 253.0, False, False),
        (HIGH, 252.1, False, False),
        (HIGH, 252.0, False, True),
        (LOW, 206.9, True, False),
        (LOW, 207.0, False, False),
        (LOW, 207.9, False, False),
        (LOW, 208.0, False, True),
        (replace(HIGH, hysteresis=0.0), 253.0, False, True),
        (replace(LOW, hysteresis=0.0), 207.0, False, True),
        (replace(HIGH, limit=50.5, hysteresis=0.05), 50.45, False, True),
        (replace(LOW, limit=49.5, hysteresis=0.05), 49.55, False, True),
    ],
)
def test_the_limit_itself_is_not_beyond_and_the_hysteresis_itself_is_inside(rule, value, beyond, inside):
    assert (rule.is_beyond(value), rule.is_inside(value)) == (beyond, inside)


def test_worse_is_farther_on_the_side_of_the_limit():
    assert HIGH.worse(254.0, 255.0) == HIGH.worse(255.0, 254.0) == 255.0
    assert LOW.worse(200.0, 199.0) == LOW.worse(199.0, 200.0) == 199.0


@pytest.mark.parametrize(
    ("interval_s", "gap_s"),
    [(1, 60), (20, 60), (21, 63), (600, 1800)],
)
def test_a_gap_is_three_intervals_and_at_least_a_minute(interval_s, gap_s):
    assert gap_of(interval_s * SECOND_US) == gap_s * SECOND_US
