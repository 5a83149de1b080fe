"""Writes alarms into a commented file of our own format."""

from smartmeter.measurands import Language
from smartmeter.settings.durations import SECOND_US, format_duration
from smartmeter.settings.lines import key_line
from smartmeter.settings.model import AlarmSettings
from smartmeter.settings.names import measurand_name

_COMMENTS = {
    "above": "# More than this.",
    "below": "# Less than this.",
    "silent": "# No reading for so long.",
    "behind": "# The oldest reading that waits for a database is older than this.",
    "disk": "# More percent of the journal's disk in use than this.",
    "day_energy": "# More kWh since midnight than this.",
}
_DURATIONS = ("silent", "behind")


def write_alarm(alarm: AlarmSettings, language: Language) -> list[str]:
    """The lines of its table."""
    lines = ["[[alarm]]", key_line("name", alarm.name)]
    if alarm.meter is not None:
        lines.append(key_line("meter", alarm.meter))
    if alarm.measurand is not None:
        lines.append(key_line("measurand", measurand_name(alarm.measurand, language)))
    is_duration = alarm.kind in _DURATIONS
    limit = format_duration(round(alarm.limit * SECOND_US)) if is_duration else alarm.limit
    lines += [_COMMENTS[alarm.kind], key_line(alarm.kind, limit)]
    if alarm.kind in ("above", "below", "disk"):
        lines += [
            "# For so long.",
            key_line("for", format_duration(round(alarm.hold_s * SECOND_US))),
            "# It ends only when it is this far inside the limit.",
            key_line("hysteresis", alarm.hysteresis),
        ]
    return lines
