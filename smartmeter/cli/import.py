"""`smartmeter import`: years of readings of the original, or from elsewhere, into the journal."""  # noqa: N999  # the command's name

import argparse
import asyncio
import sys
import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from smartmeter.cli.options import add_config_option, load_settings_from
from smartmeter.cli.progress import Tell, progress_bar
from smartmeter.measurands import Language, measurands
from smartmeter.periods import local_time
from smartmeter.reading import Reading
from smartmeter.settings.model import Settings
from smartmeter.transfer.errors import TransferError

if TYPE_CHECKING:
    from smartmeter.journal.bulk import JournalImport
    from smartmeter.transfer.columns import Columns
    from smartmeter.transfer.importing import Summary
    from smartmeter.transfer.source import Outline, Source

EXAMPLES = """\
  smartmeter import smartmeter.csv --dry-run
  smartmeter import smartmeter.csv
  smartmeter import smartmeter.csv --meter house --timezone Europe/Vienna

SOURCE is a CSV file, an SQLite file, or `postgresql`: the database of the settings. The daemon must be stopped
meanwhile. Ctrl-C at any time: the same command goes on where it was. What is there already is not imported twice.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config_option(parser)
    parser.add_argument("source", metavar="SOURCE", help="a CSV file, an SQLite file, or postgresql")
    parser.add_argument(
        "--meter", metavar="NAME", help="whose readings they are, where no column meter says it (default: the only one)"
    )
    parser.add_argument(
        "--table",
        metavar="NAME",
        help="the table in the database (default: the settings', or the only one with readings)",
    )
    parser.add_argument(
        "--timezone", type=_zone, metavar="ZONE", help="of times that have none (default: the settings')"
    )
    parser.add_argument("--dry-run", action="store_true", help="only say what would be imported")
    parser.add_argument("--again", action="store_true", help="from the start, not where the last import ended")


def main(args: argparse.Namespace) -> int:
    settings = load_settings_from(args)
    zone = args.timezone or ZoneInfo(settings.timezone)
    names = [meter.name for bus in settings.buses for meter in bus.meters]
    meter = args.meter or (names[0] if len(names) == 1 else "")
    source = asyncio.run(_look_at(settings, args, meter, zone))
    if not args.dry_run:
        _into_journal(source, settings, args, f"{source.key} {meter} {zone.key}")
    return 0


async def _look_at(settings: Settings, args: argparse.Namespace, meter: str, zone: ZoneInfo) -> "Source":
    """The source, closed again, after saying what is in it."""
    from smartmeter.transfer.sources import open_source  # noqa: PLC0415

    source = await open_source(args.source, settings, args.table, meter, zone)
    try:
        if source.columns.meter is None and not meter:
            raise TransferError(f"{source.name}: whose readings are these? There are several meters; use --meter")
        for line in _description(source, meter, zone):
            print(line)
        if args.dry_run:
            for line in _outline(source.columns, await source.outline(), settings.language):
                print(line)
    finally:
        await source.close()
    return source


def _description(source: "Source", meter: str, zone: ZoneInfo) -> Iterator[str]:
    columns = source.columns
    whose = f"meter {meter}" if columns.meter is None else "the meters that its column names"
    yield f"{source.name}: {len(columns.measurands)} measurands of {whose}; times without a zone are {zone.key}"
    if columns.left_out:
        yield f"left out, as they are no measurands: {', '.join(columns.left_out)}"


def _outline(columns: "Columns", outline: "Outline", language: Language) -> Iterator[str]:
    yield f"{outline.rows}, {outline.first or '-'} to {outline.last or '-'}"
    width = max(len(columns.names[index]) for index in columns.measurands.values())
    for id_, index in columns.measurands.items():
        measurand = measurands()[id_]
        unit = f" ({measurand.unit_symbol})" if measurand.unit_symbol else ""
        yield f"  {columns.names[index]:{width}}  {measurand.label(language)}{unit}"


def _into_journal(source: "Source", settings: Settings, args: argparse.Namespace, key: str) -> None:
    from smartmeter.transfer.apart import read_apart  # noqa: PLC0415
    from smartmeter.transfer.importing import Summary, import_readings  # noqa: PLC0415

    summary, began_s = Summary(), time.monotonic()
    with _opened_journal(source, settings) as journal:
        try:
            position = None if args.again else journal.position(key)
            with read_apart(source, position) as batches, progress_bar("import", "rows") as tell:
                import_readings(batches, partial(_append, journal, key), summary, tell)
            rows_s = time.monotonic() - began_s
            with progress_bar("roll-ups", "quarter-hours") as tell:
                journal.refresh(partial(_tell_refreshed, tell))
        except KeyboardInterrupt:
            print(f"smartmeter: interrupted after {summary.rows} rows; the same command goes on there", file=sys.stderr)
            raise
    for line in _report(summary, ZoneInfo(settings.timezone), rows_s, time.monotonic() - began_s):
        print(line)


def _opened_journal(source: "Source", settings: Settings) -> "JournalImport":
    from smartmeter.journal.bulk import JournalImport  # noqa: PLC0415
    from smartmeter.settings.site import site_of  # noqa: PLC0415

    open_journal = JournalImport.not_for_shipping if source.is_sink else JournalImport.for_shipping
    read = (id_ for bus in settings.buses for meter in bus.meters for id_ in meter.intervals_us)
    return open_journal(settings.journal.path, [*source.columns.measurands, *read], site_of(settings))


def _append(journal: "JournalImport", key: str, readings: Sequence[Reading], position: str) -> int:
    return journal.append(readings, key, position)


def _tell_refreshed(tell: Tell, done: int, whole: int) -> None:
    tell(done / max(1, whole), done)


def _report(summary: "Summary", zone: ZoneInfo, rows_s: float, whole_s: float) -> Iterator[str]:
    yield f"{summary.rows} rows with {summary.values} values{_span(summary, zone)}"
    counts = {
        "imported": summary.imported,
        "there before": summary.known,
        "without a value": summary.empty,
        "not readable": summary.unreadable,
    }
    yield ", ".join(f"{count} {what}" for what, count in counts.items() if count or what == "imported")
    for row in summary.first_unreadable:
        yield f"  {row.where}: {row.why}"
    if summary.unreadable > len(summary.first_unreadable):
        yield f"  and {summary.unreadable - len(summary.first_unreadable)} more"
    yield f"{rows_s:.1f} s, and {whole_s - rows_s:.1f} s for the roll-ups"


def _span(summary: "Summary", zone: ZoneInfo) -> str:
    if summary.first_us is None or summary.last_us is None:
        return ""
    first, last = (f"{local_time(each, zone):%Y-%m-%d %H:%M:%S}" for each in (summary.first_us, summary.last_us))
    return f", {first} to {last}"


def _zone(text: str) -> ZoneInfo:
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise argparse.ArgumentTypeError(f"there is no time zone {text!r}; it is a name like Europe/Berlin") from None
