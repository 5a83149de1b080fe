"""`smartmeter scan`: who answers on a line, at which settings, and what model it probably is."""

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import Any, TextIO, TypeVar

from smartmeter.cli.found_settings import paste, remarks, write
from smartmeter.cli.options import PortOptionError
from smartmeter.cli.private_file import FileError
from smartmeter.cli.progress import Tell, progress_bar
from smartmeter.errors import SmartmeterError
from smartmeter.modbus.line import Parity, SerialFormat
from smartmeter.modbus.ports import NetworkPort, Port, PortSyntaxError, TcpPort, parse_port
from smartmeter.scan.estimate import in_words, scan_s
from smartmeter.scan.order import ADDRESSES, Leg, Wanted, legs, lines_to_try, requests_of
from smartmeter.scan.scan import Found, Scan, run_scan
from smartmeter.scan.sweep import LATEST_S, NETWORK_TIMEOUT_S, TIMEOUT_S
from smartmeter.settings.own_models import model_named

EXAMPLES = """\
  smartmeter scan --port /dev/ttyUSB0
  smartmeter scan --port /dev/ttyUSB0 --addresses 1-20,33 --baudrate 9600,19200 --parity N,E
  smartmeter scan --port /dev/ttyUSB0 --model SDM630 --baudrate 9600 --addresses 1-9
  smartmeter scan --port tcp://192.168.1.50:502 --addresses 1-10 --timeout 0.5 --json
  smartmeter scan --port /dev/ttyUSB0 --addresses 1-20 --write found.toml

Nothing is ever written to a meter. The daemon must not use the port meanwhile.
"""
PARITIES: tuple[Parity, ...] = ("N", "E", "O")
# What some adapters reach; no meter does.
HIGHEST_BAUDRATE = 4_000_000
LONGEST_TIMEOUT_S = 10.0

Value = TypeVar("Value")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", required=True, metavar="PORT", help="such as /dev/ttyUSB0 or tcp://192.168.1.50:502")
    parser.add_argument(
        "--addresses",
        type=_addresses,
        default=tuple(ADDRESSES),
        metavar="LIST",
        help="such as 1-20,33,126; default all",
    )
    parser.add_argument(
        "--baudrate", type=_list_of(_baudrate), default=(), metavar="LIST", help="such as 9600,19200; default the usual"
    )
    parser.add_argument(
        "--parity", type=_list_of(_parity), default=(), metavar="LIST", help="of N, E, O; default the usual"
    )
    parser.add_argument(
        "--stopbits", type=_list_of(_stopbits), default=(), metavar="LIST", help="1 or 2; default 1, which finds both"
    )
    parser.add_argument(
        "--timeout",
        type=_seconds,
        metavar="SECONDS",
        help=f"how long an answer may take to begin; default {TIMEOUT_S}, over a network {NETWORK_TIMEOUT_S:g}",
    )
    parser.add_argument("--model", metavar="NAME", help="look for this model first: its settings, its registers")
    parser.add_argument("--json", action="store_true", help="one JSON object per meter and line")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the settings into this new file")


def main(args: argparse.Namespace) -> int:
    if args.write is not None and args.write.exists():
        raise FileError(f"{args.write} is there already; --write takes the name of a new file")
    port = _port(args)
    wanted = Wanted(args.baudrate, args.parity, args.stopbits, model_named(args.model) if args.model else None)
    timeout_s = args.timeout or (NETWORK_TIMEOUT_S if isinstance(port, NetworkPort) else TIMEOUT_S)
    parts = legs(lines_to_try(port, wanted), args.addresses)
    told = sys.stderr if args.json else sys.stdout
    print(_announcement(port, parts, timeout_s), file=told, flush=True)
    scan = Scan()
    show = _shown_as_json if args.json else _shown_as_text
    complete = True
    try:
        asyncio.run(_run(scan, port, parts, timeout_s, wanted, show))
    except SmartmeterError as error:
        # What was found before is still worth knowing.
        if not scan.found:
            raise
        complete = False
        print(f"smartmeter: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        print(f"\nEnded after {scan.asked} of {requests_of(parts)} questions.", file=told)
    if not args.json:
        _conclude(scan, port, wanted)
    if args.write is not None:
        if write(args.write, port, scan.found, wanted.model):
            print(f"Wrote {args.write}. Next: smartmeter check -c {args.write}", file=told)
        else:
            print(f"{args.write} was not written: no model is known of what answers", file=told)
    return 0 if scan.found and complete else 1


def _announcement(port: Port, parts: tuple[Leg, ...], timeout_s: float) -> str:
    addresses = len({address for leg in parts for address in leg.addresses})
    settings = len({leg.line for leg in parts})
    at = "" if isinstance(port, NetworkPort) else f" at {settings} setting{'s' if settings > 1 else ''}"
    listen_s = 0.0 if isinstance(port, TcpPort) else max(0.0, LATEST_S - timeout_s)
    return (
        f"{port}: {addresses} address{'es' if addresses > 1 else ''}{at}: about "
        f"{in_words(scan_s(parts, timeout_s, listen_s))}; Ctrl-C ends it and shows what was found so far."
    )


async def _run(  # noqa: PLR0913, PLR0917 - a scan is described by that much
    scan: Scan, port: Port, parts: tuple[Leg, ...], timeout_s: float, wanted: Wanted, show: Callable[[Found], str]
) -> None:
    total = requests_of(parts)
    with _bar() as (tell, out):
        async with aclosing(run_scan(scan, port, parts, timeout_s, wanted)) as steps:
            async for found in steps:
                if found is not None:
                    print(show(found), file=out(), flush=True)
                tell(scan.asked / total, scan.asked)


@contextmanager
def _bar() -> Iterator[tuple[Tell, Callable[[], TextIO]]]:
    """The progress bar, and where to print meanwhile: the bar moves down for a terminal, and leaves all else alone."""
    own = sys.stdout
    with progress_bar("scanning", "asked") as tell:
        yield tell, lambda: sys.stdout if own.isatty() else own


def _shown_as_text(found: Found) -> str:
    where = f"address {found.address:3} {f'at {found.line}' if isinstance(found.line, SerialFormat) else found.line}"
    if found.garbled:
        return f"{where}: something answers, but garbled: two meters with one address, or noise"
    names = " or ".join(each.model.name for each in found.candidates)
    evidence = "; ".join(found.candidates[0].evidence) if found.candidates else ""
    what = names or "answers, but nothing that it shows speaks for a model that is known; `smartmeter models`"
    notes = [*([evidence] if evidence else []), *remarks(found)]
    return f"{where}: {what}{f' ({notes[0]})' if notes else ''}" + "".join(f"\n    {note}" for note in notes[1:])


def _shown_as_json(found: Found) -> str:
    line = found.line
    setting = (
        {"baudrate": line.baudrate, "parity": line.parity, "stopbits": line.stopbits}
        if isinstance(line, SerialFormat)
        else {}
    )
    shown: dict[str, Any] = {"address": found.address, **setting}
    shown["models"] = [{"model": each.model.name, "evidence": list(each.evidence)} for each in found.candidates]
    shown["serial_number"] = None if found.identified is None else found.identified.serial_number
    shown |= {"garbled": found.garbled, "garbled_at_times": found.at_times, "everywhere": found.everywhere}
    return json.dumps(shown)


def _conclude(scan: Scan, port: Port, wanted: Wanted) -> None:
    for found in scan.found:
        if found.identified is None and not found.garbled:
            print(f"address {found.address} at {found.line}: answers; it was not looked at any more")
    if not scan.found:
        print("Nothing answers. Check wiring (A and B swapped?) and supply, or try --parity O or a longer --timeout.")
        return
    if text := paste(port, scan.found, wanted.model):
        print(f"\nFor the settings:\n\n{text}", end="")


def _port(args: argparse.Namespace) -> Port:
    try:
        port = parse_port(args.port)
    except PortSyntaxError as error:
        raise PortOptionError(f"--port {args.port}: {error}") from error
    if isinstance(port, NetworkPort) and (args.baudrate or args.parity or args.stopbits):
        raise PortOptionError(f"{port} is no serial line; leave --baudrate, --parity and --stopbits out")
    return port


def _addresses(text: str) -> tuple[int, ...]:
    found: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        try:
            numbers = range(int(first), int(last if dash else first) + 1)
        except ValueError:
            numbers = range(0)
        if not numbers or numbers[0] not in ADDRESSES or numbers[-1] not in ADDRESSES:
            raise argparse.ArgumentTypeError(f"{part!r} is no address; they are numbers from 1 to 247, such as 1-20,33")
        found += numbers
    return tuple(dict.fromkeys(found))


def _list_of(read: Callable[[str], Value]) -> Callable[[str], tuple[Value, ...]]:
    return lambda text: tuple(dict.fromkeys(read(part.strip()) for part in text.split(",")))


def _baudrate(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= HIGHEST_BAUDRATE:
        raise argparse.ArgumentTypeError(f"{text!r} is no speed; one is 9600")
    return int(text)


def _parity(text: str) -> Parity:
    for parity in PARITIES:
        if text.upper() == parity:
            return parity
    raise argparse.ArgumentTypeError(f"{text!r} is no parity; it is N, E or O")


def _stopbits(text: str) -> int:
    if text not in {"1", "2"}:
        raise argparse.ArgumentTypeError(f"{text!r}: it is 1 or 2")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= LONGEST_TIMEOUT_S:
        raise argparse.ArgumentTypeError(f"{text!r}: it is a number of seconds, such as 0.2")
    return seconds
