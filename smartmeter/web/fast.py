"""The fast interval: how it is, and beginning it."""

from http import HTTPStatus
from typing import Any, Final

from smartmeter.house import House
from smartmeter.polling.load import shortest_interval_us
from smartmeter.settings.durations import SECOND_US, UNITS_US
from smartmeter.web.moments import iso
from smartmeter.web.problems import ProblemError, bad_request

# Nobody should fill the disk by a forgotten page: at one reading a second an hour is a megabyte.
LONGEST_US: Final = UNITS_US["h"]
_KEYS: Final = ("interval_s", "duration_s")


def fast_json(house: House) -> dict[str, Any]:
    """The fast interval as it is now, and what can be asked for."""
    fast, settings = house.fast, house.settings.fast
    return {
        "active": fast.active,
        "interval_s": fast.interval_us / SECOND_US if fast.active else None,
        "until": iso(house.clock.wall_us() + round(fast.left_s * SECOND_US)) if fast.active else None,
        "default_interval_s": settings.interval_us / SECOND_US,
        "default_duration_s": settings.duration_s,
        "shortest_interval_s": _shortest_us(house) / SECOND_US,
        "longest_duration_s": _longest_us(house) / SECOND_US,
    }


def start_fast(house: House, wish: object) -> dict[str, Any]:
    """Begin it, or begin it anew, as `wish` says: a JSON object with interval and duration in seconds, or without.

    Raises ProblemError.
    """
    if not isinstance(wish, dict):
        raise bad_request("the body must be a JSON object")
    for key in wish:
        if key not in _KEYS:
            raise bad_request(f"there is no key {str(key)[:60]!r}; known are {', '.join(_KEYS)}")
    settings = house.settings.fast
    interval_us = _wished_us(wish, "interval_s", _shortest_us(house), UNITS_US["d"], settings.interval_us)
    duration_us = _wished_us(wish, "duration_s", SECOND_US, _longest_us(house), round(settings.duration_s * SECOND_US))
    house.shorten(interval_us, duration_us / SECOND_US)
    return fast_json(house)


def _shortest_us(house: House) -> int:
    """What the line can give; what the owner has set, the owner has set."""
    return min(shortest_interval_us(house.settings.buses, house.learned), house.settings.fast.interval_us)


def _longest_us(house: House) -> int:
    return max(LONGEST_US, round(house.settings.fast.duration_s * SECOND_US))


def _wished_us(wish: dict[str, object], key: str, least_us: int, most_us: int, default_us: int) -> int:
    value = wish.get(key)
    if value is None:
        return default_us
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise bad_request(f"{key} must be a number of seconds")
    if not least_us / SECOND_US <= value <= most_us / SECOND_US:
        raise ProblemError(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            f"{key} must be from {least_us / SECOND_US:g} to {most_us / SECOND_US:g} seconds",
        )
    return round(value * SECOND_US)
