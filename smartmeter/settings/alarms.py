"""Makes the alarms from their tables, and checks them against the meters."""

from collections.abc import Sequence

from smartmeter.measurands import measurands
from smartmeter.settings import defaults
from smartmeter.settings.alarm_file import AlarmTable
from smartmeter.settings.durations import SECOND_US, format_duration
from smartmeter.settings.mistakes import Mistakes, Place, key_text
from smartmeter.settings.model import EN50160_NAME, AlarmKind, AlarmSettings, MeterSettings
from smartmeter.settings.names import find_measurand_id
from smartmeter.settings.words import shown, suggestion

KINDS: tuple[AlarmKind, ...] = ("above", "below", "silent", "behind", "disk", "day_energy")
DAY_COUNTER = "active_energy_import"
# What a key makes sense with.
_KINDS_OF = {
    "meter": ("above", "below", "silent", "day_energy"),
    "measurand": ("above", "below", "day_energy"),
    "for": ("above", "below", "disk"),
    "hysteresis": ("above", "below", "disk"),
}
# A reading every so often is the least from which a silence can be told.
_SILENT_INTERVALS = 2
# So long a reading may wait without anything being wrong.
_BEHIND_INTERVALS = 2


def resolve_alarms(
    tables: Sequence[AlarmTable],
    meters: Sequence[MeterSettings] | None,
    ship_interval_us: int | None,
    mistakes: Mistakes,
) -> tuple[AlarmSettings, ...]:
    """The alarms that the tables say, for these meters; None if not all of them are known.

    `ship_interval_us` is how often readings go to the database, None if there is none.
    """
    names: dict[str, Place] = {}
    alarms = []
    for index, table in enumerate(tables):
        place: Place = ("alarm", index)
        _check_name(table, place, names, mistakes)
        kind = _kind(table, place, mistakes)
        if kind is not None:
            alarms.append(_alarm(table, kind, place, meters, mistakes))
        if table.behind is not None:
            _check_behind(table.behind, ship_interval_us, (*place, "behind"), mistakes)
    return tuple(alarms)


def _check_name(table: AlarmTable, place: Place, names: dict[str, Place], mistakes: Mistakes) -> None:
    at = (*place, "name")
    if mistakes.spoil(at):
        return
    first = names.setdefault(table.name, place)
    if first != place:
        first_key = key_text((*first, "name"))
        mistakes.add(at, f"{shown(table.name)} is already taken by {first_key}; each needs its own")
    if table.name == EN50160_NAME:
        mistakes.add(at, 'is what the alarms of alarms = "en50160" are called; choose another')


def _check_behind(behind_us: int, ship_interval_us: int | None, at: Place, mistakes: Mistakes) -> None:
    if ship_interval_us is None:
        mistakes.add(at, "needs a database that readings wait for; describe one under [postgresql]")
    elif behind_us < _BEHIND_INTERVALS * ship_interval_us:
        at_least = format_duration(_BEHIND_INTERVALS * ship_interval_us)
        mistakes.add(at, f'is no longer than readings wait anyway; by ship_interval at least "{at_least}"')


def _kind(table: AlarmTable, place: Place, mistakes: Mistakes) -> AlarmKind | None:
    """What kind of alarm it is; None if a mistake was noted."""
    given = [kind for kind in KINDS if kind in table.model_fields_set or mistakes.spoil((*place, kind))]
    if not given and not mistakes.spoil(place):
        mistakes.add(place, f"does not say what for; give one of {', '.join(KINDS)}")
    for kind in given[1:]:
        if not mistakes.spoil((*place, kind)):
            mistakes.add((*place, kind), f"is there beside {given[0]}; give only one of them, and each its [[alarm]]")
    return given[0] if given and not mistakes.spoil((*place, given[0])) else None


def _alarm(
    table: AlarmTable, kind: AlarmKind, place: Place, meters: Sequence[MeterSettings] | None, mistakes: Mistakes
) -> AlarmSettings:
    given = {"meter": table.meter, "measurand": table.measurand, "for": table.for_, "hysteresis": table.hysteresis}
    for key, value in given.items():
        if value is not None and kind not in _KINDS_OF[key]:
            mistakes.add((*place, key), f"means nothing beside {kind}; take it out")
    measurand = _measurand(table, kind, place, mistakes)
    watched = _meters(table, place, meters, mistakes)
    if measurand is not None and watched and not any(measurand in meter.intervals_us for meter in watched):
        mistakes.add((*place, "measurand"), f"is not read from {_whom(table)}; add it there or take the alarm out")
    if table.silent is not None:
        _check_silence(table.silent, place, watched, mistakes)
    held_us = table.for_ if table.for_ is not None else defaults.ALARM_FOR_US
    return AlarmSettings(
        name=table.name,
        kind=kind,
        limit=_limit(table, kind),
        measurand=measurand,
        meter=table.meter,
        hold_s=held_us / SECOND_US if kind in _KINDS_OF["for"] else 0.0,
        hysteresis=table.hysteresis or 0.0,
    )


def _limit(table: AlarmTable, kind: AlarmKind) -> float:
    value = getattr(table, kind)
    return float(value) / SECOND_US if kind in ("silent", "behind") else float(value)


def _measurand(table: AlarmTable, kind: AlarmKind, place: Place, mistakes: Mistakes) -> str | None:
    at = (*place, "measurand")
    if kind not in _KINDS_OF["measurand"] or mistakes.spoil(at):
        return None
    if table.measurand is None:
        if kind == "day_energy":
            return DAY_COUNTER
        mistakes.add(at, f'is missing; it must be the name of a measurand such as "voltage_l1", as {kind} is for one')
        return None
    id_ = find_measurand_id(table.measurand, None, mistakes, at)
    if id_ is not None and kind == "day_energy" and measurands()[id_].kind != "counter":
        mistakes.add(at, f"is no counter; {DAY_COUNTER} is one")
    return id_


def _meters(
    table: AlarmTable, place: Place, meters: Sequence[MeterSettings] | None, mistakes: Mistakes
) -> Sequence[MeterSettings]:
    """Those that the alarm is for, as far as they are known."""
    if meters is None or table.meter is None:
        return meters or ()
    found = [meter for meter in meters if meter.name == table.meter]
    if not found:
        names = [meter.name for meter in meters]
        text = f"there is no meter {shown(table.meter)}; {suggestion(table.meter, names)}"
        mistakes.add((*place, "meter"), text)
    return found


def _whom(table: AlarmTable) -> str:
    return "any meter" if table.meter is None else f"meter {shown(table.meter)}"


def _check_silence(silent_us: int, place: Place, meters: Sequence[MeterSettings], mistakes: Mistakes) -> None:
    for meter in meters:
        shortest_us = min(meter.intervals_us.values(), default=0)
        if silent_us < _SILENT_INTERVALS * shortest_us:
            at_least = format_duration(_SILENT_INTERVALS * shortest_us)
            text = f'is too short for meter {shown(meter.name)}, which is read that seldom; at least "{at_least}"'
            mistakes.add((*place, "silent"), text)
            return
