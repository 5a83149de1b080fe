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
    RefusedError,
    answer_to,
    exception,
)
from smartmeter.simulator.contents import content_of, shown_by
from smartmeter.simulator.electricity import electrical_values
from smartmeter.simulator.faults import NO_FAULTS, Faults, Quirks, striking_faults

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
        if self._identity.keys().isdisjoint((function, address) for address in range(start, start + count)):
            return content
        words = (content[at : at + REGISTER_BYTES] for at in range(0, len(content), REGISTER_BYTES))
        return b"".join(self._identity.get((function, start + index), word) for index, word in enumerate(words))

    def _defined(self, function: int) -> set[int]:
        absent = self.quirks.absent
        return {
            address
            for register in (*self.model.registers.values(), *self.model.identification.registers)
            if register.function == function and register.measurand not in absent
            for address in range(register.address, register.end)
        }

    def _cuts_a_value(self, function: int, start: int, count: int) -> bool:
        """Whether a request begins or ends within a value, and the model refuses that.

        Where every value has two registers from an even address on, as in all Eastrons, so do the undefined ones.
        """
        if not self.model.whole_values:
            return False
        identity = self.model.identification.registers
        if any((each.function, each.address, each.count) == (function, start, count) for each in identity):
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

    def _contents_at(self, time_s: float) -> dict[str, bytes]:
        """The contents of the registers at a time, by measurand; zeros for what the quirks call absent."""
        step_s = max(0, _step(time_s)) / STEPS_PER_SECOND
        house = {**electrical_values(self.seed, self.model.phases, step_s), **self.values}
        absent = self.quirks.absent
        return {
            name: bytes(REGISTER_BYTES * register.count) if name in absent else content_of(register, house[name])
            for name, register in self.model.registers.items()
        }


def _identity(model: Model, serial_number: int) -> Iterator[tuple[tuple[int, int], bytes]]:
    """What the registers of serial number and code hold, word by word, by function and address."""
    codes = model.identification.codes
    contents = {"serial_number": serial_number, "code": min(codes, default=0)}
    for register in model.identification.registers:
        content = content_of(register, contents[register.measurand])
        for index in range(register.count):
            word = content[REGISTER_BYTES * index : REGISTER_BYTES * (index + 1)]
            yield (register.function, register.address + index), word


def _step(time_s: float) -> int:
    return floor(time_s * STEPS_PER_SECOND)
