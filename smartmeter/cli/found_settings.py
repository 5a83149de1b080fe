"""Settings made of what a scan has found, to paste or to write."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from smartmeter.cli.private_file import create_private_file
from smartmeter.modbus.line import NetworkLine, SerialFormat
from smartmeter.modbus.ports import Port
from smartmeter.models import Model
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
            yield from _cannot_run(found, model, bus)


def _cannot_run(found: Found, model: Model, bus: BusSettings) -> Iterator[str]:
    yield f"#   Not in these settings: all meters on one line must be set alike, and most are at {bus.format}."
    if any(meter.address == found.address for meter in bus.meters):
        yield f"#   Another meter has address {found.address} as well: give this one a free one first, address=N."
    if isinstance(found.line, SerialFormat) and isinstance(bus.format, SerialFormat):
        yield "#   If it can be changed:"
        for command in _changes(found, found.line, model, bus.port, bus.format):
            yield f"#   {command}"


def _changes(found: Found, line: SerialFormat, model: Model, port: str, to: SerialFormat) -> Iterator[str]:
    """The commands that set the meter to the line of the others: each changes one thing, and the next knows it."""
    of_meter = f"smartmeter set --port {port} --model {model.name} --address {found.address}"
    if line.baudrate != to.baudrate:
        yield f"{of_meter} --baudrate {line.baudrate} --parity {line.parity} baudrate={to.baudrate}"
    if (line.parity, line.stopbits) != (to.parity, to.stopbits):
        # Two stop bits have a name of their own there.
        parity = "N2" if (to.parity, to.stopbits) == ("N", 2) else to.parity
        yield f"{of_meter} --baudrate {to.baudrate} --parity {line.parity} parity={parity}"


def _at(line: SerialFormat | NetworkLine) -> str:
    return f" at {line}" if isinstance(line, SerialFormat) else ""
