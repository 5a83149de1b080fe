"""`smartmeter record`: what goes over a bus, in a file that can be sent and replayed."""

import argparse
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

from smartmeter import __version__
from smartmeter.cli.options import (
    add_config_option,
    add_line_options,
    bus_from_options,
    load_settings_from,
    number_between,
)
from smartmeter.errors import SmartmeterError
from smartmeter.modbus.line import SerialFormat
from smartmeter.modbus.ports import parse_port
from smartmeter.modbus.trace import Tap
from smartmeter.polling.sweep import Stretch
from smartmeter.recording.anonymous import Secret, anonymous
from smartmeter.recording.exchanges import exchanges
from smartmeter.recording.file import read_recording, recording_to
from smartmeter.recording.recording import Header, Kind, MeterAsked
from smartmeter.settings.model import BusSettings

EXAMPLES = """\
  smartmeter record
  smartmeter record --port /dev/ttyUSB0 --model SDM530 --address 1 --rounds 10 -o meter.jsonl.gz
  smartmeter record --port /dev/ttyUSB0 --address 1 --registers 4:0-199,3:0-99 -o unknown.jsonl
  smartmeter record --port /dev/ttyUSB0 --baudrate 9600 --parity N --listen --duration 2 -o others.jsonl

Nothing is written to a meter. `smartmeter simulate --replay FILE` answers like the meters in the file.
"""
DEFAULT_BLOCK = 32
MOST_REGISTERS = 125
# How the line of a meter is set whose model nobody knows, if that is not said: the commonest way.
COMMONEST = "SDM530"
MOST = 1_000_000

_STRETCH = re.compile(r"(?P<function>[34]):(?P<first>\d{1,5})(?:-(?P<last>\d{1,5}))?")
_LAST_ADDRESS = 0xFFFF


class RecordOptionError(SmartmeterError):
    """What the options say cannot be recorded."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("recording.jsonl"),
        metavar="FILE",
        help="default recording.jsonl; compressed if the name ends in .gz",
    )
    parser.add_argument("--force", action="store_true", help="replace a file that is there")
    parser.add_argument(
        "--rounds",
        type=number_between(int, 1, MOST),
        default=1,
        metavar="N",
        help="read everything so often (default 1)",
    )
    parser.add_argument(
        "--registers",
        type=_stretches,
        metavar="FUNCTION:FROM-TO[,…]",
        help="read these registers of the meter at --address, by function 3 or 4; without --model nothing but these",
    )
    parser.add_argument(
        "--block",
        type=number_between(int, 1, MOST_REGISTERS),
        default=DEFAULT_BLOCK,
        metavar="N",
        help=f"so many of --registers at a time, fewer where they are refused (default {DEFAULT_BLOCK})",
    )
    parser.add_argument("--anonymous", action="store_true", help="write made-up serial numbers in place of the meters'")
    parser.add_argument("--listen", action="store_true", help="ask nothing; record what others ask and are answered")
    parser.add_argument(
        "--duration", type=number_between(float, 0, MOST), metavar="SECONDS", help="of --listen (default: until Ctrl-C)"
    )
    add_config_option(parser)
    parser.add_argument("--bus", metavar="NAME", help="which bus of the settings, if there are several")
    add_line_options(parser)
    parser.set_defaults(model=None)


def main(args: argparse.Namespace) -> int:
    _check(args)
    if args.output.exists() and not args.force:
        raise RecordOptionError(f"{args.output} is there already; --force replaces it, -o names another file")
    bus = _bus(args)
    if args.listen:
        from smartmeter.cli.record_listening import record_listening  # noqa: PLC0415 - who asks does not listen

        record_listening(bus, args.duration, lambda: _file(args, bus, ()))
    else:
        from smartmeter.cli.record_asking import Asked, record_asking, secrets_of  # noqa: PLC0415 - the other way round

        secrets = secrets_of(bus) if args.anonymous else ()
        address = args.address if args.registers else None
        record_asking(
            bus, Asked(args.rounds, address, args.registers or (), args.block), lambda: _file(args, bus, secrets)
        )
    print(_summary(args))
    return 0


def _check(args: argparse.Namespace) -> None:
    """Raises RecordOptionError if options are given that do not go together."""
    if args.registers and not args.port:
        raise RecordOptionError("--registers is of one meter; name its --port and --address")
    if args.bus and args.port:
        raise RecordOptionError("--bus is of the settings; leave it out with --port")
    if args.duration is not None and not args.listen:
        raise RecordOptionError("--duration is of --listen; --rounds says how much is asked")
    if args.listen and (args.registers or args.anonymous or args.rounds > 1):
        raise RecordOptionError(
            "--listen asks nothing and writes what it hears; leave --registers, --rounds and --anonymous out"
        )


def _bus(args: argparse.Namespace) -> BusSettings:
    """The bus to record, with the meters to ask."""
    if args.port:
        is_known = args.model is not None
        args.model = args.model or COMMONEST
        bus = bus_from_options(args)
        return bus if is_known or not (args.registers or args.listen) else replace(bus, meters=())
    buses = load_settings_from(args).buses
    chosen = [bus for bus in buses if args.bus in (None, bus.name)]
    if len(chosen) != 1:
        names = ", ".join(bus.name for bus in buses)
        raise RecordOptionError(f"a recording is of one bus; name it with --bus, one of {names}")
    return chosen[0]


@contextmanager
def _file(args: argparse.Namespace, bus: BusSettings, secrets: tuple[Secret, ...]) -> Iterator[Tap]:
    """The file, and what writes into it."""
    meters = [MeterAsked(meter.address, meter.model.name) for meter in bus.meters]
    if args.registers and not meters:
        meters.append(MeterAsked(args.address, None))
    header = Header(
        kind=_kind(bus.port),
        serial=bus.format if isinstance(bus.format, SerialFormat) else None,
        meters=tuple(meters),
        program=__version__,
        began=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    if args.force and args.output.is_file():
        args.output.unlink()
    with ExitStack() as stack:
        tap = stack.enter_context(recording_to(args.output, header))
        yield stack.enter_context(anonymous(tap, header.kind, secrets)) if secrets else tap


def _kind(port: str) -> Kind:
    kind = str(parse_port(port)).partition("://")[0]
    return next((each for each in get_args(Kind) if each == kind), "rtu")


def _summary(args: argparse.Namespace) -> str:
    found = exchanges(read_recording(args.output))
    if not found:
        return f"Wrote {args.output}: no request was understood; is the line set like that: --baudrate, --parity?"
    answered = sum(bool(exchange.replies) for exchange in found)
    whose = "values" if args.anonymous else "values and serial numbers"
    return (
        f"Wrote {args.output}: {len(found)} requests, {answered} of them answered. It has the meters' {whose}, and "
        f"nothing of this machine. To try it: smartmeter simulate --replay {args.output}"
    )


def _stretches(text: str) -> tuple[Stretch, ...]:
    stretches = []
    for part in text.split(","):
        match = _STRETCH.fullmatch(part.strip())
        first = int(match["first"]) if match else 1
        last = int(match["last"] or first) if match else 0
        if match is None or not first <= last <= _LAST_ADDRESS:
            raise argparse.ArgumentTypeError(
                f"{part.strip()!r} does not fit; registers are like 4:0-199, function 3 or 4, addresses to 65535"
            )
        stretches.append(Stretch(int(match["function"]), first, last))
    return tuple(stretches)
