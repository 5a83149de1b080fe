"""The span of a report, and the periods that are its rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal
from zoneinfo import ZoneInfo

from smartmeter.periods import Calendar, from_local, local_time, period_end, period_start, periods_between

SpanKind = Literal["day", "week", "month", "year"]

_CALENDARS: dict[SpanKind, Calendar] = {"day": "1d", "week": "1w", "month": "1mo", "year": "1y"}
_ROWS: dict[SpanKind, Calendar] = {"day": "1h", "week": "1d", "month": "1d", "year": "1mo"}
_FEBRUARY_29 = (2, 29)


@dataclass(frozen=True, slots=True)
class Span:
    """A day, week, month or year in the site's zone, from `start_us` until before `end_us`."""

    kind: SpanKind
    start_us: int
    end_us: int
    zone: ZoneInfo

    @property
    def row_kind(self) -> Calendar:
        """What its rows are: hours of a day, days of a week or month, months of a year."""
        return _ROWS[self.kind]

    @property
    def rows(self) -> Sequence[tuple[int, int]]:
        """Start and end of each row."""
        return list(periods_between(self.row_kind, self.start_us, self.end_us, self.zone))


def span_of(kind: SpanKind, day: date, zone: ZoneInfo) -> Span:
    """The day, week, month or year in which the local day lies."""
    noon_us = from_local(datetime(day.year, day.month, day.day, 12, tzinfo=zone).astimezone(UTC))
    start_us = period_start(_CALENDARS[kind], noon_us, zone)
    return Span(kind, start_us, period_end(_CALENDARS[kind], start_us, zone), zone)


def year_before(span: Span) -> Span:
    """The same span a year earlier; of a week the one 52 weeks earlier, so that its days are the same."""
    first = local_time(span.start_us, span.zone).date()
    if span.kind == "week":
        return span_of("week", date.fromordinal(first.toordinal() - 52 * 7), span.zone)
    day = 28 if (first.month, first.day) == _FEBRUARY_29 else first.day
    return span_of(span.kind, first.replace(year=first.year - 1, day=day), span.zone)
