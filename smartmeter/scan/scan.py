"""The whole scan: leg by leg, and what answers is looked at as soon as it is found."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from smartmeter.modbus.frames import ReadRequest
from smartmeter.modbus.line import NetworkLine, SerialFormat
from smartmeter.modbus.ports import Port
from smartmeter.models import Model
from smartmeter.scan.evidence import Candidate, choose
from smartmeter.scan.identify import Identified, catalogue, identify
from smartmeter.scan.open_line import OpenLine
from smartmeter.scan.order import Leg, Wanted
from smartmeter.scan.sweep import PATIENT_S, QUESTION, Heard, Question, Sign, sweep

# Who answers at so many addresses and at none not is one device that does not look at the address.
EVERYWHERE = 8


@dataclass(frozen=True, slots=True)
class Found:
    """Something that answers at an address when the line is set to `line`.

    `identified` None: it was not looked at (yet), or nothing of it can be understood. `garbled`: always, or `at_times`,
    what comes is not to be understood. `everywhere`: it answers at every address. `also` are other settings at which
    the same meter answers.
    """

    address: int
    line: SerialFormat | NetworkLine
    identified: Identified | None = None
    garbled: bool = False
    at_times: bool = False
    everywhere: bool = False
    also: tuple[SerialFormat, ...] = ()

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """The models that it most probably is."""
        return () if self.identified is None else self.identified.candidates

    def chosen(self, wanted: Model | None) -> Model | None:
        """The model for the settings."""
        best = choose(self.candidates, self.line, wanted)
        return None if best is None else best.model


@dataclass(slots=True)
class Scan:
    """How far a scan is: how many addresses were `asked`, and what was `found`, in that order."""

    asked: int = 0
    found: list[Found] = field(default_factory=list)


async def run_scan(
    scan: Scan, port: Port, legs: Sequence[Leg], timeout_s: float, wanted: Wanted
) -> AsyncGenerator[Found | None, None]:
    """Make the scan, and note in `scan` how far it is: that stays true if it is given up in between.

    Gives each meter when it has been looked at, and None whenever an address has been asked. Nothing is written.
    Raises PortError, NoisyLineError.
    """
    models = catalogue()
    question = QUESTION if wanted.model is None else _question(wanted.model)
    for leg in legs:
        opened = await OpenLine.open(port, leg.line)
        look = _look_over_network if isinstance(leg.line, NetworkLine) else _look_at_once
        try:
            async with aclosing(look(scan, opened, leg, timeout_s, question, models)) as looked:
                async for found in looked:
                    yield found
        finally:
            opened.close()


async def _look_at_once(  # noqa: PLR0913, PLR0917 - a leg is described by that much
    scan: Scan, opened: OpenLine, leg: Leg, timeout_s: float, question: Question, models: Sequence[Model]
) -> AsyncGenerator[Found | None, None]:
    """A leg on a serial line: what answers is looked at before the next address is asked."""
    before = scan.asked
    seen: set[int] = set()
    async with aclosing(sweep(opened, leg.addresses, timeout_s, question)) as all_heard:
        async for heard in all_heard:
            seen.add(heard.address)
            scan.asked = before + len(seen)
            if heard.sign is Sign.SILENT:
                yield None
                continue
            index = _note(scan, heard, leg)
            if heard.sign is Sign.ANSWERS:
                scan.found[index] = await _identified(scan.found[index], opened, timeout_s, models)
                opened.heard()
            if (found := _merged(scan, index)) is not None:
                yield found


async def _look_over_network(  # noqa: PLR0913, PLR0917 - a leg is described by that much
    scan: Scan, opened: OpenLine, leg: Leg, timeout_s: float, question: Question, models: Sequence[Model]
) -> AsyncGenerator[Found | None, None]:
    """A leg over a network: a device there may answer at every address, which only the whole shows."""
    indices = []
    before = scan.asked
    seen: set[int] = set()
    async with aclosing(sweep(opened, leg.addresses, timeout_s, question)) as all_heard:
        async for heard in all_heard:
            seen.add(heard.address)
            scan.asked = before + len(seen)
            if heard.sign is not Sign.SILENT:
                indices.append(_note(scan, heard, leg))
            yield None
    if len(indices) == len(leg.addresses) >= EVERYWHERE:
        del scan.found[indices[0] + 1 :]
        scan.found[indices[0]] = replace(scan.found[indices[0]], everywhere=True)
        indices = indices[:1]
    for index in indices:
        if not scan.found[index].garbled:
            scan.found[index] = await _identified(scan.found[index], opened, timeout_s, models)
        yield scan.found[index]


def _note(scan: Scan, heard: Heard, leg: Leg) -> int:
    scan.found.append(Found(heard.address, leg.line, garbled=heard.sign is Sign.GARBLED, at_times=heard.at_times))
    return len(scan.found) - 1


async def _identified(found: Found, opened: OpenLine, timeout_s: float, models: Sequence[Model]) -> Found:
    async def read(request: ReadRequest) -> bytes:
        return await opened.read(request, max(PATIENT_S, timeout_s))

    identified = await identify(read, found.address, models)
    return replace(found, identified=identified, at_times=found.at_times or identified.garbled)


def _merged(scan: Scan, index: int) -> Found | None:
    """What was found last; None if it is a meter that was found before, at another parity of the same speed."""
    last = scan.found[index]
    for number, other in enumerate(scan.found[:index]):
        if _is_same_meter(other, last) and isinstance(last.line, SerialFormat):
            scan.found[number] = replace(other, also=(*other.also, last.line))
            del scan.found[index]
            return None
    return last


def _is_same_meter(one: Found, other: Found) -> bool:
    # Many meters do not look at parity and stop bits.
    if not (isinstance(one.line, SerialFormat) and isinstance(other.line, SerialFormat)):
        return False
    if (one.address, one.line.baudrate) != (other.address, other.line.baudrate):
        return False
    if one.identified is None or other.identified is None:
        return one.garbled and other.garbled
    names = [{each.model.name for each in found.candidates} for found in (one, other)]
    return names[0] == names[1] and one.identified.serial_number == other.identified.serial_number


def _question(model: Model) -> Question:
    register = next(iter(model.registers.values()))
    return Question(register.function, register.address, register.count)
