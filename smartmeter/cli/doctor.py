"""`smartmeter doctor`: listens and asks, and says what is wrong with a bus."""

import argparse
import asyncio
import json
import sys
from zoneinfo import ZoneInfo

from smartmeter.cli.options import add_config_option, add_line_options, bus_from_options, load_settings_from
from smartmeter.cli.progress import progress_bar
from smartmeter.doctor.diagnose import diagnose
from smartmeter.doctor.evidence import BusEvidence
from smartmeter.doctor.examine import Effort, examine
from smartmeter.doctor.report import as_json, as_text, is_faulty
from smartmeter.memory import all_known, met_there
from smartmeter.polling.known import KnownMeter
from smartmeter.settings.model import BusSettings, Settings
from smartmeter.state import StateError

EXAMPLES = """\
  smartmeter doctor
  smartmeter doctor -c /etc/smartmeter/smartmeter.toml --json
  smartmeter doctor --port /dev/ttyUSB0 --model SDM530 --baudrate 19200 --parity E --address 1

The service must not run meanwhile. Nothing is written to a meter. The exit status is 1 if something wants mending.
"""
_USUAL = Effort()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config_option(parser)
    parser.add_argument("--json", action="store_true", help="the same as one JSON object")
    parser.add_argument(
        "--requests",
        type=_count,
        default=_USUAL.requests,
        metavar="N",
        help=f"how many of each meter, at least (default {_USUAL.requests})",
    )
    parser.add_argument(
        "--patience",
        type=_seconds,
        metavar="SECONDS",
        help=f"how long to wait for late answers (default {_USUAL.patience_s:g}, or four time-outs)",
    )
    parser.add_argument(
        "--listen",
        type=_seconds,
        default=_USUAL.listen_s,
        metavar="SECONDS",
        help=f"how long to listen before the first request (default {_USUAL.listen_s:g})",
    )
    add_line_options(parser)


def main(args: argparse.Namespace) -> int:
    if args.port:
        buses: tuple[BusSettings, ...] = (bus_from_options(args),)
        kept, zone = {}, ZoneInfo("UTC")
    else:
        settings = load_settings_from(args)
        buses, kept, zone = settings.buses, _kept(settings), ZoneInfo(settings.timezone)
    examined = [_examine(bus, args) for bus in buses]
    found = [(evidence, diagnose(evidence)) for evidence in examined]
    faulty = any(is_faulty(findings) for _, findings in found)
    if args.json:
        document = {"ok": not faulty, "buses": [as_json(evidence, findings, kept) for evidence, findings in found]}
        print(json.dumps(document, indent=2))
    else:
        print("\n".join(as_text(evidence, findings, kept, zone) for evidence, findings in found))
    return 1 if faulty else 0


def _kept(settings: Settings) -> dict[str, KnownMeter]:
    """What the daemon has learned of the meters that it met last, by name."""
    try:
        known = all_known(settings.journal.state_path)
    except StateError as error:
        print(f"smartmeter: what was learned of meters cannot be read: {error}", file=sys.stderr)
        return {}
    there = {meter.name: met_there(known, bus, meter) for bus in settings.buses for meter in bus.meters}
    return {name: met[-1] for name, met in there.items() if met}


def _examine(bus: BusSettings, args: argparse.Namespace) -> BusEvidence:
    patience_s = args.patience or max(_USUAL.patience_s, 4 * bus.timeout_s)
    effort = Effort(args.requests, patience_s, args.listen)
    with progress_bar(f"bus {bus.name}", "requests") as tell:
        return asyncio.run(examine(bus, effort, tell))


def _count(text: str) -> int:
    return int(_at_least(text, 1))


def _seconds(text: str) -> float:
    return _at_least(text, 0)


def _at_least(text: str, least: float) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not least <= number <= 10_000:  # noqa: PLR2004 - hours
        raise argparse.ArgumentTypeError(f"{text!r} is no number from {least:g} to 10000")
    return number
