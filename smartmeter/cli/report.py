"""`smartmeter report`: energy and cost of a day, week, month or year, and the quality of the supply of a week."""

import argparse
import asyncio
import importlib
import io
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast, get_args
from zoneinfo import ZoneInfo

from smartmeter.cli.options import add_config_option, load_settings_from
from smartmeter.cli.store import add_store_option, open_history
from smartmeter.energy.tariff import EXPORT, IMPORT
from smartmeter.errors import SmartmeterError
from smartmeter.measurands import Language, find_measurand
from smartmeter.periods import Calendar, local_time
from smartmeter.reports.span import ROW_KINDS, SpanKind, span_of
from smartmeter.settings.model import Settings

if TYPE_CHECKING:
    from smartmeter.history.model import History
    from smartmeter.reports.document import Document
    from smartmeter.reports.en50160 import QualityReport
    from smartmeter.reports.energy import EnergyReport

EXAMPLES = """\
  smartmeter report
  smartmeter report month --at 2026-09
  smartmeter report year --by day
  smartmeter report year --at 2025 --json
  smartmeter report week --html -o week.html
  smartmeter report en50160 --pdf -o quality.pdf
"""
QUALITY = "en50160"
ROWS: Mapping[str, Calendar] = {"quarter": "15m", "hour": "1h", "day": "1d", "month": "1mo"}
Format = Literal["text", "csv", "json", "html", "pdf"]


class ReportError(SmartmeterError):
    """A report cannot be made of what was asked."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    kinds = (*get_args(SpanKind), QUALITY)
    parser.add_argument(
        "kind", nargs="?", choices=kinds, default="day", metavar="KIND", help=f"{', '.join(kinds)} (default day)"
    )
    add_config_option(parser)
    parser.add_argument(
        "--at", type=_day, metavar="DATE", help="a day in it, such as 2026-09-01, or 2026-09, or 2026 (default today)"
    )
    parser.add_argument("--by", choices=ROWS, help="what the rows are (default hours, days or, of a year, months)")
    parser.add_argument("--meter", metavar="NAME", help="of one meter (default all)")
    parser.add_argument(
        "--measurands", metavar="A,B", help=f"counters to report (default {IMPORT},{EXPORT}); not for {QUALITY}"
    )
    add_store_option(parser)
    parser.add_argument("--language", choices=("en", "de"), help="default: the settings'")
    formats = parser.add_mutually_exclusive_group()
    for name in get_args(Format)[1:]:
        formats.add_argument(f"--{name}", dest="format", action="store_const", const=name, help=f"as {name.upper()}")
    parser.set_defaults(format="text")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="into this file (a PDF needs one)")


def main(args: argparse.Namespace) -> int:
    if args.format == "pdf" and args.output is None:
        raise ReportError("a PDF needs a file: -o report.pdf")
    if args.by is not None and (args.kind == QUALITY or ROWS[args.by] not in ROW_KINDS[args.kind]):
        raise ReportError(f"--by {args.by} is not for a report of {args.kind}; {_possible(args.kind)}")
    settings = load_settings_from(args)
    language = args.language or settings.language
    if args.kind == QUALITY:
        quality = asyncio.run(_quality(settings, args))
        written = _quality_written(quality, args.format, language)
    else:
        energy = asyncio.run(_energy(settings, args))
        written = _energy_written(energy, args.format, language)
    _put(written, args.output)
    return 0


async def _energy(settings: Settings, args: argparse.Namespace) -> "list[EnergyReport]":
    from smartmeter.reports.energy import Question, energy_report  # noqa: PLC0415
    from smartmeter.settings.site import site_of  # noqa: PLC0415

    site, now_us = site_of(settings), time.time_ns() // 1000
    row_kind = None if args.by is None else ROWS[args.by]
    span = span_of(args.kind, args.at or local_time(now_us, site.zone).date(), site.zone, row_kind)
    question = Question(_counters(args.measurands), span, now_us)
    history = open_history(settings, args.store)
    try:
        meters = await _meters(history, args.meter)
        return [await energy_report(history, site, meter, question) for meter in meters]
    finally:
        await history.close()


async def _quality(settings: Settings, args: argparse.Namespace) -> "list[QualityReport]":
    from smartmeter.reports.en50160 import quality_report  # noqa: PLC0415

    zone, now_us = ZoneInfo(settings.timezone), time.time_ns() // 1000
    span = span_of("week", args.at or local_time(now_us, zone).date(), zone)
    history = open_history(settings, args.store)
    try:
        meters = await _meters(history, args.meter)
        return [await quality_report(history, meter, span, now_us) for meter in meters]
    finally:
        await history.close()


async def _meters(history: "History", wanted: str | None) -> Sequence[str]:
    known = await history.meters()
    if not known:
        raise ReportError(f"there is no reading in the {history.name} yet")
    if wanted is None:
        return known
    if wanted not in known:
        raise ReportError(f"there is no meter {wanted!r} in the {history.name}; known are {', '.join(known)}")
    return [wanted]


def _counters(names: str | None) -> tuple[str, ...]:
    if names is None:
        return (IMPORT, EXPORT)
    counters = []
    for name in names.split(","):
        measurand = find_measurand(name.strip())
        if measurand is None or measurand.kind != "counter":
            raise ReportError(f"{name.strip()!r} is no counter; `smartmeter models` NAME lists what a meter measures")
        counters.append(measurand.id)
    return tuple(counters)


def _energy_written(reports: "list[EnergyReport]", format_: Format, language: Language) -> str | bytes:
    from smartmeter.reports.energy_data import energy_csv, energy_json  # noqa: PLC0415
    from smartmeter.reports.energy_document import energy_document  # noqa: PLC0415

    if format_ == "csv":
        return energy_csv(reports)
    return energy_json(reports) if format_ == "json" else _shown(energy_document(reports, language), format_)


def _quality_written(reports: "list[QualityReport]", format_: Format, language: Language) -> str | bytes:
    from smartmeter.reports.en50160_data import quality_csv, quality_json  # noqa: PLC0415
    from smartmeter.reports.en50160_document import quality_document  # noqa: PLC0415

    if format_ == "csv":
        return quality_csv(reports)
    return quality_json(reports) if format_ == "json" else _shown(quality_document(reports, language), format_)


def _shown(document: "Document", format_: Format) -> str | bytes:
    if format_ == "text":
        from rich.console import Console  # noqa: PLC0415

        from smartmeter.reports.as_text import print_text  # noqa: PLC0415

        text = io.StringIO()
        # The width of the terminal; where there is none, whatever the table needs.
        width = None if sys.stdout.isatty() else _UNLIMITED
        print_text(document, Console(file=text, width=width, force_terminal=sys.stdout.isatty()))
        return "".join(f"{line.rstrip()}\n" for line in text.getvalue().splitlines())
    for library in ("matplotlib", "fpdf") if format_ == "pdf" else ("matplotlib",):
        _require(library)
    if format_ == "html":
        from smartmeter.reports.as_html import html  # noqa: PLC0415

        return html(document)
    from smartmeter.reports.as_pdf import pdf  # noqa: PLC0415

    return pdf(document)


_UNLIMITED = 200
# Within which a year before and the end of a year have times.
_YEARS = (1971, 9998)


def _require(library: str) -> None:
    try:
        importlib.import_module(library)
    except ModuleNotFoundError:
        raise ReportError(
            f"charts and PDF need the library {library}; install it: make extras (or pip install 'smartmeter[report]')"
        ) from None


def _put(written: str | bytes, output: Path | None) -> None:
    data = written.encode() if isinstance(written, str) else written
    if output is None:
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
        return
    try:
        output.write_bytes(data)
    except OSError as error:
        raise ReportError(f"{output}: cannot be written: {error.strerror}") from None
    print(f"The report is in {output}.")


def _possible(kind: str) -> str:
    if kind == QUALITY:
        return "its intervals are the standard's"
    return "it has " + " or ".join(name for name, row in ROWS.items() if row in ROW_KINDS[cast("SpanKind", kind)])


def _day(text: str) -> date:
    """The day, or the first one of the month or year."""
    for missing in ("", "-01", "-01-01"):
        try:
            day = date.fromisoformat(text + missing)
        except ValueError:
            continue
        if _YEARS[0] <= day.year <= _YEARS[1]:
            return day
    raise argparse.ArgumentTypeError(f"{text!r} is no day; write one like 2026-09-01, or 2026-09, or 2026")
