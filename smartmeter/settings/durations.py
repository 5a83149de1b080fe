"""Durations as people write them: `"500ms"`, `"10s"`, `"1h30m"`, `"90d"`, or a number of seconds."""

import re
from decimal import Decimal

from smartmeter.errors import SmartmeterError
from smartmeter.settings.words import shown

UNITS_US = {"d": 86_400_000_000, "h": 3_600_000_000, "m": 60_000_000, "s": 1_000_000, "ms": 1_000}
SECOND_US = UNITS_US["s"]
# A hundred years: longer than anything here lives, and far inside a 64-bit integer.
MAX_DURATION_US = 36_500 * UNITS_US["d"]

_NUMBER = r"[0-9]{1,15}(?:\.[0-9]{1,9})?"
_PLAIN = re.compile(_NUMBER)
_PARTS = re.compile("".join(rf"(?:(?P<{unit}>{_NUMBER}) ?{unit} ?)?" for unit in UNITS_US))
_READABLE_PARTS = 2


class InvalidDurationError(SmartmeterError, ValueError):
    """What stands there is no duration."""

    def __init__(self, value: object) -> None:
        super().__init__(
            f'{shown(value)} is no duration; write one like "500ms", "10s", "5m", "2h", "90d", "1h30m", '
            "or a number of seconds"
        )


def parse_duration(value: object) -> int:
    """The microseconds in a text such as `"1h30m"`, or in a number of seconds (also as a text).

    Units are d, h, m, s and ms, in this order, each at most once; the result lies between 0 and MAX_DURATION_US.

    Raises InvalidDurationError for anything else.
    """
    if isinstance(value, str):
        duration_us = _from_text(value.strip())
    elif isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= MAX_DURATION_US:
        duration_us = round(value * SECOND_US)
    else:
        duration_us = None
    if duration_us is None or duration_us > MAX_DURATION_US:
        raise InvalidDurationError(value)
    return duration_us


def _from_text(text: str) -> int | None:
    if _PLAIN.fullmatch(text):
        return round(Decimal(text) * SECOND_US)
    match = _PARTS.fullmatch(text)
    if not text or match is None:
        return None
    return round(sum(Decimal(number) * UNITS_US[unit] for unit, number in match.groupdict("0").items()))


def format_duration(duration_us: int) -> str:
    """The shortest readable text for which `parse_duration` gives these microseconds."""
    if duration_us % SECOND_US:
        return _format_fraction(duration_us)
    rest, parts = duration_us, []
    for unit in ("d", "h", "m", "s"):
        number, rest = divmod(rest, UNITS_US[unit])
        if number:
            parts.append(f"{number}{unit}")
    if 1 <= len(parts) <= _READABLE_PARTS:
        return "".join(parts)
    # 999999s is easier to recognise than 11d13h46m39s.
    unit = next(unit for unit in ("h", "m", "s") if duration_us % UNITS_US[unit] == 0 and (duration_us or unit == "s"))
    return f"{duration_us // UNITS_US[unit]}{unit}"


def _format_fraction(duration_us: int) -> str:
    if duration_us < SECOND_US and duration_us % UNITS_US["ms"] == 0:
        return f"{duration_us // UNITS_US['ms']}ms"
    seconds, fraction_us = divmod(duration_us, SECOND_US)
    return f"{seconds}.{fraction_us:06}".rstrip("0") + "s"
