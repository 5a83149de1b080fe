"""The span of a report, and the periods that are its rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from smartmeter.periods import Calendar, Period, from_local, local_time, period_end, period_start, periods_between

SpanKind = Literal["day", "week", "month", "year"]

_CALENDARS: Mapping[SpanKind, Calendar] = {"day": "1d", "week": "1w", "month": "1mo", "year": "1y"}
# What the rows of each can be; the first unless something else is asked.
ROW_KINDS: Mapping[SpanKind, Sequence[Calendar]] = {
    "day": ("1h", "15m"),
    "week": ("1d", "1h", "15m"),
    "month": ("1d", "1h"),
    "year": ("1mo", "1d"),
}
_FEBRUARY_29 = (2, 29)
_YEAR_OF_WEEKS = timedelta(weeks=52)


@dataclass(frozen=True, slots=True)
class Span:
    """A day, week, month or year in the site's zone, from `start_us` until before `end_us`, with rows of `row_kind`."""

    kind: SpanKind
    start_us: int
    end_us: int
    zone: ZoneInfo
    row_kind: Calendar

    @property
    def rows(self) -> Sequence[tuple[int, int]]:
        """Start and end of each row."""
        return list(periods_between(self.row_kind, self.start_us, self.end_us, self.zone))

    @property
    def kept_period(self) -> Period:
        """The period whose energy is kept and of which rows are made."""
        return "15m" if self.row_kind == "15m" else "1h" if self.row_kind == "1h" else "1d"


def span_of(kind: SpanKind, day: date, zone: ZoneInfo, row_kind: Calendar | None = None) -> Span:
    """The day, week, month or year in which the local day lies; rows are the usual ones unless `row_kind` is given."""
    noon_us = from_local(datetime(day.year, day.month, day.day, 12, tzinfo=zone).astimezone(UTC))
    start_us = period_start(_CALENDARS[kind], noon_us, zone)
    end_us = period_end(_CALENDARS[kind], start_us, zone)
    return Span(kind, start_us, end_us, zone, row_kind or ROW_KINDS[kind][0])


def year_before(span: Span, time_us: int) -> int:
    """The same time by the clocks a year before; in a week, 52 weeks before, so that its days are the same."""
    local = local_time(time_us, span.zone)
    if span.kind == "week":
        earlier = local - _YEAR_OF_WEEKS
    else:
        day = 28 if (local.month, local.day) == _FEBRUARY_29 else local.day
        earlier = local.replace(year=local.year - 1, day=day)
    return from_local(earlier.astimezone(UTC))
