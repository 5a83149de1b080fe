"""What an owner should know before a change, and has to do after it."""

from collections.abc import Iterator

from smartmeter.configuring.change import Change
from smartmeter.modbus.line import SerialFormat
from smartmeter.modbus.ports import SerialPort, parse_port
from smartmeter.models.parameter import ADDRESS, BAUDRATE
from smartmeter.settings.model import BusSettings, MeterSettings, Settings

# Keys of our settings, and what the original called them.
ORIGINAL = {
    "address": "slave_addr",
    "baudrate": "serial_if_baud",
    "parity": "serial_if_par",
    "stopbits": "serial_if_stop",
}
# A table that only the original's files have.
ORIGINAL_MARK = "serial_if"


def siblings(bus: BusSettings, meter: MeterSettings) -> list[MeterSettings]:
    """The other meters on the bus."""
    return [other for other in bus.meters if other is not meter]


def warnings(change: Change, bus: BusSettings) -> Iterator[str]:
    """What is worth knowing before it is written, each in one line."""
    effects = {
        "at once": "It counts at once.",
        "restart": "By the papers it counts once the meter was switched off and on.",
        "either": "It counts at once, or once the meter was switched off and on: papers and practice differ.",
    }
    if not change.parameter.write_only:
        yield effects[change.parameter.effect]
    if not change.moves_meter or change.parameter.name == ADDRESS:
        return
    others = ", ".join(other.name for other in siblings(bus, change.meter))
    if others:
        yield f"A line has one speed and one parity: {others} must be changed likewise, each by itself."
    else:
        yield "A line has one speed and one parity: other meters on it must be changed likewise."
    if not isinstance(parse_port(bus.port), SerialPort):
        yield "The gateway must be set likewise, and until then the meter cannot be read."


def advice(change: Change, bus: BusSettings, settings: Settings | None) -> Iterator[str]:
    """What has to be changed in the settings when the change counts, line by line."""
    if not change.moves_meter:
        return
    if change.parameter.name == ADDRESS:
        keys: dict[str, int | str] = {"address": change.new_unit}
        where = f"of the meter {change.meter.name}"
    else:
        form = change.new_format(bus.format if isinstance(bus.format, SerialFormat) else change.meter.model.serial)
        keys = {"parity": form.parity, "stopbits": form.stopbits}
        if change.parameter.name == BAUDRATE:
            keys = {"baudrate": form.baudrate}
        where = f"of the bus {bus.name}"
    if settings is None:
        options = " ".join(f"--{key} {value}" for key, value in keys.items())
        yield f"From then on it is read with {options}."
        return
    is_original = ORIGINAL_MARK in settings.source.read_text("utf-8")
    yield f"From then on it must stand in {settings.source}{'' if is_original else f', {where}'}:"
    for key, value in keys.items():
        shown = f'"{value}"' if isinstance(value, str) else value
        yield f"  {ORIGINAL[key] if is_original else key} = {shown}"
