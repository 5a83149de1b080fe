"""Quarter-hours, hours, days, weeks, months and years in a zone, as spans of UTC microseconds since 1970-01-01.

A period begins at its start and ends before the next one's. Hours are those of the local clock, so that in a zone with
half an hour in its offset they begin at the local full hour; days have 23, 24 or 25 hours.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

Period = Literal["15m", "1h", "1d"]
Calendar = Literal["15m", "1h", "1d", "1w", "1mo", "1y"]

# Those that roll-ups are kept for.
PERIODS: tuple[Period, ...] = ("15m", "1h", "1d")

QUARTER_US = 900_000_000
_HOUR_US = 4 * QUARTER_US
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_DECEMBER = 12
_LOCALTIME = Path("/etc/localtime")


def period_start(period: Calendar, time_us: int, zone: ZoneInfo) -> int:
    """The start of the period in which `time_us` lies; a time at its very start is in it."""
    if period == "15m":
        # Every zone in use is a whole number of quarter-hours away from UTC.
        return time_us - time_us % QUARTER_US
    if period == "1h":
        return _hour_start(time_us, zone)
    return _calendar_start(period, _local_date(time_us, zone), zone)


def period_end(period: Calendar, start_us: int, zone: ZoneInfo) -> int:
    """The end of the period that begins at `start_us`: the start of the next one."""
    if period == "15m":
        return start_us + QUARTER_US
    if period == "1h":
        return _hour_end(start_us, zone)
    return _midnight(_next_date(period, _local_date(start_us, zone)), zone.key)


def periods_between(period: Calendar, from_us: int, until_us: int, zone: ZoneInfo) -> Iterator[tuple[int, int]]:
    """Start and end of every period that has something in common with the span from `from_us` until `until_us`."""
    start_us = period_start(period, from_us, zone)
    while start_us < until_us:
        end_us = period_end(period, start_us, zone)
        yield start_us, end_us
        start_us = end_us


def local_time(time_us: int, zone: ZoneInfo) -> datetime:
    """The time as the zone's clocks show it."""
    return (_EPOCH + timedelta(microseconds=time_us)).astimezone(zone)


def from_local(moment: datetime) -> int:
    """The UTC microseconds since 1970-01-01 of a time with a zone."""
    return (moment - _EPOCH) // _MICROSECOND


def system_zone() -> str:
    """The IANA name of this machine's zone; "UTC" if it has none that is known."""
    try:
        target = str(_LOCALTIME.resolve(strict=True))
    except OSError:
        return "UTC"
    name = target.partition("/zoneinfo/")[2].removeprefix("posix/").removeprefix("right/")
    try:
        return ZoneInfo(name).key if name else "UTC"
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return "UTC"


def _hour_start(time_us: int, zone: ZoneInfo) -> int:
    offset_us = _offset_us(time_us, zone)
    start_us = time_us - (time_us + offset_us) % _HOUR_US
    # Where clocks are set by half an hour, an hour begins when they are.
    while _offset_us(start_us, zone) != offset_us:
        start_us += QUARTER_US
    return start_us


def _hour_end(start_us: int, zone: ZoneInfo) -> int:
    offset_us = _offset_us(start_us, zone)
    end_us = start_us - (start_us + offset_us) % _HOUR_US + _HOUR_US
    while _offset_us(end_us - QUARTER_US, zone) != offset_us:
        end_us -= QUARTER_US
    return end_us


def _offset_us(time_us: int, zone: ZoneInfo) -> int:
    return _quarter_offset_us(time_us // QUARTER_US, zone.key)


@lru_cache(maxsize=4096)
def _quarter_offset_us(quarter: int, zone: str) -> int:
    offset = local_time(quarter * QUARTER_US, ZoneInfo(zone)).utcoffset()
    return (offset or timedelta()) // _MICROSECOND


Date = tuple[int, int, int]


def _local_date(time_us: int, zone: ZoneInfo) -> Date:
    local = local_time(time_us, zone)
    return local.year, local.month, local.day


def _calendar_start(period: Calendar, date: Date, zone: ZoneInfo) -> int:
    year, month, day = date
    if period == "1w":
        monday = datetime(year, month, day, tzinfo=UTC)
        monday -= timedelta(days=monday.weekday())
        return _midnight((monday.year, monday.month, monday.day), zone.key)
    first = {"1d": date, "1mo": (year, month, 1), "1y": (year, 1, 1)}[period]
    return _midnight(first, zone.key)


def _next_date(period: Calendar, date: Date) -> Date:
    year, month, day = date
    if period == "1y":
        return year + 1, 1, 1
    if period == "1mo":
        return (year + 1, 1, 1) if month == _DECEMBER else (year, month + 1, 1)
    following = datetime(year, month, day, tzinfo=UTC) + timedelta(days=7 if period == "1w" else 1)
    return following.year, following.month, following.day


@lru_cache(maxsize=4096)
def _midnight(date: Date, zone: str) -> int:
    """When the local day begins; where clocks skip midnight, when they do."""
    year, month, day = date
    return from_local(datetime(year, month, day, tzinfo=ZoneInfo(zone)).astimezone(UTC))
