"""Finds out how the line of a meter is set, by asking the meter."""

from collections.abc import Sequence
from dataclasses import dataclass

from smartmeter.modbus.connection import Connection, open_connection
from smartmeter.modbus.counters import LineCounters
from smartmeter.modbus.errors import AnswerError
from smartmeter.modbus.frames import ReadRequest
from smartmeter.modbus.line import NetworkLine, SerialFormat
from smartmeter.modbus.ports import parse_port
from smartmeter.models import Model
from smartmeter.polling.decode import decode
from smartmeter.polling.learned import Learned
from smartmeter.polling.round import read_round
from smartmeter.settings.model import MeterSettings

# What meters are set to, by their papers and by those who use them; the commonest first.
USUAL_FORMATS = (
    SerialFormat(9600, 8, "N", 1),
    SerialFormat(19200, 8, "E", 1),
    SerialFormat(9600, 8, "E", 1),
    SerialFormat(19200, 8, "N", 1),
    SerialFormat(2400, 8, "N", 1),
    SerialFormat(38400, 8, "N", 1),
    SerialFormat(4800, 8, "N", 1),
    SerialFormat(9600, 8, "N", 2),
    SerialFormat(2400, 8, "E", 1),
    SerialFormat(1200, 8, "N", 1),
)
VOLTAGES = ("voltage_l1", "voltage_l2", "voltage_l3")
# A voltage in this range is one; a zero, or what another register holds, proves nothing.
LOWEST_VOLTAGE = 50.0
HIGHEST_VOLTAGE = 500.0
ATTEMPTS = 2


@dataclass(frozen=True, slots=True)
class Answer:
    """What a probe brought: a value of the measurand; of a voltage None if it was no plausible one."""

    format: SerialFormat | NetworkLine
    measurand: str
    value: float | None


def formats_to_try(model: Model) -> Sequence[SerialFormat]:
    """The usual settings, the model's own first."""
    return (model.serial, *(line for line in USUAL_FORMATS if line != model.serial))


async def probe(
    port: str, line: SerialFormat | NetworkLine, model: Model, address: int, timeout_s: float
) -> Answer | None:
    """What the meter at `address` answers when its line is set like this; None if nothing intelligible comes.

    Nothing is written to the meter. Raises PortError.
    """
    # Of a meter that shows no voltage, whatever comes first must do.
    register = model.registers.get("voltage_l1") or next(iter(model.registers.values()))
    request = ReadRequest(address, register.function, register.address, register.count)
    connection = await open_connection(parse_port(port), line, timeout_s, LineCounters())
    try:
        if model.sunspec:
            return await _probe_device(line, model, address, connection)
        for _ in range(ATTEMPTS):
            try:
                value = decode(register, await connection.read(request))
            except AnswerError:
                continue
            return Answer(line, register.measurand, value if _is_plausible(register.measurand, value) else None)
    finally:
        connection.close()
    return None


async def _probe_device(
    line: SerialFormat | NetworkLine, model: Model, address: int, connection: Connection
) -> Answer | None:
    """The same for a device that describes itself."""
    from smartmeter.polling.sunspec import SunSpecError, look_at  # noqa: PLC0415 - most meters are none

    meter = MeterSettings(model.name, model, address, dict.fromkeys(model.registers, 1))
    try:
        meter = (await look_at(meter, connection.read)).meter
        asked = frozenset({"voltage_l1"} & meter.model.registers.keys())
        result = await read_round(meter, line, asked, Learned(), connection.read)
    except AnswerError:
        return None
    except SunSpecError:
        return Answer(line, "voltage_l1", None)
    value = result.values.get("voltage_l1")
    return Answer(line, "voltage_l1", value if _is_plausible("voltage_l1", value) else None)


def _is_plausible(measurand: str, value: float | None) -> bool:
    return value is not None and (measurand != "voltage_l1" or LOWEST_VOLTAGE <= value <= HIGHEST_VOLTAGE)
