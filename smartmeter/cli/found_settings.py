"""Settings made of what a scan has found, to paste or to write."""

import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from smartmeter.cli.private_file import create_private_file
from smartmeter.modbus.line import NetworkLine, SerialFormat
from smartmeter.modbus.ports import Port
from smartmeter.models import Model
from smartmeter.scan.order import ADDRESSES
from smartmeter.scan.scan import Found
from smartmeter.settings.defaults import INTERVAL_US, TIMEOUT_US
from smartmeter.settings.first import first_settings, system_language
from smartmeter.settings.model import BusSettings, MeterSettings


def remarks(found: Found) -> Iterator[str]:
    """What must be known of a meter besides what it is."""
    if found.everywhere:
        yield "it answers at every address: a device that does not look at it, or has one for all"
    if found.at_times:
        yield "some answers came garbled or twice: two meters with one address, or noise"
    if found.also:
        yield f"it answers at {', '.join(map(str, found.also))} as well"


def paste(port: Port, all_found: Sequence[Found], wanted: Model | None) -> str:
    """What to put into a settings file; empty if no model is known of any meter."""
    bus = _bus(port, all_found, wanted)
    if bus is None:
        return ""
    # pydantic takes its time: only now is it sure that there is something to say.
    from smartmeter.settings.write import write_bus  # noqa: PLC0415

    return "\n".join([*_comments(all_found, bus, wanted), write_bus(bus, system_language())])


def write(file: Path, port: Port, all_found: Sequence[Found], wanted: Model | None) -> bool:
    """Write a settings file that works as it is; False if no model is known of any meter. Raises FileError."""
    bus = _bus(port, all_found, wanted)
    if bus is None:
        return False
    from smartmeter.settings.write import write_settings  # noqa: PLC0415 - as above

    text = write_settings(first_settings(file, system_language(), [bus]))
    comments = ["# What `smartmeter scan` found:", *_comments(all_found, bus, wanted)]
    create_private_file(file, "\n".join([text, *comments, ""]))
    return True


def _bus(port: Port, all_found: Sequence[Found], wanted: Model | None) -> BusSettings | None:
    """The bus at the settings at which most meters answer, with these meters."""
    known = [found for found in all_found if found.chosen(wanted) is not None]
    if not known:
        return None
    # Of equally many the first that was found.
    line = Counter(found.line for found in known).most_common(1)[0][0]
    meters = tuple(_meter(found, model) for found in known if found.line == line and (model := found.chosen(wanted)))
    return BusSettings("bus1", str(port), line, TIMEOUT_US / 1e6, meters)


def _meter(found: Found, model: Model) -> MeterSettings:
    return MeterSettings(_name(found, model), model, found.address, dict.fromkeys(model.registers, INTERVAL_US))


def _name(found: Found, model: Model) -> str:
    return f"{model.name.lower()}_{found.address}"


def _comments(all_found: Sequence[Found], bus: BusSettings, wanted: Model | None) -> Iterator[str]:
    for found in all_found:
        model = found.chosen(wanted)
        at = f"# Address {found.address}{_at(found.line)}"
        if model is None:
            yield f"{at}: {'garbled answers' if found.garbled else 'answers, model unknown'}; not in these settings."
            continue
        others = [each.model.name for each in found.candidates if each.model is not model]
        evidence = "; ".join(found.candidates[0].evidence)
        alike = f"; {', '.join(others)} would look the same: put the right one" if others else ""
        yield f"{at}: {model.name}{f' by {evidence}' if evidence else ''}{alike}."
        if found.line != bus.format:
            yield from _cannot_run(found, model, bus, all_found)


@dataclass(frozen=True, slots=True)
class _Change:
    """A parameter that is to become `value`, of the meter that is then at `address` and understands `line`."""

    parameter: str
    value: str
    address: int
    line: SerialFormat

    def command(self, port: str, model: Model) -> str:
        return (
            f"smartmeter set --port {shlex.quote(port)} --model {model.name} --address {self.address} "
            f"--baudrate {self.line.baudrate} --parity {self.line.parity} {self}"
        )

    def can_be_made(self, model: Model) -> bool:
        parameter = model.setup.parameters.get(self.parameter)
        return parameter is not None and (self.value in parameter.values or not parameter.values)

    def __str__(self) -> str:
        return f"{self.parameter}={self.value}"


def _cannot_run(found: Found, model: Model, bus: BusSettings, all_found: Sequence[Found]) -> Iterator[str]:
    yield f"#   Not in these settings: all meters on one line must be set alike, and most are at {bus.format}."
    address = found.address
    if any(meter.address == address for meter in bus.meters):
        taken = {each.address for each in all_found}
        address = next((free for free in ADDRESSES if free not in taken), address)
        yield f"#   Another meter has address {found.address} as well; {address} is free."
    if not (isinstance(found.line, SerialFormat) and isinstance(bus.format, SerialFormat)):
        return
    changes = tuple(_changes(found, found.line, address, bus.format))
    if len(found.candidates) == 1 and all(change.can_be_made(model) for change in changes):
        yield "#   This changes it, one after the other as each comes to count:"
        yield from (f"#   {change.command(bus.port, model)}" for change in changes)
    else:
        yield f"#   If it can be set, at its display or by its maker's program: {', '.join(map(str, changes))}."


def _changes(found: Found, line: SerialFormat, address: int, to: SerialFormat) -> Iterator[_Change]:
    """What makes the meter like the others."""
    if address != found.address:
        # First, as two meters at one address cannot be told apart any more.
        yield _Change("address", str(address), found.address, line)
    if line.baudrate != to.baudrate:
        yield _Change("baudrate", str(to.baudrate), address, line)
    if (line.parity, line.stopbits) != (to.parity, to.stopbits):
        # Two stop bits have a name of their own there.
        parity = "N2" if (to.parity, to.stopbits) == ("N", 2) else to.parity
        yield _Change("parity", parity, address, replace(line, baudrate=to.baudrate))


def _at(line: SerialFormat | NetworkLine) -> str:
    return f" at {line}" if isinstance(line, SerialFormat) else ""
