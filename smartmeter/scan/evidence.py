"""What the registers of a meter say about its model. Pure: what was read is weighed, nothing is read here.

A code that the model is known by decides, if there are voltages where the model has them. Else plausible voltages and a
plausible frequency at the places where the model has them speak for it. A zero proves nothing: many meters answer it
for registers that they do not have. What a meter refuses it does not have, and voltages that are none are not there.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from smartmeter.modbus.line import NetworkLine, SerialFormat
from smartmeter.models import Model, Register
from smartmeter.polling.decode import decode
from smartmeter.polling.probe import HIGHEST_VOLTAGE, LOWEST_VOLTAGE, VOLTAGES

FREQUENCY = "frequency"
# The phases of one supply: EN 50160 allows each 10 % up and down. What differs more is something else than voltages.
LEAST_OF_HIGHEST = 0.75
LOWEST_FREQUENCY, HIGHEST_FREQUENCY = 45.0, 65.0


@dataclass(frozen=True, slots=True)
class Place:
    """Registers that are read by one request."""

    function: int
    address: int
    count: int


class Lack(Enum):
    """Why there is nothing at a place: the meter refuses it, or no good answer came."""

    REFUSED = auto()
    LOST = auto()


Readings = Mapping[Place, bytes | Lack]


@dataclass(frozen=True, slots=True)
class Rank:
    """How much speaks for a model; what comes first counts more.

    `coded`: its code was read. `complete`: all its phases show a voltage. `timed`: it shows a frequency, which hardly
    anything else looks like. `facts`: how many values are plausible, less those that are not. `numbered`: there is a
    serial number where it has one.
    """

    coded: bool
    complete: bool
    timed: bool
    facts: int
    numbered: bool

    @property
    def decided(self) -> bool:
        """Whether code and values agree: by chance a register may hold another model's code, but not voltages too."""
        return self.coded and self.facts > 0

    @property
    def key(self) -> tuple[bool, bool, bool, bool, int, bool]:
        """What ranks are compared by."""
        return self.decided, self.complete, self.coded, self.timed, self.facts, self.numbered


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model that it may be, and what speaks for that, in words."""

    model: Model
    rank: Rank
    evidence: tuple[str, ...]


class _Kind(Enum):
    PLAUSIBLE = auto()
    # Zero, no value, or no answer.
    NOTHING = auto()
    NONSENSE = auto()
    REFUSED = auto()


def place_of(register: Register) -> Place:
    """Where the register is read."""
    return Place(register.function, register.address, register.count)


def voltages_of(model: Model) -> tuple[Register, ...]:
    """Where the model shows the voltages of its phases."""
    return tuple(model.registers[id_] for id_ in VOLTAGES[: model.phases] if id_ in model.registers)


def first_of(model: Model) -> Register:
    """What is looked at first: a voltage, or the first register of a model that shows none."""
    return next(iter(voltages_of(model) or model.registers.values()))


def is_coded(model: Model, readings: Readings) -> bool:
    """Whether the code that was read is one of the model's."""
    register = model.identification.code
    number = None if register is None else _number(register, readings)
    return number is not None and number in model.identification.codes


def judge(model: Model, readings: Readings) -> Candidate | None:
    """What speaks for the model; None if nothing does, or something is against it."""
    coded = is_coded(model, readings)
    kinds = [_voltage_kind(register, readings) for register in voltages_of(model)]
    if _Kind.REFUSED in kinds or _Kind.NONSENSE in kinds or not _are_alike(model, readings):
        return None
    plausible = kinds.count(_Kind.PLAUSIBLE)
    frequency = _frequency_kind(model, readings)
    if not coded and not plausible and not _has_something_else(model, readings):
        return None
    facts = plausible + (frequency is _Kind.PLAUSIBLE) - (frequency in {_Kind.NONSENSE, _Kind.REFUSED})
    number = _serial_number(model, readings)
    complete = bool(kinds) and plausible == len(kinds)
    rank = Rank(coded, complete, frequency is _Kind.PLAUSIBLE, facts, bool(number))
    return Candidate(model, rank, tuple(_evidence(model, readings, coded=coded)))


def most_probable(models: Iterable[Model], readings: Readings) -> tuple[Candidate, ...]:
    """The models for which most speaks: several, in the order of `models`, if what was read is the same for them."""
    candidates = [candidate for model in models if (candidate := judge(model, readings)) is not None]
    best = max((candidate.rank.key for candidate in candidates), default=None)
    return tuple(candidate for candidate in candidates if candidate.rank.key == best)


def choose(
    candidates: Sequence[Candidate], line: SerialFormat | NetworkLine, wanted: Model | None = None
) -> Candidate | None:
    """The one of equally probable models that is written into settings; None if there is none.

    The model that was asked for; else one that leaves the factory with the settings that the line has; else one that
    someone has read a real one of; else the one with the fewest registers, as reading what is not there is no use.
    """
    return min(
        candidates,
        key=lambda each: (
            each.model is not wanted,
            each.model.serial != line,
            not each.model.tested,
            len(each.model.registers),
            each.model.name,
        ),
        default=None,
    )


def serial_number(candidates: Iterable[Candidate], readings: Readings) -> int | None:
    """The serial number, if one of the models says where it is, and there is one."""
    return next((number for each in candidates if (number := _serial_number(each.model, readings))), None)


def _evidence(model: Model, readings: Readings, *, coded: bool) -> Iterable[str]:
    code = model.identification.code
    if coded and code is not None:
        yield f"code 0x{_number(code, readings) or 0:04X} at {code.address}"
    volts = [value for each in voltages_of(model) if (value := _value(each, readings)) is not None]
    if volts:
        yield f"voltage {', '.join(f'{value:.1f} V' for value in volts)} at {voltages_of(model)[0].address}"
    if _frequency_kind(model, readings) is _Kind.PLAUSIBLE:
        register = model.registers[FREQUENCY]
        yield f"{_value(register, readings):.1f} Hz at {register.address}"
    if number := _serial_number(model, readings):
        yield f"serial number {number}"


def _are_alike(model: Model, readings: Readings) -> bool:
    """Whether the voltages that there are can be those of one supply."""
    volts = [value for each in voltages_of(model) if (value := _value(each, readings) or 0.0) >= LOWEST_VOLTAGE]
    return not volts or min(volts) >= LEAST_OF_HIGHEST * max(volts)


def _frequency_kind(model: Model, readings: Readings) -> _Kind:
    register = model.registers.get(FREQUENCY)
    return _Kind.NOTHING if register is None else _kind(register, readings, LOWEST_FREQUENCY, HIGHEST_FREQUENCY)


def _voltage_kind(register: Register, readings: Readings) -> _Kind:
    kind = _kind(register, readings, LOWEST_VOLTAGE, HIGHEST_VOLTAGE)
    # A phase that is not connected picks some volts up.
    is_low = kind is _Kind.NONSENSE and 0 < (_value(register, readings) or 0.0) < LOWEST_VOLTAGE
    return _Kind.NOTHING if is_low else kind


def _kind(register: Register, readings: Readings, lowest: float, highest: float) -> _Kind:
    read = readings.get(place_of(register), Lack.LOST)
    if read is Lack.REFUSED:
        return _Kind.REFUSED
    value = _value(register, readings)
    if not value:
        return _Kind.NOTHING
    return _Kind.PLAUSIBLE if lowest <= value <= highest else _Kind.NONSENSE


def _has_something_else(model: Model, readings: Readings) -> bool:
    """Whether a model that shows no voltage has anything where its first register is."""
    return not voltages_of(model) and bool(_value(first_of(model), readings))


def _value(register: Register, readings: Readings) -> float | None:
    read = readings.get(place_of(register))
    return decode(register, read) if isinstance(read, bytes) else None


def _number(register: Register, readings: Readings) -> int | None:
    value = _value(register, readings)
    return None if value is None else int(value)


def _serial_number(model: Model, readings: Readings) -> int | None:
    register = model.identification.serial_number
    number = None if register is None else _number(register, readings)
    # All ones are no number either.
    return number if number and register and number != (1 << 16 * register.count) - 1 else None
