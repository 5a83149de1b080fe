import json
from dataclasses import replace

import pytest

from smartmeter.alarms import outbox
from smartmeter.alarms.judge import AlarmState
from smartmeter.alarms.outbox import (
    ALL_ALARMS,
    KnownAlarm,
    Mute,
    dismiss,
    enroll,
    keep_alarm,
    known_alarms,
    latest,
    mute,
    mutes,
    note_told,
    post,
    recipients,
    unmute,
    untold,
)
from smartmeter.clock import Moment
from smartmeter.state import create_state, with_state
from tests.alarms.made_up import HOUR_US, START_US, VOLTAGE, events

MOMENT = Moment(START_US, "boot", HOUR_US)
ON = AlarmState("on", MOMENT, None, START_US, 255.5, 1000)


@pytest.fixture
def do(tmp_path):
    """Does something on a state file."""
    path = tmp_path / "state.db"
    create_state(path)
    return lambda function, *args: with_state(path, function, *args)


def numbers(do, recipient):
    return [one.sequence for one in do(untold, recipient)]


def post_all(connection, given):
    for event in given:
        post(connection, event)


def test_events_come_as_they_were_posted_to_all_who_are_enrolled(do):
    given = events(3)
    do(enroll, "a")
    do(post_all, given)
    assert [one.event for one in do(untold, "a")] == given
    assert numbers(do, "a") == [1, 2, 3]
    assert do(untold, "nobody") == []
    assert do(latest, 2) == [given[2], given[1]]


def test_each_goes_on_where_it_was_and_who_comes_later_hears_of_what_is_new(do):
    do(enroll, "a")
    do(post_all, events(3))
    do(enroll, "late")
    do(note_told, "a", 2)
    do(note_told, "a", 1)
    do(enroll, "a")
    do(post_all, events(2))
    assert (numbers(do, "a"), numbers(do, "late")) == ([3, 4, 5], [4, 5])
    do(dismiss, "a")
    assert (do(recipients), numbers(do, "a")) == (["late"], [])


def test_numbers_are_never_used_twice(do, monkeypatch):
    monkeypatch.setattr(outbox, "KEPT_TOLD", 0)
    do(enroll, "a")
    do(post_all, events(3))
    do(note_told, "a", 3)
    assert do(latest, 10) == []
    do(enroll, "late")
    do(post_all, events(1))
    assert numbers(do, "a") == numbers(do, "late") == [4]


def count(connection):
    return connection.execute("SELECT count(*), max(sequence) FROM event").fetchone()


@pytest.mark.parametrize(("recipients", "kept"), [([], 5), (["away"], 20)])
def test_the_file_does_not_grow_when_nobody_is_told(do, monkeypatch, recipients, kept):
    monkeypatch.setattr(outbox, "KEPT_TOLD", 5)
    monkeypatch.setattr(outbox, "KEPT_EVENTS", 20)
    for name in recipients:
        do(enroll, name)
    for _ in range(10):
        do(post_all, events(4))
        assert do(count)[0] <= kept
    assert do(count) == (kept, 40)
    if recipients:
        assert numbers(do, "away") == list(range(21, 41))


def test_what_one_still_waits_for_stays_when_the_others_were_told(do, monkeypatch):
    monkeypatch.setattr(outbox, "KEPT_TOLD", 1)
    do(enroll, "a")
    do(enroll, "slow")
    do(post_all, events(6))
    do(note_told, "a", 6)
    assert numbers(do, "slow") == [1, 2, 3, 4, 5, 6]
    do(note_told, "slow", 4)
    assert numbers(do, "slow") == [5, 6]
    assert do(count) == (2, 6)


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "{}", '{"rule": {}}', '{"rule": 7, "kind": "begun"}'])
def test_an_event_that_cannot_be_read_holds_up_nothing(do, text):
    do(enroll, "a")
    do(post_all, events(1))
    do(lambda connection: connection.execute("INSERT INTO event (event) VALUES (?)", (text,)))
    do(post_all, events(1))
    assert numbers(do, "a") == [1, 3]
    assert len(do(latest, 3)) == 2


def test_alarms_are_remembered_until_they_are_quiet(do):
    other = replace(VOLTAGE, name="other").key
    do(keep_alarm, VOLTAGE.key, KnownAlarm(ON, told=True))
    do(keep_alarm, other, KnownAlarm(ON, told=False))
    assert do(known_alarms) == {VOLTAGE.key: KnownAlarm(ON, told=True), other: KnownAlarm(ON, told=False)}
    do(keep_alarm, VOLTAGE.key, KnownAlarm(AlarmState(last=MOMENT), told=True))
    do(lambda connection: connection.execute("INSERT INTO alarm VALUES ('strange', '{', 0)"))
    assert do(known_alarms).keys() == {other}


def test_mutes(do):
    do(mute, ALL_ALARMS, Mute(MOMENT, 5))
    do(mute, "one", Mute(MOMENT, 7))
    do(mute, "one", Mute(MOMENT, 8))
    do(
        lambda connection: connection.executemany(
            "INSERT INTO mute VALUES (?, ?, 1)", [("strange", "{"), ("stranger", json.dumps({"at": 1}))]
        )
    )
    assert do(mutes) == {ALL_ALARMS: Mute(MOMENT, 5), "one": Mute(MOMENT, 8)}
    do(unmute)
    assert do(mutes) == {}


@pytest.mark.parametrize(
    ("now", "left_us"),
    [
        pytest.param(MOMENT, 100, id="at once"),
        pytest.param(Moment(START_US - HOUR_US, "boot", HOUR_US + 30), 70, id="the clock was put back"),
        pytest.param(Moment(START_US + HOUR_US, "boot", HOUR_US + 30), 70, id="the clock was put forward"),
        pytest.param(Moment(START_US, "boot", HOUR_US + 101), 0, id="over"),
        pytest.param(Moment(START_US + 40, "other", 5), 60, id="after a restart of the machine"),
        pytest.param(Moment(START_US + 101, "other", 5), 0, id="over when the machine was on again"),
        pytest.param(Moment(START_US - 1, "other", 5), 0, id="the clock was wrong then or is now"),
    ],
)
def test_how_long_it_is_quiet_yet(now, left_us):
    assert Mute(MOMENT, 100).left_us(now) == left_us
