import math
import re
from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smartmeter.alarms.messages import APART_AT_MOST, LINES_AT_MOST, event_text, limit_text, messages, rule_text
from smartmeter.alarms.rules import Rule
from smartmeter.measurands import measurands
from smartmeter.periods import local_time
from tests.alarms.made_up import (
    BACKLOG,
    BERLIN,
    DAY,
    DISK,
    ENGLISH,
    GERMAN,
    HOUR_US,
    LOW,
    MINUTE_US,
    SECOND_US,
    SILENCE,
    START_US,
    VOLTAGE,
    begun,
    ended,
    events,
    posted,
)

# As Telegram counts them (https://core.telegram.org/bots/api#sendmessage).
TELEGRAM_TAKES = 4096


def units(text):
    return len(text.encode("utf-16-le")) // 2


@pytest.mark.parametrize(
    ("event", "english", "german"),
    [
        pytest.param(
            begun(VOLTAGE, at_us=MINUTE_US, value=254.3, worst=256.1),
            "⚠️ 2026-11-24 14:21 house · too high\nVoltage L1 is 254.3 V, above 253.0 V since 2026-11-24 14:20",
            "⚠️ 24.11.2026 14:21 house · too high\nSpannung L1 ist 254,3 V, seit 24.11.2026 14:20 über 253,0 V",
            id="above",
        ),
        pytest.param(
            ended(VOLTAGE, at_us=27 * MINUTE_US, value=251.8, worst=256.1),
            "✅ 2026-11-24 14:47 house · too high\n"
            "Voltage L1 is 251.8 V again, after 26 min above 253.0 V; highest 256.1 V",
            "✅ 24.11.2026 14:47 house · too high\n"
            "Spannung L1 ist wieder 251,8 V, nach 26 min über 253,0 V; höchster Wert 256,1 V",
            id="above ended",
        ),
        pytest.param(
            begun(LOW, at_us=MINUTE_US, value=0.0),
            "⚠️ 2026-11-24 14:21 house · too low\nVoltage L1 is 0.0 V, below 207.0 V since 2026-11-24 14:20",
            "⚠️ 24.11.2026 14:21 house · too low\nSpannung L1 ist 0,0 V, seit 24.11.2026 14:20 unter 207,0 V",
            id="below",
        ),
        pytest.param(
            ended(LOW, value=208.0, worst=0.0, lasted_us=65 * MINUTE_US),
            "✅ 2026-11-24 14:20 house · too low\n"
            "Voltage L1 is 208.0 V again, after 1 h 5 min below 207.0 V; lowest 0.0 V",
            "✅ 24.11.2026 14:20 house · too low\n"
            "Spannung L1 ist wieder 208,0 V, nach 1 h 5 min unter 207,0 V; niedrigster Wert 0,0 V",
            id="below ended",
        ),
        pytest.param(
            begun(SILENCE, at_us=10 * MINUTE_US, since_us=10 * MINUTE_US, value=301.5),
            "⚠️ 2026-11-24 14:30 house · dead\nno reading for 5 min 2 s (since 2026-11-24 14:24)",
            "⚠️ 24.11.2026 14:30 house · dead\nseit 5 min 2 s keine Ablesung (seit 24.11.2026 14:24)",
            id="silence",
        ),
        pytest.param(
            ended(SILENCE, value=4.0, worst=93_780.0),
            "✅ 2026-11-24 14:20 house · dead\nreads again, after 1 d 2 h without a reading",
            "✅ 24.11.2026 14:20 house · dead\nwird wieder gelesen, nach 1 d 2 h ohne Ablesung",
            id="silence ended",
        ),
        pytest.param(
            begun(BACKLOG, at_us=HOUR_US, since_us=HOUR_US, value=3605.0),
            "⚠️ 2026-11-24 15:20 behind\nreadings for postgresql have waited for 1 h (since 2026-11-24 14:19)",
            "⚠️ 24.11.2026 15:20 behind\nAblesungen für postgresql warten seit 1 h (seit 24.11.2026 14:19)",
            id="backlog",
        ),
        pytest.param(
            ended(BACKLOG, value=0.0, worst=7200.0),
            "✅ 2026-11-24 14:20 behind\npostgresql takes readings again; the oldest had waited for 2 h",
            "✅ 24.11.2026 14:20 behind\npostgresql nimmt wieder Ablesungen an; die älteste hat 2 h gewartet",
            id="backlog ended",
        ),
        pytest.param(
            begun(DISK, value=90.26),
            "⚠️ 2026-11-24 14:20 full\n90.3 % of the disk in use, more than 90.0 %",
            "⚠️ 24.11.2026 14:20 full\n90,3 % des Datenträgers belegt, mehr als 90,0 %",
            id="disk",
        ),
        pytest.param(
            ended(DISK, value=88.0, worst=97.52),
            "✅ 2026-11-24 14:20 full\n88.0 % of the disk in use again; the most was 97.5 %",
            "✅ 24.11.2026 14:20 full\nwieder 88,0 % des Datenträgers belegt; am meisten 97,5 %",
            id="disk ended",
        ),
        pytest.param(
            begun(DAY, value=30.051),
            "⚠️ 2026-11-24 14:20 house · much\n30.05 kWh today, more than 30.00 kWh (Import active energy)",
            "⚠️ 24.11.2026 14:20 house · much\nheute schon 30,05 kWh, mehr als 30,00 kWh (Wirkenergie, Bezug)",
            id="energy of the day",
        ),
        pytest.param(
            ended(DAY, value=0.1, worst=1234.5),
            "✅ 2026-11-24 14:20 house · much\na new day; there were 1,234.50 kWh (Import active energy)",
            "✅ 24.11.2026 14:20 house · much\nein neuer Tag; es waren 1.234,50 kWh (Wirkenergie, Bezug)",
            id="energy of the day ended",
        ),
    ],
)
def test_what_is_told(event, english, german):
    import_ = measurands()["active_energy_import"]
    english = english.replace("Import active energy", import_.label_en)
    german = german.replace("Wirkenergie, Bezug", import_.label_de)
    assert event_text(event, ENGLISH) == english
    assert event_text(event, GERMAN) == german


@pytest.mark.parametrize(
    ("rule", "english", "german"),
    [
        (VOLTAGE, "Voltage L1 > 253.0 V", "Spannung L1 > 253,0 V"),
        (LOW, "Voltage L1 < 207.0 V", "Spannung L1 < 207,0 V"),
        (SILENCE, "no reading for 5 min", "keine Ablesung seit 5 min"),
        (BACKLOG, "postgresql behind by 1 h", "postgresql im Rückstand um 1 h"),
        (replace(BACKLOG, subject="{0}{limit}{}"), "{0}{limit}{} behind by 1 h", "{0}{limit}{} im Rückstand um 1 h"),
        (DISK, "disk fuller than 90.0 %", "Datenträger voller als 90,0 %"),
        (DAY, "a day's energy above 30.00 kWh", "Energie des Tages über 30,00 kWh"),
    ],
)
def test_what_a_rule_watches(rule, english, german):
    assert (rule_text(rule, ENGLISH), rule_text(rule, GERMAN)) == (english, german)


def test_a_measurand_that_is_known_no_more_has_its_number_yet():
    gone = replace(VOLTAGE, measurand="colour")
    assert limit_text(gone, ENGLISH) == "253"
    assert "253" in event_text(begun(gone, value=254.0), GERMAN)


def test_the_hour_that_comes_twice():
    # 2026-10-25 00:30 and 01:30 UTC are both 02:30 in Berlin.
    first_us = 1_792_888_200_000_000 - START_US
    assert local_time(START_US + first_us, BERLIN).isoformat() == "2026-10-25T02:30:00+02:00"
    texts = [event_text(begun(VOLTAGE, at_us=first_us + hours * HOUR_US, value=254), ENGLISH) for hours in (0, 1)]
    assert [text.partition(" house")[0] for text in texts] == ["⚠️ 2026-10-25 02:30 A", "⚠️ 2026-10-25 02:30 B"]


def test_names_stand_as_they_are():
    rule = replace(VOLTAGE, name="<b>&amp; {value} _*`", subject="<script>")
    for text in (event_text(begun(rule, value=254), ENGLISH), messages(posted(events(9, rule)), GERMAN)[0].text):
        assert "<script> · <b>&amp; {value} _*`" in text


@pytest.mark.parametrize("count", range(APART_AT_MOST + 1))
def test_few_are_told_apart(count):
    given = events(count)
    found = messages(posted(given, first=7), ENGLISH)
    assert [message.text for message in found] == [event_text(event, ENGLISH) for event in given]
    assert [message.sequence for message in found] == list(range(7, 7 + count))


def test_more_are_put_together_with_their_original_times():
    (message,) = messages(posted(events(4)), ENGLISH)
    assert message.sequence == 4
    assert message.text == (
        "4 messages since 2026-11-24 14:20:\n"
        "⚠️ 2026-11-24 14:20 house · too high: Voltage L1 is 254.0 V, above 253.0 V since 2026-11-24 14:20\n"
        "✅ 2026-11-24 14:21 house · too high: Voltage L1 is 249.0 V again, after 26 min above 253.0 V; "
        "highest 256.0 V\n"
        "⚠️ 2026-11-24 14:22 house · too high: Voltage L1 is 256.0 V, above 253.0 V since 2026-11-24 14:22\n"
        "✅ 2026-11-24 14:23 house · too high: Voltage L1 is 247.0 V again, after 26 min above 253.0 V; "
        "highest 258.0 V"
    )
    assert messages(posted(events(4)), GERMAN)[0].text.startswith("4 Meldungen seit 24.11.2026 14:20:\n⚠️ 24.11.2026")


def test_of_many_the_older_are_counted_by_rule():
    given = [
        *events(4),
        begun(SILENCE, value=301, worst=400),
        begun(DISK, value=91.0),
        ended(DISK, at_us=HOUR_US, value=85.0, worst=95.0, lasted_us=HOUR_US),
        begun(DISK, at_us=2 * HOUR_US, value=92.0),
        *events(LINES_AT_MOST, LOW),
    ]
    found = messages(posted(given), ENGLISH)
    lines = "\n".join(message.text for message in found).split("\n")
    assert lines[:4] == [
        "28 messages since 2026-11-24 14:20:",
        (
            "✅ house · too high: Voltage L1 > 253.0 V: 2\N{MULTIPLICATION SIGN} until 2026-11-24 14:23, "
            "52 min in all; worst 258.0 V"
        ),
        "⚠️ 2026-11-24 14:20 house · dead: no reading for 5 min 1 s (since 2026-11-24 14:14)",
        (
            "⚠️ full: disk fuller than 90.0 %: 2\N{MULTIPLICATION SIGN} until 2026-11-24 16:20, 1 h in all; "
            "worst 95.0 % (still on)"
        ),
    ]
    assert len(lines) == 4 + LINES_AT_MOST
    assert found[-1].sequence == 28
    german = messages(posted(given), GERMAN)[0].text.split("\n")
    assert german[1] == (
        "✅ house · too high: Spannung L1 > 253,0 V: 2\N{MULTIPLICATION SIGN} bis 24.11.2026 14:23, zusammen 52 min; "
        "schlimmster Wert 258,0 V"
    )
    assert german[3].endswith("(noch an)")


def test_what_is_over_among_the_newest_is_not_still_on():
    given = [*events(3), *events(LINES_AT_MOST - 1, LOW), ended(VOLTAGE, value=250, worst=260)]
    (message, *_) = messages(posted(given), ENGLISH)
    assert "2\N{MULTIPLICATION SIGN} until 2026-11-24 14:22" in message.text
    assert "still on" not in message.text


RULES = [
    Rule(
        f"{name * 20}{subject[0]}{quantity}{side}",
        quantity,
        subject * 20,
        measurand,
        side,
        12.5,
        0.5,
        0,
        60 * SECOND_US,
    )
    for name in ("x", "<i>", "\N{SNOWMAN}")
    for subject in ("house", "\N{HIGH VOLTAGE SIGN}\N{GRINNING FACE}")
    for quantity, measurand, side in (
        ("measurand", "voltage_l1", "above"),
        ("measurand", "voltage_l1", "below"),
        ("silence", None, "above"),
        ("backlog", None, "above"),
        ("disk", None, "above"),
        ("day_energy", "active_energy_import", "above"),
    )
]
VALUES = (0.0, 3.4e38, 12.6, 1e6)
CODES = st.integers(0, len(RULES) * 2 * len(VALUES) - 1)


def event_of(code):
    """All of it follows from one number, as drawing it piece by piece takes long."""
    rest, rule = divmod(code, len(RULES))
    value, kind = divmod(rest, 2)
    make = begun if kind else ended
    # Nothing has been silent for longer than there are clocks.
    most = 1e9 if RULES[rule].quantity in ("silence", "backlog") else math.inf
    return make(RULES[rule], value=min(VALUES[value], most), worst=min(VALUES[-value], most), at_us=code * HOUR_US)


@settings(max_examples=100)
@given(st.lists(CODES, max_size=80), st.sampled_from([ENGLISH, GERMAN]))
def test_nothing_is_lost_and_no_message_is_too_long(codes, wording):
    given_events = [event_of(code) for code in codes]
    found = messages(posted(given_events), wording)
    assert all(0 < units(message.text) <= TELEGRAM_TAKES for message in found)
    numbers = [message.sequence for message in found if message.sequence is not None]
    assert numbers == sorted(set(numbers))
    if given_events:
        assert found[-1].sequence == len(given_events)
    # Few messages: none ends before it has to.
    if len(given_events) > APART_AT_MOST:
        assert all(units(one.text) + units(other.text) > 1000 for one, other in pairwise(found))
    lines = [line for message in found for line in message.text.split("\n")]
    newest = given_events[-LINES_AT_MOST:]
    if len(given_events) > APART_AT_MOST:
        told = [event_text(event, wording).replace("\n", ": ") for event in newest]
        assert lines[-len(newest) :] == told
        counted = Counter(event.rule.key for event in given_events[:-LINES_AT_MOST])
        rest = lines[1 : -len(newest)]
        assert len(rest) == len(counted)
        for line, key in zip(rest, counted, strict=True):
            rule = next(rule for rule in RULES if rule.key == key)
            assert rule.name in line
            if counted[key] > 1:
                assert rule_text(rule, wording) in line
                assert 1 <= int(re.search(r"(\d+)\N{MULTIPLICATION SIGN}", line)[1]) <= counted[key]


@settings(max_examples=50)
@given(st.lists(CODES, min_size=21, max_size=80), st.integers(0, 10))
def test_whoever_has_heard_a_part_misses_nothing_of_the_rest(codes, sent):
    given_events = [event_of(code) for code in codes]
    found = messages(posted(given_events), ENGLISH)
    noted = max((message.sequence for message in found[:sent] if message.sequence is not None), default=0)
    said = "".join(message.text for message in found[:sent])
    for event in given_events[:noted]:
        assert event.rule.name in said


def test_the_longest_names_there_can_be_of_what_counts_twice():
    names = [f"{number:03}" + "\N{GRINNING FACE}" * 97 for number in range(40)]
    given_events = [event for name in names for event in events(2, replace(VOLTAGE, name=name, subject=names[0]))]
    found = messages(posted(given_events), GERMAN)
    assert max(units(message.text) for message in found) <= TELEGRAM_TAKES
    assert max(units(message.text) for message in found) > TELEGRAM_TAKES // 2
    text = "\n".join(message.text for message in found)
    assert [text.count(f" \N{MIDDLE DOT} {name}:") for name in names] == [1] * 30 + [2] * 10


def test_ten_thousand_are_few_messages():
    rules = [replace(VOLTAGE, name=f"rule {number}") for number in range(11)]
    given = [event for number in range(910) for event in events(11, rules[number % 11])]
    found = messages(posted(given), GERMAN)
    assert len(found) <= 4
    assert found[-1].sequence == len(given) == 10_010
