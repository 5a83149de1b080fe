"""Times in the API: ISO 8601 in UTC, to the millisecond."""

from datetime import UTC, date, datetime, timedelta

from smartmeter.periods import from_local
from smartmeter.web.problems import bad_request

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Far outside of what a meter's readings can have, and inside of what calendars can count.
_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def iso(time_us: int) -> str:
    """The time of these microseconds since 1970-01-01 as text: "2026-11-24T12:30:10.000Z"."""
    moment = _EPOCH + timedelta(microseconds=time_us)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"


def parse_iso(text: str, name: str) -> int:
    """The microseconds of a text with "Z" or an offset. Raises ProblemError that names the parameter."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or not _FIRST <= moment < _LAST:
        # A plus sign in a query means a space to HTTP: nobody guesses that.
        hint = "; write its + as %2B" if " " in text else ""
        raise bad_request(f'{name} must be a time with "Z" or an offset, such as "2026-11-24T12:30:00Z"{hint}')
    return from_local(moment)


def parse_date(text: str, name: str) -> date:
    """The day of a text such as "2026-11-24". Raises ProblemError that names the parameter."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or not _FIRST.date() <= day < _LAST.date():
        raise bad_request(f'{name} must be a date such as "2026-11-24"')
    return day
