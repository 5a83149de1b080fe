"""The options of `smartmeter simulate`, which of them go together, and the meters that they describe."""

import argparse
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import cast

from smartmeter.cli.options import number_between
from smartmeter.errors import SmartmeterError
from smartmeter.modbus.line import Parity, SerialFormat
from smartmeter.settings.own_models import model_named
from smartmeter.simulator.faults import Faults, Quirks
from smartmeter.simulator.meter import VirtualMeter
from smartmeter.simulator.of_model import SUNSPEC_BASE, virtual_meter

DEFAULT_MODEL = "SDM530"
DEFAULT_TURNAROUND_MS = 20.0
# "MODBUS over serial line" V1.02, section 2.2.
ADDRESSES = range(1, 248)
MOST_REGISTERS = 125
# The longest frame: "MODBUS over serial line" V1.02, section 2.5.1.
MOST_BYTES = 256
HIGHEST_EXCEPTION = 255
HIGHEST_BYTE = 255

# By their names in the parsed arguments.
FORMAT_OPTIONS = ("baudrate", "parity", "stopbits")
SERIAL_OPTIONS = (*FORMAT_OPTIONS, "settings", "ascii", "usb_latency_ms", "collide", "echo")
BYTE_FAULTS = ("noise", "most_bytes", "stray_zeros")
FAULTS = ("silent", "exception", "late_ms", "twice", "cut_bytes", "garbage", "foreign_address", *BYTE_FAULTS)
STRIKING = ("every", "faulty_address")
METERS = ("model", "address", "seed", "settings", "collide", "turnaround_ms", "max_registers", "refuse_undefined")

_SETTINGS = re.compile(r"(?P<baudrate>\d{2,7})(?:[ /-]8)?(?P<parity>[NEO])(?P<stopbits>[12])", re.IGNORECASE)


class SimulateOptionError(SmartmeterError):
    """What the options say cannot be simulated."""


def add_simulate_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", metavar="NAME[,NAME…]", help=f"the models of the meters (default {DEFAULT_MODEL})")
    parser.add_argument(
        "--address", type=_addresses, metavar="N[,N…]", help="their addresses, 1 to 247 (default 1, 2, …)"
    )
    parser.add_argument(
        "--sunspec-base",
        type=number_between(int, 0, 60_000),
        default=SUNSPEC_BASE,
        metavar="N",
        help=f"the register at which a SunSpec device begins (default {SUNSPEC_BASE})",
    )
    parser.add_argument("--seed", type=int, metavar="N", help="another number, another house (default 1)")
    parser.add_argument(
        "--replay", type=Path, metavar="FILE", help="answer like the meters that `smartmeter record` recorded"
    )
    _add_places(parser)
    _add_line(parser.add_argument_group("the serial line"))
    _add_meters(parser.add_argument_group("the meters"))
    _add_faults(parser.add_argument_group("faults, of all meters unless told otherwise"))


def _add_places(parser: argparse.ArgumentParser) -> None:
    port = number_between(int, 0, 65535)
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--link", type=Path, metavar="PATH", help="a symbolic link to make to the virtual serial port")
    where.add_argument("--tcp", type=port, metavar="PORT", help="serve Modbus TCP instead; 0: any port")
    where.add_argument("--udp", type=port, metavar="PORT", help="serve RTU frames over UDP instead; 0: any port")
    parser.add_argument("--rtu", action="store_true", help="with --tcp: RTU frames, as transparent gateways have them")
    parser.add_argument("--host", default="127.0.0.1", help="where to listen with --tcp or --udp (default 127.0.0.1)")


def _add_line(line: argparse._ArgumentGroup) -> None:
    line.add_argument("--ascii", action="store_true", help="Modbus ASCII instead of RTU")
    line.add_argument(
        "--baudrate", type=number_between(int, 50, 4_000_000), metavar="N", help="default: the first model's"
    )
    line.add_argument("--parity", choices=("N", "E", "O"), type=str.upper, help="default: the first model's")
    line.add_argument("--stopbits", type=int, choices=(1, 2), help="default: the first model's")
    line.add_argument(
        "--settings",
        type=_several_settings,
        metavar="9600N1[,19200E1…]",
        help="how each meter is set, or all of them; one answers only a program that sets the port like that",
    )
    line.add_argument(
        "--usb-latency-ms",
        type=number_between(float, 0.1, 1000),
        metavar="MS",
        help="hand answers over as a USB adapter does that holds them back (FTDI's driver: 16)",
    )
    line.add_argument("--echo", action="store_true", help="an adapter that hears itself: every request comes back")
    line.add_argument("--collide", action="store_true", help="let several meters answer at one address")


def _add_meters(meters: argparse._ArgumentGroup) -> None:
    meters.add_argument(
        "--turnaround-ms",
        type=number_between(float, 0, 60_000),
        metavar="MS",
        help=f"time that a meter takes before it answers (default {DEFAULT_TURNAROUND_MS:g}, over a network 0)",
    )
    meters.add_argument(
        "--max-registers",
        type=number_between(int, 2, MOST_REGISTERS),
        metavar="N",
        help="refuse longer requests (default: as the model's paper says)",
    )
    meters.add_argument("--refuse-undefined", action="store_true", help="refuse registers that are not defined")


def _add_faults(faults: argparse._ArgumentGroup) -> None:
    length = number_between(int, 1, MOST_BYTES)
    faults.add_argument("--silent", action="store_true", help="never answer")
    faults.add_argument(
        "--noise", type=number_between(float, 0, 1), metavar="P", help="damage answers with this probability, 0 to 1"
    )
    faults.add_argument("--late-ms", type=number_between(float, 1, 60_000), metavar="MS", help="answer so much later")
    faults.add_argument("--twice", action="store_true", help="send every answer two times")
    faults.add_argument(
        "--exception",
        type=number_between(int, 1, HIGHEST_EXCEPTION),
        metavar="CODE",
        help="this exception instead of the answer (6: device busy)",
    )
    faults.add_argument("--cut-bytes", type=length, metavar="N", help="leave the answer's last bytes out")
    faults.add_argument(
        "--most-bytes",
        type=length,
        metavar="N",
        help="break longer answers off, as a meter does whose supply is too weak for them",
    )
    faults.add_argument(
        "--garbage", type=_garbage, metavar="HEX", help="these bytes instead of the answer, as in f8c003"
    )
    faults.add_argument("--stray-zeros", type=length, metavar="N", help="so many zero bytes before the answer")
    faults.add_argument(
        "--foreign-address", type=number_between(int, 0, HIGHEST_BYTE), metavar="N", help="answers carry this address"
    )
    faults.add_argument(
        "--every", type=number_between(int, 1, 1_000_000), metavar="N", help="strike the first of N answers, not all"
    )
    faults.add_argument(
        "--faulty-address", type=_addresses, metavar="N[,N…]", help="strike the meters at these addresses, not all"
    )


def is_network(args: argparse.Namespace) -> bool:
    """Whether the meters are to be served over a network."""
    return args.tcp is not None or args.udp is not None


def check_options(args: argparse.Namespace) -> None:
    """Raises SimulateOptionError if options are given that do not go together."""
    if args.replay is not None:
        _refuse(args, (*METERS, *FAULTS, *STRIKING, "echo"), "does not go with --replay, which does as was recorded")
    if args.rtu and args.tcp is None:
        raise SimulateOptionError("--rtu says what goes over --tcp; give both, or leave it out")
    if is_network(args):
        _refuse(args, SERIAL_OPTIONS, "is of a serial line; leave it out with --tcp and --udp")
    if args.tcp is not None and not args.rtu:
        _refuse(args, BYTE_FAULTS, "does not happen on Modbus TCP; it does with --tcp … --rtu, and with --udp")
    if args.settings is not None:
        _refuse(args, FORMAT_OPTIONS, "is said by --settings; leave one of them out")
    if not given(args, FAULTS):
        _refuse(args, STRIKING, "says whom a fault strikes; name a fault as well, such as --silent")


def given(args: argparse.Namespace, names: Iterable[str]) -> list[str]:
    """Those of the options that are given, as one writes them."""
    return [f"--{name.replace('_', '-')}" for name in names if getattr(args, name) not in (None, False)]


def _refuse(args: argparse.Namespace, names: Iterable[str], why: str) -> None:
    for option in given(args, names):
        raise SimulateOptionError(f"{option} {why}")


def meters_from(args: argparse.Namespace) -> list[VirtualMeter]:
    """The meters that the options describe.

    Raises SimulateOptionError, UnknownModelError and SettingsError.
    """
    models = [model_named(name.strip()) for name in (args.model or DEFAULT_MODEL).split(",")]
    addresses = args.address or list(range(1, len(models) + 1))
    if len(models) == 1:
        models *= len(addresses)
    if len(models) != len(addresses):
        raise SimulateOptionError(
            f"--model names {len(models)} meters and --address {len(addresses)}; give as many of one as of the other"
        )
    if len(set(addresses)) < len(addresses) and not args.collide:
        raise SimulateOptionError(
            "--address names one address twice; every meter on a line needs its own, unless they are to --collide"
        )
    seed = 1 if args.seed is None else args.seed
    described = zip(models, addresses, _formats(args, len(models)), strict=True)
    meters = [
        virtual_meter(model, address, seed=number, quirks=_quirks(args), format=form, sunspec_base=args.sunspec_base)
        for number, (model, address, form) in enumerate(described, start=seed)
    ]
    _make_faulty(meters, args)
    return meters


def line_faults(args: argparse.Namespace) -> Faults:
    """The faults of the line itself."""
    return Faults(echo=args.echo)


def _formats(args: argparse.Namespace, meters: int) -> Sequence[SerialFormat | None]:
    formats: list[SerialFormat] = args.settings or []
    if len(formats) <= 1:
        return [formats[0] if formats else None] * meters
    if len(formats) != meters:
        raise SimulateOptionError(
            f"--settings has {len(formats)} settings, and there are {meters} meters; give one, or as many as meters"
        )
    return formats


def _quirks(args: argparse.Namespace) -> Quirks:
    return Quirks(
        max_registers=args.max_registers,
        refuse_undefined=args.refuse_undefined,
        turnaround_s=None if args.turnaround_ms is None else args.turnaround_ms / 1000,
    )


def _make_faulty(meters: Sequence[VirtualMeter], args: argparse.Namespace) -> None:
    faults = Faults(
        silent=args.silent,
        noise=args.noise or 0.0,
        late_s=(args.late_ms or 0.0) / 1000,
        twice=args.twice,
        exception=args.exception,
        cut_bytes=args.cut_bytes or 0,
        most_bytes=args.most_bytes,
        garbage=args.garbage or b"",
        stray_zeros=args.stray_zeros or 0,
        foreign_address=args.foreign_address,
        every=args.every or 1,
    )
    missing = set(args.faulty_address or ()) - {meter.address for meter in meters}
    if missing:
        raise SimulateOptionError(f"--faulty-address {min(missing)}: no meter has this address")
    for meter in meters:
        if args.faulty_address is None or meter.address in args.faulty_address:
            meter.faults = faults


def _addresses(text: str) -> list[int]:
    try:
        addresses = [int(part) for part in text.split(",")]
    except ValueError:
        addresses = []
    if not addresses or any(address not in ADDRESSES for address in addresses):
        raise argparse.ArgumentTypeError(f"{text!r} is no list of addresses; they are numbers from 1 to 247, as in 1,2")
    return addresses


def _garbage(text: str) -> bytes:
    try:
        garbage = bytes.fromhex(text)
    except ValueError:
        garbage = b""
    if not 1 <= len(garbage) <= MOST_BYTES:
        raise argparse.ArgumentTypeError(f"{text!r} is not 1 to {MOST_BYTES} bytes in hexadecimal, as in f8c003")
    return garbage


def _several_settings(text: str) -> list[SerialFormat]:
    matches = [_SETTINGS.fullmatch(part.strip()) for part in text.split(",")]
    formats = [
        SerialFormat(int(match["baudrate"]), 8, cast("Parity", match["parity"].upper()), int(match["stopbits"]))
        for match in matches
        if match is not None
    ]
    if len(formats) < len(matches):
        raise argparse.ArgumentTypeError(f"{text!r} does not fit; settings are like 9600N1 or 9600N1,19200E1")
    return formats
