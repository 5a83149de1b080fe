"""`/alarm`: which alarms are on, what watches, and muting."""

import asyncio
from collections.abc import Sequence
from typing import Final

from smartmeter.alarms.judge import AlarmState
from smartmeter.alarms.messages import event_text, rule_text, value_text
from smartmeter.alarms.outbox import ALL_ALARMS, latest
from smartmeter.alarms.rules import Rule
from smartmeter.bot.answer import WARNING, Answer, Button, NotUnderstoodError, bold, escaped, short
from smartmeter.bot.arguments import duration_of
from smartmeter.bot.words import say
from smartmeter.house import House
from smartmeter.reports.amounts import lasting, near_moment
from smartmeter.settings.durations import UNITS_US
from smartmeter.state import with_state

_MUTE: Final = ("mute", "stumm")
_UNMUTE: Final = ("unmute", "laut")
_DEFAULT_MUTE_US: Final = UNITS_US["h"]
_LONGEST_MUTE_US: Final = 30 * UNITS_US["d"]
_RECENT: Final = 3
_MUTE_BUTTONS: Final = ("1h", "8h", "24h")


async def alarm(house: House, words: Sequence[str]) -> Answer:
    """List, or mute all or one for a while, or end that."""
    if words and words[0].lower() in _MUTE:
        await _mute(house, words[1:])
    elif words and words[0].lower() in _UNMUTE and len(words) == 1:
        await house.alarms.unmute()
    elif words:
        raise NotUnderstoodError(say("alarm_usage", house.wording.language))
    return await _list(house)


async def _mute(house: House, words: Sequence[str]) -> None:
    duration_us, rest = _duration_and_rest(words)
    name = " ".join(rest)
    known = {" ".join(rule.name.casefold().split()): rule.name for rule in house.alarms.rules}
    if name and name.casefold() not in known:
        text = say("alarm_no_such", house.wording.language, name=short(name))
        raise NotUnderstoodError(f"{text}\n{say('alarm_usage', house.wording.language)}")
    if not duration_us:
        raise NotUnderstoodError(say("alarm_usage", house.wording.language))
    await house.alarms.mute(known[name.casefold()] if name else ALL_ALARMS, min(duration_us, _LONGEST_MUTE_US))


def _duration_and_rest(words: Sequence[str]) -> tuple[int, Sequence[str]]:
    """The duration, before or behind a name, in one word or two ("2 hours"); one hour if there is none."""
    for length in (2, 1):
        if len(words) >= length:
            for part, rest in ((words[:length], words[length:]), (words[-length:], words[:-length])):
                duration_us = duration_of(" ".join(part))
                if duration_us is not None:
                    return duration_us, rest
    return _DEFAULT_MUTE_US, words


async def _list(house: House) -> Answer:
    language = house.wording.language
    if not house.alarms.rules:
        return Answer(escaped(say("alarm_no_rules", language)))
    lines = [*_muted(house), *_on(house)]
    lines += ["", bold(say("alarm_rules", language))]
    lines += [escaped(line) for line in _watching(house)]
    recent = await asyncio.to_thread(with_state, house.state, latest, _RECENT)
    if recent:
        lines += ["", bold(say("alarm_recent", language))]
        lines += [escaped(event_text(event, house.wording)) for event in reversed(recent)]
    lines += ["", escaped(say("alarm_usage", language))]
    return Answer("\n".join(lines), (mute_buttons(house),))


def mute_buttons(house: House) -> tuple[Button, ...]:
    """Those that mute all alarms, unless they are, and the one that ends all muting."""
    language = house.wording.language
    muted = house.alarms.muted()
    durations = () if ALL_ALARMS in muted else _MUTE_BUTTONS
    buttons = [Button(say("mute", language, duration=one), f"/alarm mute {one}") for one in durations]
    return (*buttons, Button(say("unmute", language), "/alarm unmute")) if muted else tuple(buttons)


def _muted(house: House) -> list[str]:
    language = house.wording.language
    lines = []
    for name, left_us in house.alarms.muted().items():
        key = "muted_all" if name == ALL_ALARMS else "muted_one"
        lines.append(bold(say(key, language, name=name, left=lasting(left_us / 1e6))))
    return lines


def _on(house: House) -> list[str]:
    language = house.wording.language
    on = house.alarms.on()
    if not on:
        return [escaped(say("all_quiet", language))]
    return [bold(f"{WARNING} {say('alarm_on', language)}"), *(escaped(_line(house, rule, state)) for rule, state in on)]


def _line(house: House, rule: Rule, state: AlarmState) -> str:
    wording = house.wording
    since = near_moment(wording.local(state.since_us), wording.local(house.clock.wall_us()), wording.language)
    worst = value_text(rule, state.worst, wording)
    subject = f"{rule.subject}: " if rule.subject else ""
    said = say("alarm_since", wording.language, since=since, worst=worst)
    return f"\N{BULLET} {subject}{rule.name}, {rule_text(rule, wording)}, {said}"


def _watching(house: House) -> list[str]:
    """The rules, those that differ in the meter only once."""
    seen: dict[tuple[str, str], None] = {}
    for rule in house.alarms.rules:
        seen.setdefault((rule.name, rule_text(rule, house.wording)))
    by_name: dict[str, list[str]] = {}
    for name, text in seen:
        by_name.setdefault(name, []).append(text)
    return [f"\N{BULLET} {name}: {'; '.join(texts)}" for name, texts in by_name.items()]
