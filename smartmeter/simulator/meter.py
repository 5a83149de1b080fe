"""A virtual meter: a model of the catalogue at an address, and what its registers hold."""

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from math import floor
from typing import NamedTuple

from smartmeter.modbus.line import SerialFormat
from smartmeter.models import Model
from smartmeter.simulator.answers import (
    ILLEGAL_DATA_ADDRESS,
    ILLEGAL_DATA_VALUE,
    ILLEGAL_FUNCTION,
    READ_HOLDING_REGISTERS,
    WRITE_REGISTERS,
    RefusedError,
    answer_to,
    exception,
)
from smartmeter.simulator.contents import content_of, shown_by
from smartmeter.simulator.electricity import electrical_values
from smartmeter.simulator.faults import NO_FAULTS, Faults, Quirks, striking_faults
from smartmeter.simulator.holding import Holding
from smartmeter.simulator.resets import Resets

# The registers are brought up to date that often: reads within one step agree with one another.
STEPS_PER_SECOND = 5
FIRST_SERIAL_NUMBER = 19_000_000
INSTALLED_S = datetime(2025, 1, 1, tzinfo=UTC).timestamp()

REGISTER_BYTES = 2
# What an answer can carry: MODBUS application protocol V1.1b3, section 6.4.
MOST_REGISTERS = 125
END_OF_ADDRESSES = 0x10000


def seconds_since_installation() -> Callable[[], float]:
    """A clock that starts with the wall clock and then never goes back, whatever the wall clock does."""
    offset_s = time.time() - INSTALLED_S - time.monotonic()
    return lambda: offset_s + time.monotonic()


class _Image(NamedTuple):
    """Register contents by function, and what they follow from."""

    step: int | None
    values: Mapping[str, float]
    quirks: Quirks
    registers: dict[int, bytes]


class VirtualMeter:
    """A model of the catalogue at an address.

    Its values are those of a made-up house, a pure function of `seed` and of `clock()`, the seconds since the meter was
    installed. `values` (by measurand) are shown in place of the house's. `format` is how its own serial interface is
    set (None: as the model leaves the factory); it matters on a line that is set to nothing itself. `serial_number`
    (None: one made of `seed`) and the model's code are where the model says. `quirks`, `faults`, `values` and `format`
    may be replaced at any time, from any thread.
    """

    def __init__(  # noqa: PLR0913  # a meter is described by that much
        self,
        model: Model,
        address: int = 1,
        *,
        seed: int = 1,
        values: Mapping[str, float] | None = None,
        quirks: Quirks | None = None,
        faults: Faults = NO_FAULTS,
        clock: Callable[[], float] | None = None,
        format: SerialFormat | None = None,  # noqa: A002  # the word that the settings have for it
        serial_number: int | None = None,
    ) -> None:
        self.model = model
        self.address = address
        self.seed = seed
        self.values = values or {}
        self.quirks = quirks or Quirks()
        self.faults = faults
        self.clock = clock or seconds_since_installation()
        self.format = format or model.serial
        self.serial_number = FIRST_SERIAL_NUMBER + seed if serial_number is None else serial_number
        self._identity = dict(_identity(model, self.serial_number))
        self.holding = Holding(model, address, self.format)
        self._resets = Resets()
        self.striking = striking_faults()
        registers = model.registers.values()
        self._in_pairs = all(register.count == 2 and register.address % 2 == 0 for register in registers)  # noqa: PLR2004 - a pair
        self._image = _Image(None, self.values, self.quirks, {})
        # The first values of a house take some 50 ms: none of them on the line.
        self.values_at(0)

    def __repr__(self) -> str:
        return f"VirtualMeter({self.model.name}, address {self.address})"

    @property
    def values(self) -> Mapping[str, float]:
        """What is shown in place of the house's values, by measurand."""
        return self._values

    @values.setter
    def values(self, values: Mapping[str, float]) -> None:
        unknown = values.keys() - self.model.registers.keys()
        if unknown:
            raise ValueError(f"{self.model.name} has no {', '.join(sorted(unknown))}")
        self._values = values

    def values_at(self, time_s: float) -> dict[str, float]:
        """What the registers hold at a time, by measurand: what is left of the house's values in their types."""
        registers = self.model.registers
        return {name: shown_by(registers[name], content) for name, content in self._contents_at(time_s).items()}

    def answer(self, pdu: bytes, faults: Faults) -> bytes | None:
        """The answer to a request's protocol data unit, now; None if there is none."""
        answer = answer_to(pdu, self)
        if answer is not None and faults.exception is not None:
            return exception(pdu[0], faults.exception)
        return answer

    def answers_as(self, unit: int, pdu: bytes) -> int:
        """The address in the answer to a request to `unit`: another one where the model's file knows of that."""
        written = int.from_bytes(pdu[1:3], "big") if pdu[0] == WRITE_REGISTERS else None
        also = [each.also_answers_as for each in self.model.setup.parameters.values() if each.address == written]
        return also[0][0] if also and also[0] else unit

    def restart(self) -> None:
        """Its supply goes and comes: what was set of the line counts from now on."""
        if self.model.setup.parameters:
            self.address, self.format = self.holding.line()

    def write(self, start: int, data: bytes) -> None:
        """Takes what is written into holding registers.

        Raises RefusedError for what the model or the quirks do not allow.
        """
        if not self.model.setup.parameters:
            raise RefusedError(ILLEGAL_FUNCTION)
        for name in self.holding.write(start, data):
            parameter = self.model.setup.parameters[name]
            if parameter.write_only:
                self._resets.note(parameter.seen_in, self._house_at(self.clock()))
                self._image = _Image(None, self.values, self.quirks, {})
            elif self.holding.quirks.effect == "at once":
                self.restart()

    def read(self, function: int, start: int, count: int) -> bytes:
        """The contents of registers, now, 2 bytes each, big-endian.

        Raises RefusedError for what the model or the quirks do not allow.
        """
        quirks = self.quirks
        if not 1 <= count <= MOST_REGISTERS:
            raise RefusedError(ILLEGAL_DATA_VALUE)
        if start + count > END_OF_ADDRESSES or self._cuts_a_value(function, start, count):
            raise RefusedError(ILLEGAL_DATA_ADDRESS)
        if count > (quirks.max_registers or self.model.registers_per_request):
            raise RefusedError(quirks.refusal)
        if quirks.refuse_undefined or not self.model.undefined_readable:
            defined = self._defined(function)
            if not defined.issuperset(range(start, start + count)):
                raise RefusedError(ILLEGAL_DATA_ADDRESS)
        part = self._registers(function)[REGISTER_BYTES * start : REGISTER_BYTES * (start + count)]
        content = part.ljust(REGISTER_BYTES * count, b"\0")
        single = self._single_words(function, range(start, start + count))
        if not single:
            return content
        words = (content[at : at + REGISTER_BYTES] for at in range(0, len(content), REGISTER_BYTES))
        return b"".join(single.get(start + index, word) for index, word in enumerate(words))

    def _single_words(self, function: int, span: range) -> dict[int, bytes]:
        """What stands in a span of registers besides measurands, by address."""
        absent = self.quirks.absent
        found = ((address, self._identity.get((function, address))) for address in span)
        words = {address: one.word for address, one in found if one is not None and one.is_seen(span, absent)}
        return words | self.holding.read(span) if function == READ_HOLDING_REGISTERS else words

    def _defined(self, function: int) -> set[int]:
        absent = self.quirks.absent
        return {
            address
            for register in (*self.model.registers.values(), *self.model.identification.registers)
            if register.function == function and register.measurand not in absent
            for address in range(register.address, register.end)
        } | (self.holding.addresses if function == READ_HOLDING_REGISTERS else frozenset())

    def _cuts_a_value(self, function: int, start: int, count: int) -> bool:
        """Whether a request begins or ends within a value, and the model refuses that.

        Where every value has two registers from an even address on, as in all Eastrons, so do the undefined ones.
        """
        if not self.model.whole_values:
            return False
        identity = self.model.identification.registers
        if any((each.function, each.address, each.count) == (function, start, count) for each in identity):
            return False
        if function == READ_HOLDING_REGISTERS and self.holding.is_whole(start, count):
            return False
        if self._in_pairs:
            return bool(start % 2 or count % 2)
        ends = (start, start + count)
        return any(
            register.address < end < register.end
            for register in self.model.registers.values()
            if register.function == function
            for end in ends
        )

    def _registers(self, function: int) -> bytes:
        """All registers of a function from address 0 to the last that is defined."""
        time_s = self.clock()
        step, values, quirks, image = _step(time_s), self.values, self.quirks, self._image
        if step != image.step or values is not image.values or quirks is not image.quirks:
            image = _Image(step, values, quirks, self._registers_at(time_s))
            self._image = image
        return image.registers.get(function, b"")

    def _registers_at(self, time_s: float) -> dict[int, bytes]:
        image: dict[int, bytearray] = {}
        for measurand, content in self._contents_at(time_s).items():
            register = self.model.registers[measurand]
            of_function = image.setdefault(register.function, bytearray())
            start, end = REGISTER_BYTES * register.address, REGISTER_BYTES * register.end
            of_function.extend(bytes(max(0, end - len(of_function))))
            of_function[start:end] = content
        return {function: bytes(contents) for function, contents in image.items()}

    def _house_at(self, time_s: float) -> dict[str, float]:
        """The values of the house at a time, by measurand, whatever was reset."""
        step_s = max(0, _step(time_s)) / STEPS_PER_SECOND
        return {**electrical_values(self.seed, self.model.phases, step_s), **self.values}

    def _contents_at(self, time_s: float) -> dict[str, bytes]:
        """The contents of the registers at a time, by measurand; zeros for what the quirks call absent."""
        house = self._resets.applied(self._house_at(time_s))
        absent = self.quirks.absent
        return {
            name: bytes(REGISTER_BYTES * register.count) if name in absent else content_of(register, house[name])
            for name, register in self.model.registers.items()
        }


class _Word(NamedTuple):
    """A word of serial number or code, whichever `name` says.

    `alone`: it lies within a value, and is seen only by who asks for exactly these registers.
    """

    name: str
    word: bytes
    alone: range | None

    def is_seen(self, span: range, absent: frozenset[str]) -> bool:
        """Whether a request for these registers sees it."""
        return self.name not in absent and self.alone in {None, span}


def _identity(model: Model, serial_number: int) -> Iterator[tuple[tuple[int, int], _Word]]:
    """What the registers of serial number and code hold, word by word, by function and address."""
    codes = model.identification.codes
    contents = {"serial_number": serial_number, "code": min(codes, default=0)}
    values = {
        (register.function, address)
        for register in model.registers.values()
        for address in range(register.address, register.end)
    }
    for register in model.identification.registers:
        content = content_of(register, contents[register.measurand])
        own = range(register.address, register.end)
        alone = None if values.isdisjoint((register.function, address) for address in own) else own
        for index in range(register.count):
            word = content[REGISTER_BYTES * index : REGISTER_BYTES * (index + 1)]
            yield (register.function, register.address + index), _Word(register.measurand, word, alone)


def _step(time_s: float) -> int:
    return floor(time_s * STEPS_PER_SECOND)
