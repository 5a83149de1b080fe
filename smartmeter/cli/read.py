"""`smartmeter read`: read once, print every value."""

import argparse
import asyncio
import json
import sys
from dataclasses import dataclass
from datetime import UTC, datetime

from smartmeter.cli.options import add_config_option, add_line_options, bus_from_options, load_settings_from
from smartmeter.measurands import Language, measurands
from smartmeter.modbus.connection import Connection, open_connection
from smartmeter.modbus.counters import LineCounters
from smartmeter.modbus.errors import AnswerError, NoAnswerError
from smartmeter.modbus.line import SerialFormat
from smartmeter.modbus.ports import parse_port
from smartmeter.polling.learned import Learned
from smartmeter.polling.round import RoundResult, read_round
from smartmeter.settings.model import BusSettings, MeterSettings

EXAMPLES = """\
  smartmeter read
  smartmeter read -c /etc/smartmeter/smartmeter.toml --json
  smartmeter read --port tcp://192.168.1.50:502 --model SDM630 --address 1
  smartmeter read --port /dev/ttyUSB0 --model SDM530 --baudrate 9600 --parity N --address 1
"""


@dataclass(frozen=True, slots=True)
class _MeterRead:
    """What was read; `device` tells in words what a device says of itself, `wrong` what kept it from being read."""

    meter: MeterSettings
    time: datetime
    result: RoundResult
    device: str | None = None
    wrong: str | None = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config_option(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object per meter and line")
    add_line_options(parser)


def main(args: argparse.Namespace) -> int:
    if args.port:
        language: Language = "en"
        buses: tuple[BusSettings, ...] = (bus_from_options(args),)
    else:
        settings = load_settings_from(args)
        language, buses = settings.language, settings.buses
    complete = True
    for bus in buses:
        for read in asyncio.run(_read_bus(bus)):
            print(_as_json(read) if args.json else _as_text(read, language), flush=True)
            for trouble in _troubles(read, bus):
                print(f"smartmeter: meter {read.meter.name}: {trouble}", file=sys.stderr)
            complete = complete and not (read.result.lost or read.wrong)
    return 0 if complete else 1


async def _read_bus(bus: BusSettings) -> list[_MeterRead]:
    connection = await open_connection(parse_port(bus.port), bus.format, bus.timeout_s, LineCounters())
    try:
        return [await _read_meter(meter, bus, connection) for meter in bus.meters]
    finally:
        connection.close()


async def _read_meter(meter: MeterSettings, bus: BusSettings, connection: Connection) -> _MeterRead:
    told = None
    if meter.model.sunspec:
        from smartmeter.polling.sunspec import SunSpecError, look_at  # noqa: PLC0415 - most meters are none

        try:
            device = await look_at(meter, connection.read)
        except AnswerError as error:
            return _MeterRead(meter, datetime.now(UTC), _nothing(error))
        except SunSpecError as error:
            return _MeterRead(meter, datetime.now(UTC), _nothing(), wrong=str(error))
        meter, told = device.meter, str(device)
    moment = datetime.now(UTC)
    result = await read_round(meter, bus.format, frozenset(meter.intervals_us), Learned(), connection.read)
    return _MeterRead(meter, moment, result, told)


def _nothing(*errors: AnswerError) -> RoundResult:
    return RoundResult({}, Learned(), errors, errors, silent=any(isinstance(error, NoAnswerError) for error in errors))


def _as_json(read: _MeterRead) -> str:
    time = read.time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    device = {"device": read.device} if read.device else {}
    return json.dumps({"meter": read.meter.name, "time": time, **device, "values": _ordered(read)})


def _as_text(read: _MeterRead, language: Language) -> str:
    values = _ordered(read)
    names = {id_: measurands()[id_] for id_ in values}
    width = max((len(measurand.label(language)) for measurand in names.values()), default=0)
    lines = [f"{read.meter.name}: {read.meter.model.name} at address {read.meter.address}, {len(values)} values"]
    if read.device:
        lines.append(f"  {read.device}")
    for id_, value in values.items():
        shown = "no value" if value is None else f"{value:.10g}"
        lines.append(f"  {names[id_].label(language):{width}}  {shown:>12} {names[id_].unit_symbol:5} {id_}".rstrip())
    return "\n".join(lines)


def _ordered(read: _MeterRead) -> dict[str, float | None]:
    return {id_: read.result.values[id_] for id_ in measurands() if id_ in read.result.values}


def _troubles(read: _MeterRead, bus: BusSettings) -> list[str]:
    if read.wrong:
        return [read.wrong]
    if read.result.silent:
        advice = f"check wiring (A and B swapped?), the address, and that the meter is set to {bus.format}"
        if not isinstance(bus.format, SerialFormat):
            advice = "check the address, and that the gateway speaks this protocol: tcp:// or rtu+tcp://"
        return [f"{read.result.lost[0]}; {advice}; `smartmeter doctor` finds out more"]
    absent = [f"it does not have {measurand}" for measurand in sorted(read.result.learned.absent)]
    return [str(error) for error in read.result.lost] + absent
