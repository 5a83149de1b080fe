"""`/now`, `/werte`: the values now, by meter, with units."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from smartmeter.bot.answer import WARNING, Answer, Button, NotUnderstoodError, bold, escaped, rows_of, short
from smartmeter.bot.arguments import Wish, meter_key, understand
from smartmeter.bot.words import say
from smartmeter.house import House
from smartmeter.live import LatestValue
from smartmeter.measurands import Measurand, measurands
from smartmeter.reports.amounts import amount, clock_second, near_moment
from smartmeter.settings.model import MeterSettings

# Of one meter all values are shown, of several those that matter most, of many fewer still.
_ALL: Final = re.compile(".+")
_OF_SEVERAL: Final = re.compile(
    r"active_power_(total|l[123])|voltage_l[123]|current_l[123]|frequency|active_energy_(import|export)"
)
_OF_MANY: Final = re.compile(r"active_power_(total|l[123])|active_energy_(import|export)")
_MANY: Final = 5
# What people look for comes before the vocabulary's order.
_FIRST: Final = ("active_power_total", "active_energy_import", "active_energy_export")
# A value that is older than the newest one by this is shown with its time.
_OLD_US: Final = 60_000_000
_PHASE = re.compile(r"(?<=_)l[123](?=_max$|$)")
_LABEL_PHASE = re.compile(r"\bL[123]\b")
_METERS_PER_ROW: Final = 3
# Telegram takes 100; nobody looks for a meter among so many.
_METER_BUTTONS: Final = 30
_BUTTON_CHARACTERS: Final = 24


async def now(house: House, words: Sequence[str]) -> Answer:
    """All values of one meter, those that matter most of several; of one measurand those of all meters."""
    language = house.wording.language
    wish = understand(house, words, "now_usage")
    if wish.duration_us is not None:
        raise NotUnderstoodError(say("now_usage", language))
    meters = [wish.meter] if wish.meter else list(house.meters)
    if wish.measurand is not None:
        meters = [meter for meter in meters if wish.measurand.id in meter.intervals_us]
        if not meters:
            raise NotUnderstoodError(say("not_read", language, measurand=wish.measurand.label(language)))
    return Answer(
        "\n\n".join(_block(house, meter, _shown(wish, len(meters))) for meter in meters), _buttons(house, wish)
    )


def _shown(wish: Wish, meters: int) -> re.Pattern[str]:
    """What the ids of the measurands match that are shown."""
    if wish.measurand is not None:
        return re.compile(re.escape(wish.measurand.id))
    return _ALL if meters == 1 else _OF_SEVERAL if meters < _MANY else _OF_MANY


def _block(house: House, meter: MeterSettings, shown: re.Pattern[str]) -> str:
    language = house.wording.language
    values = house.live.latest.get(meter.name, {})
    ids = [id_ for id_ in dict.fromkeys((*_FIRST, *measurands())) if id_ in values and shown.fullmatch(id_)]
    silent = _silent(house, meter)
    if not ids:
        return "\n".join([bold(meter.name), *(silent or [say("no_values", language)])])
    newest_us = max(values[id_].time_us for id_ in ids)
    lines = [f"{bold(meter.name)} {_time(house, newest_us)}", *silent]
    lines += [_line(house, [measurands()[id_] for id_ in group], values, newest_us) for group in _by_phase(ids)]
    return "\n".join(lines)


def _silent(house: House, meter: MeterSettings) -> list[str]:
    """A line on a meter that does not answer: its values are old."""
    for poller in house.pollers:
        if poller.meter.name == meter.name and poller.state.silent_since_us is not None:
            local = house.wording.local
            since = near_moment(
                local(poller.state.silent_since_us), local(house.clock.wall_us()), house.wording.language
            )
            return [f"{WARNING} {say('silent', house.wording.language, since=since)}"]
    return []


def _time(house: House, time_us: int) -> str:
    """The time to the second; to the minute with its date if it is not today's."""
    local, today = house.wording.local(time_us), house.wording.local(house.clock.wall_us())
    if local.date() == today.date():
        return clock_second(local)
    return near_moment(local, today, house.wording.language)


def _by_phase(ids: Iterable[str]) -> Iterator[list[str]]:
    """The ids, those that differ only in the phase together."""
    groups: dict[str, list[str]] = {}
    for id_ in ids:
        groups.setdefault(_PHASE.sub("l", id_), []).append(id_)
    yield from groups.values()


def _line(house: House, group: Sequence[Measurand], values: Mapping[str, LatestValue], newest_us: int) -> str:
    language = house.wording.language
    label = group[0].label(language)
    if len(group) > 1:
        phases = "/".join(match[0] for one in group if (match := _LABEL_PHASE.search(one.label(language))))
        label = _LABEL_PHASE.sub(phases, label)
    texts = [amount(values[one.id].value, one, language) for one in group]
    # The unit once, behind all.
    unit = f" {group[0].unit_symbol}"
    shown = " / ".join(text.removesuffix(unit) for text in texts)
    shown += unit if any(text.endswith(unit) for text in texts) else ""
    oldest_us = min(values[one.id].time_us for one in group)
    time = f" ({_time(house, oldest_us)})" if newest_us - oldest_us > _OLD_US else ""
    return f"{escaped(label)}: {bold(shown)}{time}"


def _buttons(house: House, wish: Wish) -> tuple[tuple[Button, ...], ...]:
    language = house.wording.language
    words = [wish.measurand.id] if wish.measurand else []
    words += [meter_key(wish.meter.name)] if wish.meter else []
    first = [
        Button(say("refresh", language), " ".join(["/now", *words])),
        Button(say("energy", language), " ".join(["/energy", *words[-1:]]) if wish.meter else "/energy"),
    ]
    if len(house.meters) == 1:
        return (tuple(first),)
    if words:
        first.insert(1, Button(say("all_meters", language), "/now"))
    meters = [
        Button(short(meter.name, _BUTTON_CHARACTERS), f"/now {meter_key(meter.name)}")
        for meter in house.meters[:_METER_BUTTONS]
        if meter != wish.meter
    ]
    return (tuple(first), *rows_of(meters, _METERS_PER_ROW))
