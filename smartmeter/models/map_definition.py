"""Reads what the file of a model says of its registers, and finds every mistake in it.

docs/adding_a_meter.md describes every key.
"""

import difflib
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, get_args

from smartmeter.measurands import find_measurand, measurands
from smartmeter.models.keys import (
    Keys,
    Place,
    is_list_of,
    is_number,
    is_one_of,
    is_text,
    is_texts,
    key_text,
    shown,
    suggestion,
)
from smartmeter.models.model import Model
from smartmeter.models.register import (
    COUNTS,
    FLOATS,
    ONE,
    Function,
    Register,
    ValueType,
    WordOrder,
    bits,
    largest,
    smallest,
)

ADDRESSES = 0x10000
HOW_KEYS = ("function", "type", "order", "scale", "na", "source")
_TYPES = get_args(ValueType)
_MARKERS = {"largest": largest, "smallest": smallest}


@dataclass(frozen=True, slots=True)
class _How:
    """How a register is read and what vouches for it, as far as nothing nearer says otherwise."""

    function: Function | None = None
    type: ValueType | None = None
    order: WordOrder = "big"
    scale: Decimal = ONE
    na: tuple[int | str, ...] = ()
    source: str | None = None


def read_map(  # noqa: PLR0913, PLR0917 - a map is described by that much
    keys: Keys,
    document: Mapping[str, Any],
    base: Model | None,
    phases: int | None,
    most: int,
    sources: Mapping[str, str],
) -> Mapping[str, Register]:
    """The registers of a model's document, by measurand; what it does not name is as the model `base` has it.

    `most` is how many registers one request may have.
    """
    return _MapDefinition(keys, document, sources).read(base, phases, most)


class _MapDefinition:
    """One document while it is read."""

    def __init__(self, keys: Keys, document: Mapping[str, Any], sources: Mapping[str, str]) -> None:
        self._keys = keys
        self._document = document
        self._sources = sources

    def read(self, base: Model | None, phases: int | None, most: int) -> Mapping[str, Register]:
        registers = dict(base.registers) if base else {}
        for index, id_ in enumerate(
            self._keys.get(self._document, (), "without", is_texts, "a list of measurands and parameters", ())
        ):
            is_parameter = base is not None and id_ in base.setup.parameters
            if registers.pop(id_, None) is None and not is_parameter and not self._keys.may_lack:
                self._keys.flaw(
                    ("without", index), f'"{id_}" is neither measured nor set by the model that this is like'
                )
        places: dict[str, Place] = {}
        for register, place in self._own_registers():
            if register.measurand in places:
                self._keys.flaw(
                    (*place, "measurand"),
                    f"{register.measurand} is there twice; first at {key_text(places[register.measurand])}",
                )
                continue
            registers[register.measurand], places[register.measurand] = register, place
        for id_, place in places.items():
            self._check_place_in_meter(registers[id_], place, phases, most)
        self._check_inherited([registers[id_] for id_ in registers.keys() - places.keys()], phases, most)
        self._check_overlaps(registers, places)
        if not registers and not self._keys.flaws:
            self._keys.flaw(("map",), "has no registers; list them under [map]")
        return registers

    def _own_registers(self) -> Iterator[tuple[Register, Place]]:
        top = self._how(self._document, (), _How())
        given = self._document.get("map", [])
        tables = given if isinstance(given, list) else [given]
        for index, table in enumerate(tables):
            place: Place = ("map", index) if isinstance(given, list) else ("map",)
            if not isinstance(table, Mapping):
                self._keys.flaw(place, f"must be a table [map], not {shown(table)}")
                continue
            self._keys.known(table, place, (*HOW_KEYS, "registers"))
            how = self._how(table, place, top)
            entries = self._keys.get(
                table, place, "registers", lambda value: isinstance(value, list), "a list of registers"
            )
            for number, entry in enumerate(entries or ()):
                at = (*place, "registers", number)
                register = self._register(entry, at, how)
                if register is not None:
                    yield register, at

    def _how(self, table: Mapping[str, Any], place: Place, outer: _How) -> _How:
        source = self._keys.get(
            table, place, "source", is_text, "keys of [sources], separated by commas", outer.source or ""
        )
        for key in source.split(", ") if "source" in table and source else ():
            if key not in self._sources:
                self._keys.flaw((*place, "source"), f'"{key}" is no key of [sources]; {suggestion(key, self._sources)}')
        scale = self._keys.get(table, place, "scale", _is_scale, "a number other than 0 such as 0.1", outer.scale)
        return _How(
            function=self._keys.get(table, place, "function", is_number(3, 4), "3 or 4", outer.function or 0) or None,
            type=self._keys.get(
                table, place, "type", is_one_of(*_TYPES), f"one of {', '.join(_TYPES)}", outer.type or ""
            )
            or None,
            order=self._keys.get(
                table,
                place,
                "order",
                is_one_of("big", "little"),
                '"big" (the high word first) or "little" (the low word first)',
                outer.order,
            ),
            # A decimal as it is written: 0.1 is a tenth.
            scale=Decimal(str(scale)),
            na=tuple(
                self._keys.get(
                    table, place, "na", is_list_of(_is_marker), 'a list of numbers, "largest" or "smallest"', outer.na
                )
            ),
            source=source or None,
        )

    def _register(self, entry: object, place: Place, outer: _How) -> Register | None:
        if not isinstance(entry, Mapping):
            self._keys.flaw(place, f"must be a table with address and measurand, not {shown(entry)}")
            return None
        before = len(self._keys.flaws)
        self._keys.known(entry, place, (*HOW_KEYS, "address", "measurand"))
        how = self._how(entry, place, outer)
        id_ = self._keys.get(entry, place, "measurand", is_text, "the id of a measurand such as voltage_l1")
        if id_ is not None and id_ not in measurands():
            self._keys.flaw((*place, "measurand"), f'there is no measurand "{id_}"; {_meant(id_)}')
        address = self._keys.get(
            entry,
            place,
            "address",
            is_number(0, ADDRESSES - 1),
            "the address on the wire, a number from 0 to 65535 (30001 and 40001 in papers are 0)",
        )
        for key, value in (("function", how.function), ("type", how.type), ("source", how.source)):
            if value is None and len(self._keys.flaws) == before:
                self._keys.flaw((*place, key), "is missing; give it here, in [map] or at the top of the file")
        if len(self._keys.flaws) > before or how.function is None or how.type is None or how.source is None:
            return None
        count = COUNTS[how.type]
        if address + count > ADDRESSES:
            self._keys.flaw(
                (*place, "address"), f"leaves no room for the {count} registers of a {how.type}; 65535 is the last one"
            )
            return None
        return Register(
            id_, how.function, address, how.source, count, how.type, how.order, how.scale, self._na(how, place)
        )

    def _na(self, how: _How, place: Place) -> frozenset[int]:
        """The markers as contents of a register of this type; for floats, which have NaN, only those in numbers."""
        if how.type is None:
            return frozenset()
        contents = set()
        for marker in how.na:
            if isinstance(marker, str):
                if how.type not in FLOATS:
                    contents.add(_MARKERS[marker](how.type))
            elif marker >> bits(how.type):
                self._keys.flaw((*place, "na"), f"{marker:#X} does not fit in a {how.type}")
            else:
                contents.add(marker)
        return frozenset(contents)

    def _check_place_in_meter(self, register: Register, place: Place, phases: int | None, most: int) -> None:
        if phases == 1 and _is_of_further_phase(register):
            self._keys.flaw((*place, "measurand"), f"{register.measurand} is not there in a meter of one phase")
        if register.count > most:
            self._keys.flaw(
                (*place, "type"),
                f"a {register.type} takes {register.count} registers, and limits.registers_per_request allows {most}",
            )

    def _check_inherited(self, registers: Sequence[Register], phases: int | None, most: int) -> None:
        """What the model has that this one is like, and this one cannot have."""
        further = sorted(register.measurand for register in registers if _is_of_further_phase(register))
        if phases == 1 and further:
            self._keys.flaw(
                ("phases",), f"a meter of one phase does not have {', '.join(further)}; name them in without"
            )
        longest = max((register.count for register in registers), default=0)
        if longest > most:
            self._keys.flaw(("limits", "registers_per_request"), f"must be at least {longest}, as long as one value")

    def _check_overlaps(self, registers: Mapping[str, Register], places: Mapping[str, Place]) -> None:
        in_order = sorted(registers.values(), key=lambda register: (register.function, register.address))
        for one, other in itertools.pairwise(in_order):
            if one.function == other.function and other.address < one.end:
                place = places.get(other.measurand) or places.get(one.measurand, ("map",))
                last = one.end - 1
                self._keys.flaw(
                    (*place, "address"),
                    f"{other.measurand} from {other.address} on overlaps {one.measurand}, "
                    f"which takes {one.address} to {last}",
                )


def _is_of_further_phase(register: Register) -> bool:
    return any(part in ("l2", "l3") for part in register.measurand.split("_"))


def _is_scale(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return False
    return Decimal(str(value)).is_finite() and value != 0


def _is_marker(value: object) -> bool:
    return value in _MARKERS if isinstance(value, str) else is_number(0, (1 << 64) - 1)(value)


def _meant(name: str) -> str:
    german = find_measurand(name)
    match = [german.id] if german else difflib.get_close_matches(name.lower(), measurands(), n=1)
    return f"did you mean {match[0]}?" if match else "smartmeter/measurands.toml lists them"
