"""`/chart`, `/grafik`: a measurand as a picture."""

import asyncio
from collections.abc import Sequence
from typing import Final

from smartmeter.bot.answer import Answer, Button, NotUnderstoodError, bold, escaped, rows_of, short
from smartmeter.bot.arguments import meter_key, understand
from smartmeter.bot.chart import Chart, ChartError, ChartOrder, draw_chart
from smartmeter.bot.words import say
from smartmeter.house import House
from smartmeter.measurands import Measurand, measurands
from smartmeter.reports.amounts import amount, lasting
from smartmeter.settings.durations import UNITS_US, format_duration
from smartmeter.settings.model import MeterSettings

DEFAULT_US: Final = UNITS_US["d"]
SHORTEST_US: Final = 60 * UNITS_US["s"]
LONGEST_US: Final = 3660 * UNITS_US["d"]
# What people look at first, as far as it is read.
FAVOURITES: Final = (
    "active_power_total",
    "active_power_l1",
    "voltage_l1",
    "current_l1",
    "active_energy_import",
    "active_energy_export",
)
_FAVOURITE_BUTTONS: Final = 3
_FAVOURITES_PER_ROW: Final = 2
_METER_BUTTONS: Final = 6
_METERS_PER_ROW: Final = 3
_BUTTON_CHARACTERS: Final = 24
_DURATIONS: Final = ("1h", "24h", "7d", "30d")
# One is drawn, one waits: more would keep a Pi busy for minutes.
_DRAWN_AT_ONCE: Final = 2

_drawing = asyncio.Lock()
_waiting: list[None] = []


async def chart(house: House, words: Sequence[str]) -> Answer:
    """The measurand (the power, if nothing is said) over the last day, or as long as is said."""
    language = house.wording.language
    wish = understand(house, words, "chart_usage")
    measurand, meter = _chosen(house, wish.measurand, wish.meter)
    duration_us = min(max(wish.duration_us or DEFAULT_US, SHORTEST_US), LONGEST_US)
    # Whole seconds: it must fit into buttons.
    duration_us -= duration_us % UNITS_US["s"]
    if len(_waiting) >= _DRAWN_AT_ONCE:
        return Answer(say("chart_later", language))
    until_us = house.clock.wall_us()
    order = ChartOrder(
        journal=house.settings.journal.path,
        meter=meter.name,
        measurand=measurand.id,
        from_us=until_us - duration_us,
        until_us=until_us,
        zone=house.wording.zone.key,
        language=language,
    )
    _waiting.append(None)
    try:
        # One after the other, as each takes as much memory as the daemon itself.
        async with _drawing:
            drawn = await draw_chart(order)
    except ChartError as error:
        return Answer(escaped(say("chart_failed", language, why=str(error))))
    finally:
        _waiting.pop()
    return Answer(
        _caption(house, measurand, meter, drawn, duration_us),
        _buttons(house, measurand, meter, duration_us),
        picture=drawn.png,
    )


def _chosen(house: House, measurand: Measurand | None, meter: MeterSettings | None) -> tuple[Measurand, MeterSettings]:
    """What to draw of whom: what was asked for, else what there is."""
    if measurand is None:
        one = meter or house.meters[0]
        ids = [id_ for id_ in (*FAVOURITES, *measurands()) if id_ in one.intervals_us]
        return measurands()[ids[0]], one
    there = _having(house, measurand)
    if meter is None and there:
        return measurand, there[0]
    if meter is not None and meter in there:
        return measurand, meter
    language = house.wording.language
    label = measurand.label(language)
    if meter is None:
        raise NotUnderstoodError(say("not_read", language, measurand=label))
    raise NotUnderstoodError(say("not_read_from", language, measurand=label, meter=meter.name))


def _having(house: House, measurand: Measurand) -> list[MeterSettings]:
    """The meters from which it is read."""
    return [meter for meter in house.meters if measurand.id in meter.intervals_us]


def _caption(house: House, measurand: Measurand, meter: MeterSettings, drawn: Chart, duration_us: int) -> str:
    language = house.wording.language
    head = f"{bold(meter.name)} {escaped(measurand.label(language))}, {lasting(duration_us / 1e6)}"
    is_counter = measurand.kind == "counter"
    if drawn.mean is None:
        # There may be bars, only no whole one.
        return head if is_counter else f"{head}\n{say('no_values_then', language)}"
    values = {"lowest": drawn.minimum, "average": drawn.mean, "highest": drawn.maximum}
    texts = [say(key, language, value=amount(value, measurand, language)) for key, value in values.items()]
    return f"{head}\n{escaped(', '.join(texts))}" + (f" ({say('per_bar', language)})" if is_counter else "")


def _buttons(
    house: House, measurand: Measurand, meter: MeterSettings, duration_us: int
) -> tuple[tuple[Button, ...], ...]:
    """Other durations, other measurands, other meters."""
    language = house.wording.language
    key, duration = meter_key(meter.name), format_duration(duration_us)
    durations = tuple(Button(one, f"/chart {measurand.id} {one} {key}") for one in _DURATIONS)
    others = [id_ for id_ in FAVOURITES if id_ in meter.intervals_us and id_ != measurand.id][:_FAVOURITE_BUTTONS]
    favourites = [Button(measurands()[id_].label(language), f"/chart {id_} {duration} {key}") for id_ in others]
    meters = [
        Button(short(one.name, _BUTTON_CHARACTERS), f"/chart {measurand.id} {duration} {meter_key(one.name)}")
        for one in _having(house, measurand)
        if one != meter
    ]
    return (
        durations,
        *rows_of(favourites, _FAVOURITES_PER_ROW),
        *rows_of(meters[:_METER_BUTTONS], _METERS_PER_ROW),
    )
