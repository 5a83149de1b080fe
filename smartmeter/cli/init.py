"""`smartmeter init`: asks for port and model, or finds them, and writes smartmeter.toml."""

import argparse
import asyncio
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from smartmeter.cli.options import add_line_options, bus_from_options, modbus_address
from smartmeter.cli.private_file import FileError, create_private_file, replace_private_file
from smartmeter.errors import SmartmeterError
from smartmeter.measurands import Language, measurands
from smartmeter.modbus.line import NetworkLine, SerialFormat
from smartmeter.modbus.ports import SerialPort, parse_port
from smartmeter.polling.probe import formats_to_try, probe
from smartmeter.settings.defaults import INTERVAL_US
from smartmeter.settings.first import first_settings, system_language
from smartmeter.settings.model import BusSettings
from smartmeter.settings.own_models import model_named

EXAMPLES = """\
  smartmeter init
  smartmeter init --port /dev/ttyUSB0 --model SDM630 --address 1
  smartmeter init --port tcp://192.168.1.50:502 --model SDM630 --address 1
  smartmeter init --port /dev/ttyUSB0 --model SDM530 --baudrate 19200 --parity E -o meter.toml

What is not given is asked, and how the line is set is found out by asking the meter. Nothing is written to it.
"""
DATABASE = """
# Where to ship the readings besides; take the # away and fill in.
#[postgresql]
#host = "database.example.org"
#database = "smartmeter"
#user = "smartmeter"
#password_file = "postgresql_password"
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("smartmeter.toml"), metavar="FILE", help="default smartmeter.toml"
    )
    parser.add_argument("--force", action="store_true", help="replace a file that is there")
    parser.add_argument("--language", choices=("en", "de"), help="of names and columns (default: your system's)")
    add_line_options(parser)
    parser.set_defaults(model=None, address=None)


def main(args: argparse.Namespace) -> int:
    if args.output.exists() and not args.force:
        raise FileError(f"{args.output} is there already; --force replaces it, -o names another file")
    args.port = args.port or _ask_port()
    args.model = args.model or _ask("Meter model (`smartmeter models` lists them)", "SDM530")
    args.address = args.address or _ask_address()
    bus = bus_from_options(args)
    bus = _find_format(bus, _formats(args) if isinstance(parse_port(args.port), SerialPort) else [])
    text = _settings_text(bus, args.output, args.language or system_language())
    if args.force:
        replace_private_file(args.output, text)
    else:
        create_private_file(args.output, text)
    print(f"Wrote {args.output}. Next: smartmeter check, smartmeter read, smartmeter run.")
    return 0


def _ask_port() -> str:
    from serial.tools import list_ports  # noqa: PLC0415 - needed here alone

    # Names by id stay the same when the adapter is plugged in elsewhere.
    by_id = {str(link.resolve()): str(link) for link in sorted(Path("/dev/serial/by-id").glob("*"))}
    ports = {by_id.get(port.device, port.device): port.description for port in list_ports.comports()}
    for port, description in ports.items():
        print(f"  {port}  ({description})")
    return _ask("Serial port, or a gateway such as tcp://192.168.1.50:502", next(iter(ports), ""))


def _ask_address() -> int:
    answer = _ask("Address of the meter, 1 to 247", "1")
    try:
        return modbus_address(answer)
    except argparse.ArgumentTypeError as error:
        raise SmartmeterError(str(error)) from error


def _ask(question: str, default: str) -> str:
    """What the person at the terminal answers, or the default; without a terminal there is nobody to ask."""
    if not sys.stdin.isatty():
        raise SmartmeterError(f"{question}: nobody is there to ask; give it as an option, see smartmeter init --help")
    try:
        given = input(f"{question}{f' [{default}]' if default else ''}: ").strip()
    except EOFError:
        given = ""
    if not given and not default:
        raise SmartmeterError(f"{question}: no answer; nothing was written")
    return given or default


def _formats(args: argparse.Namespace) -> list[SerialFormat]:
    """The line settings to try: those that the given options leave open."""
    return [
        line
        for line in formats_to_try(model_named(args.model))
        if args.baudrate in (None, line.baudrate)
        and args.parity in (None, line.parity)
        and args.stopbits in (None, line.stopbits)
    ]


def _find_format(bus: BusSettings, formats: Iterable[SerialFormat]) -> BusSettings:
    """The bus with the line settings at which its meter answers; as it was, if it answers at none."""
    meter = bus.meters[0]
    lines: dict[SerialFormat | NetworkLine, None] = dict.fromkeys((*formats, bus.format))
    for line in lines:
        print(f"  {line} …", end=" ", flush=True)
        answer = asyncio.run(probe(bus.port, line, meter.model, meter.address, bus.timeout_s))
        if answer is None:
            print("no answer")
            continue
        if answer.value is None:
            print("an answer, but no plausible voltage; is the model right?")
        else:
            print(f"the meter answers: {answer.value:g} {measurands()[answer.measurand].unit_symbol}".rstrip())
        return replace(bus, format=line)
    written = f"{bus.format} is written; mend it" if isinstance(bus.format, SerialFormat) else "Mend what is wrong"
    print(
        f"No meter answers at address {meter.address}. Check wiring (A and B swapped?), address and supply. "
        f"{written} in the file. `smartmeter scan --port {bus.port}` asks every address."
    )
    return bus


def _settings_text(bus: BusSettings, output: Path, language: Language) -> str:
    # pydantic takes its time: only now is it sure that settings are written.
    from smartmeter.settings.write import write_settings  # noqa: PLC0415

    intervals_us = dict.fromkeys(bus.meters[0].model.registers, INTERVAL_US)
    bus = replace(bus, name="bus1", meters=(replace(bus.meters[0], intervals_us=intervals_us),))
    return write_settings(first_settings(output, language, [bus])) + DATABASE
