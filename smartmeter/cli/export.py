"""`smartmeter export`: readings, roll-ups and energy as CSV or Parquet."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from smartmeter.cli.options import add_config_option, load_settings_from
from smartmeter.cli.progress import progress_bar
from smartmeter.cli.store import add_store_option, open_history
from smartmeter.measurands import Measurand, find_measurand, measurands
from smartmeter.periods import PERIODS, from_local
from smartmeter.settings.model import Settings
from smartmeter.settings.words import nearest
from smartmeter.transfer.errors import TransferError

if TYPE_CHECKING:
    from smartmeter.transfer.export import Exported, Format

EXAMPLES = """\
  smartmeter export -o readings.csv
  smartmeter export --since 2024-01-01 --measurands voltage_l1,voltage_l2,voltage_l3
  smartmeter export --what 1d --format parquet -o days.parquet
  smartmeter export --what energy --period 1h --from journal

Times are UTC in the file; the dates of --since and --until begin at midnight in the site's zone, and --until itself is
not in it. `smartmeter import` reads readings back, from CSV.
"""
_PARQUET = ".parquet"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config_option(parser)
    parser.add_argument("--meter", metavar="NAME", help="one meter (default: all)")
    parser.add_argument("--since", type=_moment, metavar="DATE", help="2024-01-01, or with a time 2024-01-01T12:00")
    parser.add_argument("--until", type=_moment, metavar="DATE", help="likewise; what comes before")
    parser.add_argument(
        "--measurands", type=_measurands, metavar="A,B", help="German or English names (default: all that are kept)"
    )
    parser.add_argument(
        "--what",
        choices=("readings", *PERIODS, "energy"),
        default="readings",
        help="readings (default); mean, min and max of quarter-hours, hours or days; or energy",
    )
    parser.add_argument("--period", choices=PERIODS, default="1h", help="of the energy (default 1h)")
    parser.add_argument("--format", choices=("csv", "parquet"), help="default: by the file's name, else csv")
    add_store_option(parser)
    parser.add_argument("--language", choices=("en", "de"), help="of the columns' names (default: the settings')")
    parser.add_argument("-o", "--output", metavar="FILE", help="default, or -: standard output")


def main(args: argparse.Namespace) -> int:
    settings = load_settings_from(args)
    path = None if args.output in (None, "-") else Path(args.output)
    format_ = _format(args.format, path)
    if path is None and format_ == "parquet" and sys.stdout.isatty():
        raise TransferError("Parquet is nothing for a terminal; name a file with -o")
    exported = asyncio.run(_export(settings, args, path))
    if path is not None:
        print(f"{path}: {exported.rows} rows")
    if exported.left_out:
        names = ", ".join(measurands()[id_].column(settings.language) for id_ in sorted(exported.left_out))
        print(
            f"smartmeter: values that have no column were left out; --measurands names them: {names}", file=sys.stderr
        )
    return 0


async def _export(settings: Settings, args: argparse.Namespace, path: Path | None) -> "Exported":
    from smartmeter.transfer.export import Request, export  # noqa: PLC0415

    zone = ZoneInfo(settings.timezone)
    request = Request(
        what=args.what,
        format=_format(args.format, path),
        meter=args.meter,
        since_us=_in_zone(args.since, zone),
        until_us=_in_zone(args.until, zone),
        wanted=args.measurands,
        expected={id_ for bus in settings.buses for meter in bus.meters for id_ in meter.intervals_us},
        period=args.period,
        language=args.language or settings.language,
        zone=zone,
    )
    history = open_history(settings, args.store)
    try:
        with progress_bar("export", "rows") as tell:
            return await export(history, request, path, tell)
    finally:
        await history.close()


def _format(given: "Format | None", path: Path | None) -> "Format":
    if given is not None:
        return given
    return "parquet" if path is not None and path.suffix.lower() == _PARQUET else "csv"


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no date or time such as 2024-01-01T12:00") from None


def _in_zone(moment: datetime | None, zone: ZoneInfo) -> int | None:
    if moment is None:
        return None
    return from_local(moment if moment.tzinfo is not None else moment.replace(tzinfo=zone))


def _measurands(text: str) -> Sequence[Measurand]:
    found = []
    for name in filter(None, (part.strip() for part in text.split(","))):
        measurand = find_measurand(name)
        if measurand is None:
            known = [each for measurand in measurands().values() for each in (measurand.id, measurand.german)]
            near = nearest(name, known)
            hint = f"did you mean {near}?" if near else "`smartmeter models NAME` lists those of a model"
            raise argparse.ArgumentTypeError(f"there is no measurand {name!r}; {hint}")
        found.append(measurand)
    return tuple(dict.fromkeys(found))
