"""`/fast`, `/schnelles_messintervall`: everything is read more often for a while."""

from collections.abc import Sequence
from typing import Final

from smartmeter.bot.answer import Answer, Button, NotUnderstoodError
from smartmeter.bot.arguments import duration_of
from smartmeter.bot.words import say
from smartmeter.house import House
from smartmeter.polling.load import shortest_interval_us
from smartmeter.reports.amounts import clock_second, lasting
from smartmeter.reports.words import number
from smartmeter.settings.durations import UNITS_US, InvalidDurationError, format_duration, parse_duration

SHORTEST_US: Final = 100_000
# A chat must not fill the disk: at one reading a second an hour is a megabyte.
LONGEST_US: Final = UNITS_US["h"]


async def fast(house: House, words: Sequence[str]) -> Answer:
    """Begin the fast interval; with the settings' interval and duration where nothing is said."""
    language, settings = house.wording.language, house.settings.fast
    interval_us, duration_us = _wanted(house, words)
    longest_us = max(LONGEST_US, round(settings.duration_s * 1e6))
    notes = []
    if interval_us < SHORTEST_US:
        raise NotUnderstoodError(say("fast_shortest", language, seconds=_seconds(house, SHORTEST_US)))
    # What the owner has set, the owner has set; what a chat asks for must fit on the line.
    needed_us = shortest_interval_us(house.settings.buses, house.learned) if words else 0
    if interval_us < needed_us:
        seconds, asked = _seconds(house, needed_us), _seconds(house, interval_us)
        notes.append(say("fast_limited", language, seconds=seconds, asked=asked))
        interval_us = needed_us
    if duration_us > longest_us:
        duration_us = longest_us
        notes.append(say("fast_longest", language, duration=lasting(longest_us / 1e6)))
    if all(usual_us <= interval_us for meter in house.meters for usual_us in meter.intervals_us.values()):
        notes.append(say("fast_anyway", language))
    house.shorten(interval_us, duration_us / 1e6)
    until = clock_second(house.wording.local(house.clock.wall_us() + duration_us))
    first = say("fast", language, seconds=_seconds(house, interval_us), until=until)
    longer_us = min(2 * duration_us, longest_us)
    again = f"/fast {format_duration(interval_us)} {format_duration(longer_us)}"
    longer = say("longer", language, duration=lasting(longer_us / 1e6))
    return Answer("\n".join([first, *notes]), ((Button(longer, again), Button(say("values", language), "/now")),))


def _wanted(house: House, words: Sequence[str]) -> tuple[int, int]:
    """Interval and duration in microseconds. A single word of a minute or more, with its unit, is the duration."""
    settings = house.settings.fast
    usual_us = round(settings.duration_s * 1e6)
    if not words:
        return settings.interval_us, usual_us
    # "10 min" and "2 s" are one thing in two words.
    first, *rest = [" ".join(words)] if duration_of(" ".join(words)) is not None else words
    interval_us = _duration_us(house, first)
    if not rest and interval_us >= UNITS_US["m"] and duration_of(first) is not None:
        return settings.interval_us, interval_us
    duration_us = _duration_us(house, " ".join(rest)) if rest else max(usual_us, interval_us)
    if interval_us > min(duration_us, LONGEST_US):
        raise _usage(house)
    return interval_us, duration_us


def _duration_us(house: House, word: str) -> int:
    duration_us = duration_of(word)
    if duration_us is None:
        try:
            duration_us = parse_duration(word.replace(",", "."))
        except InvalidDurationError:
            raise _usage(house) from None
    if not duration_us:
        raise _usage(house)
    return duration_us


def _usage(house: House) -> NotUnderstoodError:
    return NotUnderstoodError(say("fast_usage", house.wording.language))


def _seconds(house: House, interval_us: int) -> str:
    seconds = interval_us / 1e6
    text = number(seconds, 3, house.wording.language)
    return text.rstrip("0").rstrip(",.")
