"""Understands what is written behind a command: durations, measurands and meters, in any order."""

import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from smartmeter.bot.answer import NotUnderstoodError, short
from smartmeter.bot.words import say
from smartmeter.house import House
from smartmeter.measurands import Measurand, find_measurand, measurands
from smartmeter.settings.durations import InvalidDurationError, parse_duration
from smartmeter.settings.model import MeterSettings
from smartmeter.settings.words import nearest

# More than any name has. What is tried grows with the square of it.
MOST_WORDS: Final = 50

_WITH_UNIT = re.compile(r"[0-9]+(?:\.[0-9]+)? ?[a-z].*")
# What people write, in both languages, beside d, h, m, s and ms; answers say "min" too.
_UNITS: Final = {
    "d": ("day", "days", "tag", "tage", "tagen"),
    "h": ("hour", "hours", "std", "stunde", "stunden"),
    "m": ("min", "minute", "minutes", "minuten"),
    "s": ("sec", "second", "seconds", "sek", "sekunde", "sekunden"),
}
_UNIT_OF: Final = {word: unit for unit, words in _UNITS.items() for word in words}
_LETTERS = re.compile("[a-z]+")


@dataclass(frozen=True, slots=True)
class Wish:
    """What was written; None where nothing was said. The duration is in microseconds."""

    measurand: Measurand | None = None
    meter: MeterSettings | None = None
    duration_us: int | None = None


def meter_key(name: str) -> str:
    """A short name for a meter in a button, where 64 bytes must do."""
    return f"#{zlib.crc32(name.encode()):08x}"


def duration_of(text: str) -> int | None:
    """The microseconds in "24h", "7 days" or "1,5h"; None if it is no duration with its unit."""
    written = _LETTERS.sub(lambda found: _UNIT_OF.get(found[0], found[0]), text.lower().replace(",", "."))
    if not _WITH_UNIT.fullmatch(written):
        return None
    try:
        return parse_duration(written)
    except InvalidDurationError:
        return None


def understand(house: House, words: Sequence[str], usage: str) -> Wish:
    """A measurand, a meter and a duration, as far as they are there; names may have spaces.

    Raises NotUnderstoodError for what is none of them, with the nearest name that there is, else with what is said of
    `usage`; and for two of a kind.
    """
    language = house.wording.language
    if len(words) > MOST_WORDS:
        raise NotUnderstoodError(say(usage, language))
    meters = _meters(house)
    found: list[Measurand | MeterSettings | int] = []
    unknown: list[str] = []
    place = 0
    while place < len(words):
        for end in range(len(words), place, -1):
            thing = _recognised(meters, " ".join(words[place:end]))
            if thing is not None:
                found.append(thing)
                place = end
                break
        else:
            unknown.append(words[place])
            place += 1
    if unknown:
        raise _unknown(house, " ".join(unknown), usage)
    if len({type(thing) for thing in found}) < len(found):
        raise NotUnderstoodError(say("one_each", language))
    return Wish(
        next((thing for thing in found if isinstance(thing, Measurand)), None),
        next((thing for thing in found if isinstance(thing, MeterSettings)), None),
        next((thing for thing in found if isinstance(thing, int)), None),
    )


def _recognised(meters: Mapping[str, MeterSettings], text: str) -> Measurand | MeterSettings | int | None:
    plain = _plain(text)
    # A meter may be called like a measurand; then it is the meter.
    meter = meters.get(text) or meters.get(plain)
    return meter or find_measurand(text) or _by_label().get(plain) or duration_of(text)


def _meters(house: House) -> Mapping[str, MeterSettings]:
    """By all that they may be called; the very name comes before others that are like it."""
    keyed = {meter_key(meter.name): meter for meter in house.meters}
    alike = {_plain(meter.name): meter for meter in reversed(house.meters)}
    return alike | keyed | {meter.name: meter for meter in house.meters}


@cache
def _by_label() -> Mapping[str, Measurand]:
    """Measurands by what answers call them, for who writes that."""
    return {_plain(label): one for one in measurands().values() for label in (one.label_de, one.label_en, one.german)}


def _plain(text: str) -> str:
    """Without case, and without what is easily left out."""
    return " ".join(text.casefold().replace("_", " ").replace(",", " ").split())


def _unknown(house: House, name: str, usage: str) -> NotUnderstoodError:
    language = house.wording.language
    known = {id_ for meter in house.meters for id_ in meter.intervals_us}
    names = [name for one in measurands().values() if one.id in known for name in (one.id, one.german)]
    meant = nearest(name, [*(meter.name for meter in house.meters), *names])
    text = say("no_such_measurand", language, name=short(name))
    if meant is None:
        return NotUnderstoodError(f"{text}\n{say(usage, language)}")
    return NotUnderstoodError(f"{text} {say('meant', language, name=meant)}", meant)
