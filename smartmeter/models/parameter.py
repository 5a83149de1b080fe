"""Parameters: what can be set at a meter over its line, and what must be done for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType
from typing import Literal

ParameterType = Literal["float32", "u16", "bcd"]
Effect = Literal["at once", "restart", "either"]
Need = Literal["unlock", "set_mode"]

ADDRESS, BAUDRATE, PARITY = "address", "baudrate", "parity"
# Whoever changes these talks to the meter in another way from then on.
OF_THE_LINE = frozenset({ADDRESS, BAUDRATE, PARITY})
DEMAND_PERIOD = "demand_period"

LABELS: Mapping[str, str] = MappingProxyType(
    {
        ADDRESS: "Modbus address",
        BAUDRATE: "speed of the line",
        PARITY: "parity, and stop bits",
        DEMAND_PERIOD: "time over which demands are averaged",
        "slide_time": "how often demands are worked out",
        "system_type": "how the meter is connected",
        "pulse_width": "length of a pulse of output 1",
        "pulse_constant": "energy of a pulse of output 1",
        "pulse_energy": "energy that output 1 counts",
        "max_demand": "maximum demands",
        "resettable_energy": "resettable energies",
    }
)

COUNTS: Mapping[ParameterType, int] = MappingProxyType({"float32": 2, "u16": 1, "bcd": 2})


@dataclass(frozen=True, slots=True)
class Parameter:
    """What can be set, where a model keeps it, and what it may be.

    `address` is the one on the wire (0 to 65535), read by function 3 and written by function 16. A "bcd" shares its two
    registers with others: it is their byte number `byte` (0 is the first), two decimal digits. `values` has what the
    register holds by what the owner writes; without them it is every whole number from `least` to `most`. `default` is
    the factory's, as the owner writes it. `effect` is when a change counts: "at once", after a "restart" of the meter,
    or "either", where papers and practice differ or say nothing.

    `needs`: the password first, or that somebody puts the meter into its set mode. `only_if_identified`: why the meter
    must say by its code that it is this model, as others that look the same mean something else by this register.
    `write_only`: it cannot be read; the measurands `seen_in` show what writing it did. `also_answers_as`: units that
    the answer to the write may carry besides the meter's own. `source`: keys of the model's sources.
    """

    name: str
    address: int
    type: ParameterType
    effect: Effect
    source: str
    values: Mapping[str, Decimal] = field(default_factory=dict)
    least: int = 0
    most: int = 0
    default: str | None = None
    unit: str = ""
    byte: int = 0
    needs: Need | None = None
    only_if_identified: str | None = None
    write_only: bool = False
    seen_in: tuple[str, ...] = ()
    also_answers_as: tuple[int, ...] = ()

    @property
    def count(self) -> int:
        """How many registers are written at once."""
        return COUNTS[self.type]

    @property
    def allowed(self) -> str:
        """What the owner may write, in words."""
        return ", ".join(self.values) or f"{self.least} to {self.most}"


@dataclass(frozen=True, slots=True)
class Unlock:
    """How protected registers are opened: a password, a float32, is written to register `password`.

    Register `state` then reads as something else than 0. `passwords` are those that meters leave the factory with.
    """

    password: int
    state: int
    passwords: tuple[int, ...]
    source: str


@dataclass(frozen=True, slots=True)
class SetMode:
    """`how` somebody at the meter lets it be set."""

    how: str
    source: str


@dataclass(frozen=True, slots=True)
class Setup:
    """All that can be set at a model, by name, and what must be done for it."""

    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    unlock: Unlock | None = None
    set_mode: SetMode | None = None

    @property
    def sources(self) -> frozenset[str]:
        """The keys of the model's sources that vouch for it."""
        vouched = (*self.parameters.values(), self.unlock, self.set_mode)
        return frozenset(key for each in vouched if each is not None for key in each.source.split(", "))


NO_SETUP = Setup()
