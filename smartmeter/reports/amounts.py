"""Values with their units, spans of time and moments, as short texts in both languages."""

from datetime import datetime
from typing import Final

from smartmeter.measurands import Language, Measurand
from smartmeter.reports.words import date, number

# As many digits as a meter's display has: more would only flicker.
DECIMALS: Final = {
    "V": 1,
    "A": 3,
    "W": 1,
    "var": 1,
    "VA": 1,
    "1": 3,
    "deg": 1,
    "Hz": 3,
    "kWh": 2,
    "kvarh": 2,
    "kVAh": 2,
    "Ah": 1,
    "%": 2,
}
_NO_VALUE = "\N{EN DASH}"
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86_400


def amount(value: float | None, measurand: Measurand, language: Language) -> str:
    """The value with its unit: "230.1 V"; a dash for None."""
    if value is None:
        return _NO_VALUE
    text = number(value, DECIMALS[measurand.unit], language)
    # No space before a degree sign, one before all other units (DIN 1301-1, SI brochure 5.4.3).
    return text + measurand.unit_symbol if measurand.unit == "deg" else f"{text} {measurand.unit_symbol}".rstrip()


def lasting(seconds: float) -> str:
    """A span of time by its two largest units: "40 s", "12 min", "1 h 5 min", "3 d 2 h"."""
    whole = round(seconds)
    if whole < _MINUTE_S:
        return f"{whole} s"
    if whole < _HOUR_S:
        return _two(whole, _MINUTE_S, "min", 1, "s")
    if whole < _DAY_S:
        return _two(whole, _HOUR_S, "h", _MINUTE_S, "min")
    return _two(whole, _DAY_S, "d", _HOUR_S, "h")


def clock_second(local: datetime) -> str:
    """The time of day to the second."""
    return f"{local:%H:%M:%S}"


def near_moment(local: datetime, now: datetime, language: Language) -> str:
    """A local time to the minute, with its date unless that is today's."""
    time = f"{local:%H:%M}"
    return time if local.date() == now.date() else f"{date(local, language)} {time}"


def _two(whole: int, size: int, name: str, smaller: int, smaller_name: str) -> str:
    first, rest = divmod(whole, size)
    second = rest // smaller
    return f"{first} {name} {second} {smaller_name}" if second else f"{first} {name}"
