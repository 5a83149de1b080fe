"""`smartmeter meter`: what happened to a meter, and what is known of it."""

import argparse
import time
from datetime import datetime
from zoneinfo import ZoneInfo

from smartmeter.cli.kept import change_decisions
from smartmeter.cli.options import add_config_option, load_settings_from
from smartmeter.errors import SmartmeterError
from smartmeter.periods import from_local, local_time
from smartmeter.settings.model import MeterSettings, Settings

EXAMPLES = """\
  smartmeter meter replaced house
  smartmeter meter replaced house --at 2026-03-01T14:30
  smartmeter meter forget house

`replaced` says that another meter counts from then on: totals go on, and what lies between the two counts is no
energy. `smartmeter db repair --undo` takes it back. Times are those of the site's zone.
`forget` has what was learned of a meter learned anew: the blocks that it takes and how long it takes to answer
(`smartmeter check` shows it). After an update of its firmware, say. A running daemon follows within a minute.
"""


class MeterError(SmartmeterError):
    """There is no such meter."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    replaced = actions.add_parser("replaced", help="another meter counts from now on, or from then on")
    replaced.add_argument("meter", metavar="NAME", help="the meter's name in the settings")
    replaced.add_argument("--at", type=_moment, metavar="TIME", help="when, such as 2026-03-01T14:30 (default: now)")
    add_config_option(replaced)
    forget = actions.add_parser("forget", help="learn anew which blocks it takes and how long it takes to answer")
    forget.add_argument("meter", metavar="NAME", help="the meter's name in the settings")
    add_config_option(forget)


def main(args: argparse.Namespace) -> int:
    return _forget(args) if args.action == "forget" else _replaced(args)


def _forget(args: argparse.Namespace) -> int:
    from smartmeter.memory import forget_meters  # noqa: PLC0415 - which brings the polling with it
    from smartmeter.state import with_state  # noqa: PLC0415

    settings = load_settings_from(args)
    meter = _meter(settings, args.meter)
    bus = next(bus for bus in settings.buses if meter in bus.meters)
    path = settings.journal.state_path
    known = with_state(path, forget_meters, bus.name, meter.address) if path.exists() else 0
    print(f"{meter.name}: what was learned of it is forgotten" if known else f"{meter.name}: nothing is known of it")
    return 0


def _replaced(args: argparse.Namespace) -> int:
    from smartmeter.energy.counters import COUNTERS  # noqa: PLC0415
    from smartmeter.journal.decisions import Decision  # noqa: PLC0415

    settings = load_settings_from(args)
    meter = _meter(settings, args.meter)
    zone = ZoneInfo(settings.timezone)
    time_us = time.time_ns() // 1000 if args.at is None else _in_zone(args.at, zone)
    counters = [id_ for id_ in COUNTERS if id_ in meter.model.registers]
    change_decisions(settings, [Decision(meter.name, id_, time_us, "replaced") for id_ in counters], ())
    print(f"{meter.name}: another meter counts from {local_time(time_us, zone):%Y-%m-%d %H:%M:%S} on")
    return 0


def _meter(settings: Settings, name: str) -> MeterSettings:
    meters = {meter.name: meter for bus in settings.buses for meter in bus.meters}
    if name not in meters:
        raise MeterError(f"{settings.source}: there is no meter {name!r}; the settings have {', '.join(meters)}")
    return meters[name]


def _in_zone(moment: datetime, zone: ZoneInfo) -> int:
    return from_local(moment if moment.tzinfo else moment.replace(tzinfo=zone))


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no time; write it like 2026-03-01T14:30") from None
