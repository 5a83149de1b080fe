"""Options that several commands share."""

import argparse
from collections.abc import Callable
from pathlib import Path

from smartmeter.errors import SmartmeterError
from smartmeter.modbus.line import AsciiFormat, NetworkLine, SerialFormat
from smartmeter.modbus.ports import AsciiPort, PortSyntaxError, SerialPort, TcpPort, parse_port
from smartmeter.models import Model
from smartmeter.settings.defaults import TIMEOUT_US
from smartmeter.settings.model import BusSettings, MeterSettings, Settings
from smartmeter.settings.own_models import model_named

DEFAULT_TIMEOUT_S = TIMEOUT_US / 1_000_000
ONCE_US = 1_000_000


class PortOptionError(SmartmeterError):
    """What the options say of the port cannot be."""


def add_config_option(parser: argparse.ArgumentParser) -> None:
    """`-c FILE`, the settings file."""
    parser.add_argument(
        "-c",
        "--config",
        type=Path,
        metavar="FILE",
        help="settings, ours or the original's; else smartmeter.toml or smartmeter_cfg.toml in the working directory, "
        "beside the program or in /etc/smartmeter/",
    )


def add_line_options(parser: argparse.ArgumentParser) -> None:
    """`--port` and all that describes one meter on it, instead of a settings file."""
    group = parser.add_argument_group("a meter without a settings file")
    group.add_argument("--port", metavar="PORT", help="such as /dev/ttyUSB0 or tcp://192.168.1.50:502")
    group.add_argument("--model", metavar="NAME", default="SDM530", help="the meter model (default SDM530)")
    group.add_argument("--address", type=modbus_address, default=1, metavar="N", help="1 to 247 (default 1)")
    group.add_argument("--baudrate", type=int, metavar="N", help="default: the model's")
    group.add_argument("--parity", choices=("N", "E", "O"), type=str.upper, help="default: the model's")
    group.add_argument("--stopbits", type=int, choices=(1, 2), help="default: the model's")
    group.add_argument("--timeout", type=float, default=DEFAULT_TIMEOUT_S, metavar="SECONDS", help="default 0.5")


def bus_from_options(args: argparse.Namespace) -> BusSettings:
    """The bus with one meter, read whole, that the options of `add_line_options` describe.

    Raises UnknownModelError, SettingsError, PortOptionError.
    """
    model = model_named(args.model)
    line = _line(args, model)
    meter = MeterSettings(
        name=f"{model.name.lower()}_{args.address}",
        model=model,
        address=args.address,
        intervals_us=dict.fromkeys(model.registers, ONCE_US),
    )
    return BusSettings(name="line", port=args.port, format=line, timeout_s=args.timeout, meters=(meter,))


def _line(args: argparse.Namespace, model: Model) -> SerialFormat | NetworkLine:
    try:
        port = parse_port(args.port)
    except PortSyntaxError as error:
        raise PortOptionError(f"--port {args.port}: {error}") from error
    is_told = args.baudrate or args.parity or args.stopbits
    if isinstance(port, TcpPort) and is_told:
        raise PortOptionError(f"{port} is no serial line; leave --baudrate, --parity and --stopbits out")
    if not isinstance(port, SerialPort) and not is_told:
        return NetworkLine()
    kind = AsciiFormat if isinstance(port, AsciiPort) else SerialFormat
    return kind(
        baudrate=args.baudrate or model.serial.baudrate,
        # ASCII's own ("MODBUS over serial line" V1.02, 2.5.2).
        bytesize=7 if isinstance(port, AsciiPort) and args.parity in ("E", "O") else model.serial.bytesize,
        parity=args.parity or model.serial.parity,
        stopbits=args.stopbits or model.serial.stopbits,
    )


def load_settings_from(args: argparse.Namespace) -> Settings:
    """The settings that `-c` names, or that are found.

    Raises SettingsError.
    """
    # pydantic takes its time: only commands that need settings pay for it.
    from smartmeter.settings.load import find_settings, load_settings  # noqa: PLC0415

    return load_settings(find_settings(args.config))


def modbus_address(text: str) -> int:
    """The address, 1 to 247, that stands in `text`.

    Raises argparse.ArgumentTypeError for anything else.
    """
    try:
        address = int(text)
    except ValueError:
        address = 0
    if not 1 <= address <= 247:  # noqa: PLR2004 - "MODBUS over serial line" V1.02, section 2.2
        raise argparse.ArgumentTypeError(f"{text!r} is no address; it is a number from 1 to 247")
    return address


def number_between(kind: Callable[[str], float], least: float, most: float) -> Callable[[str], float]:
    """What makes a number of an option's text, and argparse.ArgumentTypeError of one not from `least` to `most`."""

    def number(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = float("nan")
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text!r} does not fit; it is a number from {least} to {most}")
        return value

    return number
