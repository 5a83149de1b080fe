"""What spans and their rows are called."""

from smartmeter.measurands import Language
from smartmeter.periods import local_time
from smartmeter.reports.span import Span
from smartmeter.reports.words import clock, day, month, word


def span_name(span: Span, language: Language) -> str:
    """The span as people call it."""
    local = local_time(span.start_us, span.zone)
    match span.kind:
        case "day":
            return day(local, language)
        case "week":
            year, week, _ = local.isocalendar()
            return f"{word('week', language)} {week}, {year}"
        case "month":
            return f"{month(local, language)} {local.year}"
        case "year":
            return f"{local.year}"


def row_name(start_us: int, span: Span, language: Language) -> str:
    """The row of the span that begins then."""
    local = local_time(start_us, span.zone)
    match span.row_kind:
        case "1mo":
            return f"{month(local, language)} {local.year}"
        case "1d":
            return day(local, language)
        case _:
            return clock(local) if span.kind == "day" else f"{day(local, language)} {clock(local)}"


def short_name(start_us: int, span: Span, language: Language) -> str:
    """That row as short as it has to be below a bar; among thin bars only the first of a month, day or hour has one."""
    local = local_time(start_us, span.zone)
    match span.kind, span.row_kind:
        case "year", kind:
            return month(local, language)[:3] if kind == "1mo" or local.day == 1 else ""
        case "day", _:
            return "" if local.minute else clock(local).replace(":00", "").replace(" ", "")
        case "month", "1d":
            return f"{local.day}" if language == "en" else f"{local.day}."
        case _, kind:
            return day(local, language) if kind == "1d" or not local.hour + local.minute else ""
