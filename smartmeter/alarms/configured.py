"""The rules that the settings ask for: one for each meter, or sink, that they are about."""

from collections.abc import Iterator, Mapping, Sequence

from smartmeter.alarms.en50160 import en50160_rules
from smartmeter.alarms.rules import LEAST_GAP_US, Quantity, Rule, gap_of
from smartmeter.settings.model import AlarmKind, AlarmSettings, MeterSettings, Settings

# What is looked at by the program itself, and not read from a meter, has no gaps but those of the program.
_WATCHED_GAP_US = 10 * LEAST_GAP_US

_QUANTITIES: Mapping[AlarmKind, Quantity] = {
    "above": "measurand",
    "below": "measurand",
    "silent": "silence",
    "behind": "backlog",
    "disk": "disk",
    "day_energy": "day_energy",
}


def rules_of(settings: Settings, sinks: Sequence[str]) -> tuple[Rule, ...]:
    """All rules of these settings, in their order, the ready-made set first; `sinks` are the active ones' names."""
    meters = [meter for bus in settings.buses for meter in bus.meters]
    rules: list[Rule] = []
    if settings.alarm_set == "en50160":
        for meter in meters:
            rules += en50160_rules(meter.name, meter.intervals_us)
    for alarm in settings.alarms:
        rules += _rules(alarm, [meter for meter in meters if alarm.meter in (None, meter.name)], sinks)
    return tuple(rules)


def _rules(alarm: AlarmSettings, meters: Sequence[MeterSettings], sinks: Sequence[str]) -> Iterator[Rule]:
    if alarm.measurand is not None:
        for meter in meters:
            interval_us = meter.intervals_us.get(alarm.measurand)
            if interval_us is not None:
                gap_us = _WATCHED_GAP_US if alarm.kind == "day_energy" else gap_of(interval_us)
                yield _rule(alarm, meter.name, gap_us)
    else:
        subjects = {"behind": sinks, "disk": ("",), "silent": [meter.name for meter in meters]}
        for subject in subjects[alarm.kind]:
            yield _rule(alarm, subject, _WATCHED_GAP_US)


def _rule(alarm: AlarmSettings, subject: str, gap_us: int) -> Rule:
    return Rule(
        name=alarm.name,
        quantity=_QUANTITIES[alarm.kind],
        subject=subject,
        measurand=alarm.measurand,
        side="below" if alarm.kind == "below" else "above",
        limit=alarm.limit,
        hysteresis=alarm.hysteresis,
        hold_us=round(alarm.hold_s * 1e6),
        gap_us=gap_us,
    )
