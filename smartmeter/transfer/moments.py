"""Times as others write them: with a zone, in local time without one, as seconds since 1970."""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from smartmeter.transfer.numbers import shortened

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_GERMAN = re.compile(
    r"(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?P<year>\d{4})"
    r"(?:[ T,]+(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,6}))?)?)?"
)
# Seconds, milliseconds and microseconds since 1970 cannot be mistaken for each other between 1973 and 5138.
_FROM_S, _FROM_MS, _FROM_US, _BEYOND = 1e8, 1e11, 1e14, 1e17


class Clock:
    """Reads times, those without a zone as local time in `zone`.

    The hour that comes twice in autumn is told by the order of the rows: a time in it that does not come after the
    meter's row before belongs to the second one. `latest` holds that row's time, by meter, in UTC microseconds since
    1970-01-01; with it a later Clock goes on where this one was.
    """

    def __init__(self, zone: ZoneInfo, latest: Mapping[str, int]) -> None:
        self._zone = zone
        self.latest = dict(latest)

    def time_us(self, text: str, meter: str) -> int:
        """UTC microseconds since 1970-01-01. Raises ValueError if the text is no time."""
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            moment = _moment(text.strip())
        else:
            # It takes 1712010112 for a day in 1712 as well.
            if text[4] != "-":
                moment = _moment(text)
        if moment.tzinfo is None:
            return self._local_us(moment, meter)
        return (moment - _EPOCH) // _MICROSECOND

    def _local_us(self, moment: datetime, meter: str) -> int:
        first_us = (moment.replace(tzinfo=self._zone) - _EPOCH) // _MICROSECOND
        second_us = (moment.replace(tzinfo=self._zone, fold=1) - _EPOCH) // _MICROSECOND
        # Where clocks skip an hour, the second is before the first, and the first is what they would have shown.
        is_second = first_us <= self.latest.get(meter, first_us - 1) < second_us
        self.latest[meter] = time_us = second_us if is_second else first_us
        return time_us


def since_1970(number: float) -> int:
    """UTC microseconds since 1970-01-01 of a number of seconds, milliseconds or microseconds since then.

    Raises ValueError if it is none of these in this age.
    """
    if not math.isfinite(number) or not _FROM_S <= number < _BEYOND:
        raise ValueError(f"{number:.17g} is no time: seconds since 1970 are expected")
    if number < _FROM_MS:
        return round(number * 1_000_000)
    return round(number * 1_000) if number < _FROM_US else round(number)


def _moment(text: str) -> datetime:
    """The time in a text that is not plainly ISO 8601, without a zone if the text says none."""
    match = _GERMAN.fullmatch(text)
    try:
        if match is not None:
            return _german(match)
        if text[4:5] == "-":
            return datetime.fromisoformat(text)
        return _EPOCH + timedelta(microseconds=since_1970(float(text)))
    except ValueError:
        raise ValueError(f"{shortened(text)} is no time") from None


def _german(match: re.Match[str]) -> datetime:
    year, month, day, hour, minute, second = (
        int(match[name] or 0) for name in ("year", "month", "day", "hour", "minute", "second")
    )
    microsecond = int((match["fraction"] or "").ljust(6, "0"))
    return datetime(year, month, day, hour, minute, second, microsecond)  # noqa: DTZ001  # local time
