"""`smartmeter set`: what is set at a meter, and changing it."""

import argparse
import asyncio
import sys
from collections.abc import Mapping, Sequence
from functools import partial

from smartmeter.cli.options import add_config_option, add_line_options, bus_from_options, load_settings_from
from smartmeter.configuring.asking import OwnLine
from smartmeter.configuring.carry_out import Outcome, Retune, carry_out
from smartmeter.configuring.change import Change, parameter_of, parameters_of, plan_change, read_present
from smartmeter.configuring.errors import SetError
from smartmeter.configuring.values import parse_value, shown
from smartmeter.configuring.what_next import advice, siblings, warnings
from smartmeter.measurands import measurands
from smartmeter.modbus.errors import AnswerError, ExceptionAnswerError, PortBusyError
from smartmeter.modbus.line import SerialFormat
from smartmeter.models.parameter import ADDRESS, LABELS, Parameter
from smartmeter.settings.model import BusSettings, MeterSettings, Settings

EXAMPLES = """\
  smartmeter set house
  smartmeter set house demand_period=15 --yes
  smartmeter set --port /dev/ttyUSB0 --model SDM530 --baudrate 19200 --parity E demand_period=30 --yes

Without NAME=VALUE it lists what can be set and how it is. It reads first, asks, writes one parameter, and reads it
back, also at the new address, speed or parity; what is neither old nor new is taken back. The daemon must be stopped
meanwhile: sudo systemctl stop smartmeter
"""
MOST_PASSWORD = 9999
COLUMNS = (17, 15, 45)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "words",
        nargs="*",
        metavar="METER NAME=VALUE",
        help="the meter's name in the settings, unless there is only one; and what to set, such as baudrate=9600",
    )
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument(
        "--password", type=_password, metavar="NNNN", help="the meter's own, if it is none of the factory's"
    )
    add_config_option(parser)
    add_line_options(parser)


def main(args: argparse.Namespace) -> int:
    wanted = [word for word in args.words if "=" in word]
    names = [word for word in args.words if "=" not in word]
    if len(wanted) > 1 or len(names) > 1:
        raise SetError("one meter and one NAME=VALUE at a time: what is written must be looked at before the next")
    settings = None if args.port else load_settings_from(args)
    bus, meter = _the_meter(settings, names, args)
    if not wanted:
        asyncio.run(_list(bus, meter, parameters_of(meter.model)))
        return 0
    name, _, text = wanted[0].partition("=")
    parameter = parameter_of(meter.model, name)
    # What cannot be is told before the line is needed.
    parse_value(parameter, text)
    if parameter.name == ADDRESS:
        _require_free(text, siblings(bus, meter))
    asyncio.run(_set(bus, meter, (name, text), settings, args))
    return 0


def _the_meter(
    settings: Settings | None, names: Sequence[str], args: argparse.Namespace
) -> tuple[BusSettings, MeterSettings]:
    if settings is None:
        if names:
            raise SetError(f"{names[0]}: --port describes the meter already; leave the name out")
        bus = bus_from_options(args)
        return bus, bus.meters[0]
    meters = {meter.name: (bus, meter) for bus in settings.buses for meter in bus.meters}
    known = ", ".join(meters)
    if not names:
        if len(meters) > 1:
            raise SetError(f"{settings.source}: which meter? The settings have {known}")
        return next(iter(meters.values()))
    if names[0] not in meters:
        raise SetError(f"{settings.source}: there is no meter {names[0]!r}; the settings have {known}")
    return meters[names[0]]


def _require_free(text: str, others: Sequence[MeterSettings]) -> None:
    taken = next((meter for meter in others if str(meter.address) == text.strip()), None)
    if taken is not None:
        raise SetError(f"address {text}: the settings have {taken.name} there; choose another address")


async def _open(bus: BusSettings) -> OwnLine:
    try:
        return await OwnLine.open(bus)
    except PortBusyError as error:
        raise SetError(
            f"{error}; if it is Smartmeter itself: sudo systemctl stop smartmeter, and start it again afterwards"
        ) from error


async def _list(bus: BusSettings, meter: MeterSettings, parameters: Mapping[str, Parameter]) -> None:
    line = await _open(bus)
    try:
        print(f"{meter.name}: {meter.model.name} at address {meter.address}")
        print(_row("parameter", "is", "can be", "what it is"))
        for parameter in parameters.values():
            can_be = f"{parameter.allowed} {parameter.unit}".rstrip()
            print(_row(parameter.name, await _present(line, meter, parameter), can_be, LABELS[parameter.name]))
    finally:
        line.close()


async def _present(line: OwnLine, meter: MeterSettings, parameter: Parameter) -> str:
    if parameter.write_only:
        return "-"
    try:
        return shown(parameter, await read_present(line, meter, parameter))
    except ExceptionAnswerError as error:
        return f"refused (exception {error.code})"
    except SetError:
        return "cannot be known"


async def _set(
    bus: BusSettings, meter: MeterSettings, wanted: tuple[str, str], settings: Settings | None, args: argparse.Namespace
) -> None:
    line = await _open(bus)
    try:
        try:
            change = await plan_change(line, meter, *wanted)
        except AnswerError as error:
            raise SetError(f"{meter.name}: {error}; nothing was written") from error
        if not change.is_needed:
            print(f"{meter.name}: {wanted[0]} is {shown(change.parameter, change.before)} already; nothing is written")
            if _is_to_come(change, line):
                print("It counts once the meter was switched off and on.")
            return
        print(f"{meter.name}: {meter.model.name} at address {meter.address}: {change}")
        for warning in warnings(change, bus):
            print(f"  {warning}")
        if not args.yes and not _agreed():
            print("Nothing was written.")
            return
        passwords = () if args.password is None else (args.password,)
        outcome = await carry_out(change, line, passwords, _retune(change, line))
    finally:
        line.close()
    print("\n".join(_told(change, outcome)))
    for text in advice(change, bus, settings):
        print(text)


def _is_to_come(change: Change, line: OwnLine) -> bool:
    """Whether the meter, as it answers now, is not spoken to as its registers say."""
    moves = isinstance(line.format, SerialFormat) and change.new_format(line.format) != line.format
    return moves or change.new_unit != change.meter.address


def _retune(change: Change, line: OwnLine) -> Retune | None:
    if not line.can_be_retuned or not isinstance(line.format, SerialFormat):
        return None
    return partial(line.retune, change.new_format(line.format))


def _agreed() -> bool:
    if not sys.stdin.isatty():
        raise SetError("nobody is there to ask; with --yes it is written unasked")
    try:
        return input("Write it to the meter? [y/N] ").strip().lower() in ("y", "yes", "j", "ja")
    except EOFError:
        return False


def _told(change: Change, outcome: Outcome) -> list[str]:
    lines = []
    if outcome.complaint is not None:
        lines.append(f"The meter answered: {outcome.complaint}; but it took it.")
    if change.parameter.write_only:
        lines.append("Written and answered." if outcome.complaint is None else "Written.")
        for id_, before in change.seen_before.items():
            unit = measurands()[id_].unit_symbol
            lines.append(f"  {id_}: {_number(before)} → {_number(outcome.seen.get(id_))} {unit}".rstrip())
        return lines
    counts = {
        "now": "it counts already",
        "after a restart": "it counts once the meter was switched off and on",
        "now or after a restart": "it counts already, or once the meter was switched off and on",
    }[outcome.counts]
    lines.append(f"Written and read back: {shown(change.parameter, change.after)}; {counts}.")
    return lines


def _number(value: float | None) -> str:
    return "no value" if value is None else f"{value:.10g}"


def _row(*columns: str) -> str:
    widths = (*COLUMNS, 0)
    return "  " + "  ".join(f"{text:{width}}" for text, width in zip(columns, widths, strict=True)).rstrip()


def _password(text: str) -> int:
    if not text.isdecimal() or int(text) > MOST_PASSWORD:
        raise argparse.ArgumentTypeError(f"{text!r} is no password; it is a number from 0 to {MOST_PASSWORD}")
    return int(text)
