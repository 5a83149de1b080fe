"""What people are told of alarms, in both languages: one message for each event, or one for many.

Plain text, in lines. A message is at most as long as Telegram takes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from smartmeter.alarms.judge import Event
from smartmeter.alarms.outbox import Posted
from smartmeter.alarms.rules import Rule
from smartmeter.measurands import Language, Measurand, measurands
from smartmeter.periods import local_time
from smartmeter.reports.amounts import amount, lasting
from smartmeter.reports.words import moment, number

# So many messages in a row are no flood; what is more is put together.
APART_AT_MOST: Final = 3
# Of many events the newest are told one by one, the others counted.
LINES_AT_MOST: Final = 20
# Half of Telegram's 4096, as what it counts are UTF-16 units.
CHARACTERS_AT_MOST: Final = 2000

_BEGUN: Final = "\N{WARNING SIGN}\N{VARIATION SELECTOR-16}"
_ENDED: Final = "\N{WHITE HEAVY CHECK MARK}"
_WORDS: Final[dict[str, tuple[str, str]]] = {
    "above": ("{what} is {value}, above {limit} since {since}", "{what} ist {value}, seit {since} über {limit}"),
    "below": ("{what} is {value}, below {limit} since {since}", "{what} ist {value}, seit {since} unter {limit}"),
    "above_ended": (
        "{what} is {value} again, after {lasted} above {limit}; highest {worst}",
        "{what} ist wieder {value}, nach {lasted} über {limit}; höchster Wert {worst}",
    ),
    "below_ended": (
        "{what} is {value} again, after {lasted} below {limit}; lowest {worst}",
        "{what} ist wieder {value}, nach {lasted} unter {limit}; niedrigster Wert {worst}",
    ),
    "silence": ("no reading for {value} (since {since})", "seit {value} keine Ablesung (seit {since})"),
    "silence_ended": (
        "reads again, after {worst} without a reading",
        "wird wieder gelesen, nach {worst} ohne Ablesung",
    ),
    "backlog": (
        "readings for {sink} have waited for {value} (since {since})",
        "Ablesungen für {sink} warten seit {value} (seit {since})",
    ),
    "backlog_ended": (
        "{sink} takes readings again; the oldest had waited for {worst}",
        "{sink} nimmt wieder Ablesungen an; die älteste hat {worst} gewartet",
    ),
    "disk": ("{value} of the disk in use, more than {limit}", "{value} des Datenträgers belegt, mehr als {limit}"),
    "disk_ended": (
        "{value} of the disk in use again; the most was {worst}",
        "wieder {value} des Datenträgers belegt; am meisten {worst}",
    ),
    "day_energy": ("{value} today, more than {limit} ({what})", "heute schon {value}, mehr als {limit} ({what})"),
    "day_energy_ended": ("a new day; there were {worst} ({what})", "ein neuer Tag; es waren {worst} ({what})"),
    "many": ("{number} messages since {since}:", "{number} Meldungen seit {since}:"),
    "times": (
        "{rule}: {number}\N{MULTIPLICATION SIGN} until {until}, {lasted} in all; worst {worst}",
        "{rule}: {number}\N{MULTIPLICATION SIGN} bis {until}, zusammen {lasted}; schlimmster Wert {worst}",
    ),
    "still": ("still on", "noch an"),
}


@dataclass(frozen=True, slots=True)
class Message:
    """A text, and the number up to which all events are told when it and those before it are.

    None: no more than before, as the next message has more of the same events.
    """

    text: str
    sequence: int | None


@dataclass(frozen=True, slots=True)
class Wording:
    """In which language, and in which zone times are told."""

    language: Language
    zone: ZoneInfo

    def local(self, time_us: int) -> datetime:
        return local_time(time_us, self.zone)

    def words(self, key: str, **values: str) -> str:
        english, german = _WORDS[key]
        return (english if self.language == "en" else german).format(**values)


def messages(posted: Sequence[Posted], wording: Wording) -> list[Message]:
    """What to send for these events, in their order: one message for each if they are few, else few for all."""
    if len(posted) <= APART_AT_MOST:
        return [Message(event_text(one.event, wording), one.sequence) for one in posted]
    return _together(posted, wording)


def event_text(event: Event, wording: Wording) -> str:
    """The message of one event: when, whom it is about, what happened."""
    return f"{_mark(event)} {_moment(event.time_us, wording)} {_head(event.rule)}\n{_what(event, wording)}"


def rule_text(rule: Rule, wording: Wording) -> str:
    """What a rule watches, in one line."""
    limit = limit_text(rule, wording)
    names = {
        "silence": ("no reading for {limit}", "keine Ablesung seit {limit}"),
        "backlog": ("{sink} behind by {limit}", "{sink} im Rückstand um {limit}"),
        "disk": ("disk fuller than {limit}", "Datenträger voller als {limit}"),
        "day_energy": ("a day's energy above {limit}", "Energie des Tages über {limit}"),
    }
    if rule.quantity == "measurand":
        sign = ">" if rule.side == "above" else "<"
        return f"{_label(rule, wording)} {sign} {limit}"
    english, german = names[rule.quantity]
    return (english if wording.language == "en" else german).format(sink=rule.subject, limit=limit)


def limit_text(rule: Rule, wording: Wording) -> str:
    """The limit with its unit."""
    return _value(rule, rule.limit, wording)


def value_text(rule: Rule, value: float, wording: Wording) -> str:
    """A value of what the rule watches, with its unit."""
    return _value(rule, value, wording)


def _together(posted: Sequence[Posted], wording: Wording) -> list[Message]:
    """All events in few messages: the newest as lines of their own, those before counted by their rule."""
    older, newest = posted[:-LINES_AT_MOST], posted[-LINES_AT_MOST:]
    lines: list[tuple[str, int | None]] = []
    if older:
        on = {one.event.rule.key: one.event.kind == "begun" for one in posted}
        *before, last = _counted([one.event for one in older], on, wording)
        # Each stands for events between those of the others: they are told when all of these lines are.
        lines = [*((line, None) for line in before), (last, older[-1].sequence)]
    lines += [(_line(one.event, wording), one.sequence) for one in newest]
    text = wording.words("many", number=str(len(posted)), since=_moment(posted[0].event.time_us, wording))
    sequence: int | None = None
    found: list[Message] = []
    for line, line_sequence in lines:
        if len(text) + len(line) + 1 > CHARACTERS_AT_MOST:
            found.append(Message(text, sequence))
            text = line
        else:
            text += f"\n{line}"
        sequence = line_sequence
    return [*found, Message(text, sequence)]


def _counted(events: Sequence[Event], on: Mapping[str, bool], wording: Wording) -> list[str]:
    """A line for each rule; `on` says, by their keys, which alarms are on after all that is to be told."""
    by_rule: dict[str, list[Event]] = {}
    for event in events:
        by_rule.setdefault(event.rule.key, []).append(event)
    return [
        _times(of_rule, wording, is_on=on[key]) if len(of_rule) > 1 else _line(of_rule[0], wording)
        for key, of_rule in by_rule.items()
    ]


def _times(events: Sequence[Event], wording: Wording, *, is_on: bool) -> str:
    rule = events[-1].rule
    worst = events[0].worst
    for event in events:
        worst = rule.worse(worst, event.worst)
    ended = [event for event in events if event.kind == "ended"]
    text = wording.words(
        "times",
        rule=f"{_head(rule)}: {rule_text(rule, wording)}",
        number=str(len(ended) + (events[-1].kind == "begun")),
        until=_moment(events[-1].time_us, wording),
        lasted=lasting(sum(event.lasted_us for event in ended) / 1e6),
        worst=_value(rule, worst, wording),
    )
    mark = _mark(events[-1])
    return f"{mark} {text}" + (f" ({wording.words('still')})" if is_on else "")


def _line(event: Event, wording: Wording) -> str:
    return f"{_mark(event)} {_moment(event.time_us, wording)} {_head(event.rule)}: {_what(event, wording)}"


def _mark(event: Event) -> str:
    return _BEGUN if event.kind == "begun" else _ENDED


def _head(rule: Rule) -> str:
    """Whom it is about and what the rule is called."""
    return f"{rule.subject} \N{MIDDLE DOT} {rule.name}" if rule.quantity not in ("disk", "backlog") else rule.name


def _what(event: Event, wording: Wording) -> str:
    rule = event.rule
    key: str = rule.side if rule.quantity == "measurand" else rule.quantity
    # A silence, or a wait, began as long ago as it has lasted.
    ago_us = round(event.value * 1e6) if rule.quantity in ("silence", "backlog") else 0
    return wording.words(
        key if event.kind == "begun" else f"{key}_ended",
        what=_label(rule, wording),
        sink=rule.subject,
        value=_value(rule, event.value, wording),
        limit=limit_text(rule, wording),
        worst=_value(rule, event.worst, wording),
        since=_moment(event.time_us - ago_us if ago_us else event.since_us, wording),
        lasted=lasting(event.lasted_us / 1e6),
    )


def _measurand(rule: Rule) -> Measurand | None:
    return measurands().get(rule.measurand or "")


def _label(rule: Rule, wording: Wording) -> str:
    measurand = _measurand(rule)
    return "" if measurand is None else measurand.label(wording.language)


def _value(rule: Rule, value: float, wording: Wording) -> str:
    if rule.quantity in ("silence", "backlog"):
        return lasting(value)
    if rule.quantity == "disk":
        return f"{number(value, 1, wording.language)} %"
    measurand = _measurand(rule)
    return f"{value:g}" if measurand is None else amount(value, measurand, wording.language)


def _moment(time_us: int, wording: Wording) -> str:
    return moment(wording.local(time_us), wording.language)
