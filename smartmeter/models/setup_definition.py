"""Reads what the file of a model says of its parameters, and finds every mistake in it.

docs/adding_a_meter.md describes every key.
"""

import itertools
from collections.abc import Container, Iterator, Mapping
from decimal import Decimal
from typing import Any, cast, get_args

from smartmeter.models.identification import Identification
from smartmeter.models.keys import (
    Keys,
    Place,
    is_bool,
    is_list_of,
    is_number,
    is_one_of,
    is_table,
    is_text,
    is_texts,
    key_text,
    shown,
    suggestion,
)
from smartmeter.models.parameter import (
    ADDRESS,
    BAUDRATE,
    COUNTS,
    LABELS,
    PARITY,
    Effect,
    Need,
    Parameter,
    ParameterType,
    SetMode,
    Setup,
    Unlock,
)

SETUP_KEYS = ("parameters", "unlock", "set_mode")
SHARED_KEYS = ("type", "effect", "needs", "source")
PARAMETER_KEYS = (
    *("address", "parameter", *SHARED_KEYS, "values", "from", "to", "default", "unit", "byte"),
    *("only_if_identified", "write_only", "seen_in", "also_answers_as"),
)
UNLOCK_KEYS = ("password", "state", "passwords", "source")
SET_MODE_KEYS = ("how", "source")

LAST_ADDRESS = 0xFFFF
# "MODBUS over serial line" V1.02, section 2.2.
LEAST_UNIT, MOST_UNIT = 1, 247
MOST_PASSWORD = 9999
LEAST_BAUDRATE, MOST_BAUDRATE = 300, 4_000_000
# With one stop bit, which papers write as 1 or leave out, and with two.
PARITIES = ("N", "E", "O", "N2", "E2", "O2")
# What two decimal digits and one register hold; whole numbers up to 2^24 are exact in a float32.
MOST_VALUES: Mapping[ParameterType, int] = {"bcd": 99, "u16": 0xFFFF, "float32": 1 << 24}
BCD_BYTES = 4

_TYPES = get_args(ParameterType)
_EFFECTS = get_args(Effect)
_NEEDS = get_args(Need)


def read_setup(  # noqa: PLR0913, PLR0917 - a setup is described by that much
    keys: Keys,
    document: Mapping[str, Any],
    base: Setup,
    measurands: Container[str],
    identification: Identification,
    sources: Mapping[str, str],
) -> Setup:
    """What the tables [parameters], [unlock] and [set_mode] of a model's document say.

    What they do not name is as `base` has it, without what the document's `without` names. `measurands` are those that
    the model measures.
    """
    return _SetupDefinition(keys, document, sources).read(base, measurands, identification)


class _SetupDefinition:
    """One document while it is read."""

    def __init__(self, keys: Keys, document: Mapping[str, Any], sources: Mapping[str, str]) -> None:
        self._keys = keys
        self._document = document
        self._sources = sources

    def read(self, base: Setup, measurands: Container[str], identification: Identification) -> Setup:
        unlock = self._unlock() if "unlock" in self._document else base.unlock
        set_mode = self._set_mode() if "set_mode" in self._document else base.set_mode
        without = self._document.get("without", ())
        parameters = {name: each for name, each in base.parameters.items() if name not in without}
        places: dict[str, Place] = {}
        for parameter, place in self._own_parameters():
            if parameter.name in places:
                first = key_text(places[parameter.name])
                self._keys.flaw((*place, "parameter"), f"{parameter.name} is there twice; first at {first}")
                continue
            parameters[parameter.name], places[parameter.name] = parameter, place
        for name, place in places.items():
            parameter = parameters[name]
            self._check_needs(parameter, place, unlock, set_mode)
            if parameter.only_if_identified and identification.code is None:
                text = "needs a code in [identification], by which the meter says that it is this model"
                self._keys.flaw((*place, "only_if_identified"), text)
            for measurand in parameter.seen_in:
                if measurand not in measurands:
                    self._keys.flaw((*place, "seen_in"), f'"{measurand}" is not measured by this model')
        self._check_overlaps(parameters, places)
        return Setup(parameters, unlock, set_mode)

    def _own_parameters(self) -> Iterator[tuple[Parameter, Place]]:
        place: Place = ("parameters",)
        table = self._keys.get(self._document, (), "parameters", is_table, "a table [parameters]", {})
        if not table:
            return
        self._keys.known(table, place, (*SHARED_KEYS, "registers"))
        entries = self._keys.get(
            table, place, "registers", lambda value: isinstance(value, list), "a list of parameters"
        )
        for number, entry in enumerate(entries or ()):
            at = (*place, "registers", number)
            if not isinstance(entry, Mapping):
                self._keys.flaw(at, f"must be a table with address and parameter, not {shown(entry)}")
                continue
            self._keys.known(entry, at, PARAMETER_KEYS)
            shared = {key: table[key] for key in SHARED_KEYS if key in table}
            parameter = self._parameter({**shared, **entry}, at)
            if parameter is not None:
                yield parameter, at

    def _parameter(self, entry: Mapping[str, Any], place: Place) -> Parameter | None:
        get, before = self._keys.get, len(self._keys.flaws)
        name = get(entry, place, "parameter", is_text, "the name of a parameter such as baudrate")
        if name is not None and name not in LABELS:
            self._keys.flaw((*place, "parameter"), f'there is no parameter "{name}"; {suggestion(name, LABELS)}')
        type_ = get(entry, place, "type", is_one_of(*_TYPES), f"one of {', '.join(_TYPES)}")
        effect = get(entry, place, "effect", is_one_of(*_EFFECTS), f"one of {', '.join(_EFFECTS)}")
        last = LAST_ADDRESS + 1 - COUNTS.get(type_, 1)
        address = get(
            entry, place, "address", is_number(0, last), f"the address on the wire, a number from 0 to {last}"
        )
        needs = get(entry, place, "needs", is_one_of(*_NEEDS), f"one of {', '.join(_NEEDS)}", "")
        units = get(entry, place, "also_answers_as", is_list_of(is_number(0, MOST_UNIT)), "a list of units", ())
        byte = get(entry, place, "byte", is_number(0, BCD_BYTES - 1), "which of the four bytes it is, 0 to 3", 0)
        source = self._source(entry, place)
        if len(self._keys.flaws) > before:
            return None
        values, least, most = self._allowed(entry, place, name, type_)
        parameter = Parameter(
            name=name,
            address=address,
            type=cast("ParameterType", type_),
            effect=cast("Effect", effect),
            source=source,
            values=values,
            least=least,
            most=most,
            default=self._default(entry, place, values, range(least, most + 1)),
            unit=get(entry, place, "unit", is_text, "a unit", ""),
            byte=byte,
            needs=cast("Need", needs) or None,
            only_if_identified=get(entry, place, "only_if_identified", is_text, "the reason, in words", "") or None,
            write_only=get(entry, place, "write_only", is_bool, "true or false", default=False),
            seen_in=tuple(get(entry, place, "seen_in", is_texts, "a list of measurands", ())),
            also_answers_as=tuple(units),
        )
        if "byte" in entry and parameter.type != "bcd":
            self._keys.flaw((*place, "byte"), "is for bcd alone; take it out")
        if parameter.write_only and not parameter.seen_in:
            self._keys.flaw((*place, "seen_in"), "is missing; name the measurands that show what writing it did")
        return parameter if len(self._keys.flaws) == before else None

    def _allowed(
        self, entry: Mapping[str, Any], place: Place, name: str, type_: ParameterType
    ) -> tuple[Mapping[str, Decimal], int, int]:
        """What the register may hold by what the owner writes, or the least and the most."""
        largest = MOST_VALUES[type_]
        if ("values" in entry) == ("from" in entry or "to" in entry):
            self._keys.flaw((*place, "values"), "must be there, or from and to; one of the two")
            return {}, 0, 0
        if "values" not in entry:
            low, high = (LEAST_UNIT, MOST_UNIT) if name == ADDRESS else (0, largest)
            text = f"a whole number from {low} to {high}"
            least = self._keys.get(entry, place, "from", is_number(low, high), text)
            most = self._keys.get(entry, place, "to", is_number(least or low, high), text)
            return {}, least or 0, most or 0
        given = entry["values"]
        if isinstance(given, list):
            given = {str(value): value for value in given}
        at = (*place, "values")
        text = f"a list of numbers, or a table of names and numbers, from 0 to {largest}"
        if not isinstance(given, Mapping) or not given:
            self._keys.flaw(at, f"must be {text}, not {shown(given)}")
            return {}, 0, 0
        for key, value in given.items():
            if not is_number(0, largest)(value):
                self._keys.flaw((*at, key), f"must be a whole number from 0 to {largest}, not {shown(value)}")
            if name == BAUDRATE and not (key.isdecimal() and LEAST_BAUDRATE <= int(key) <= MOST_BAUDRATE):
                self._keys.flaw((*at, key), "is no speed; write bits per second such as 9600")
            if name == PARITY and key not in PARITIES:
                self._keys.flaw((*at, key), f"is no parity; {suggestion(key, PARITIES)}")
        return {key: Decimal(value) for key, value in given.items() if is_number(0, largest)(value)}, 0, 0

    def _default(
        self, entry: Mapping[str, Any], place: Place, values: Mapping[str, Decimal], numbers: range
    ) -> str | None:
        default = entry.get("default")
        if default is None:
            return None
        if str(default) not in values and (values or default not in numbers):
            self._keys.flaw((*place, "default"), f"{shown(default)} is none of the values that it may have")
        return str(default)

    def _unlock(self) -> Unlock | None:
        place: Place = ("unlock",)
        table = self._keys.get(self._document, (), "unlock", is_table, "a table [unlock]", {})
        before = len(self._keys.flaws)
        self._keys.known(table, place, UNLOCK_KEYS)
        is_address, is_password = is_number(0, LAST_ADDRESS - 1), is_number(0, MOST_PASSWORD)
        text = f"an address on the wire, a number from 0 to {LAST_ADDRESS - 1}"
        password = self._keys.get(table, place, "password", is_address, text)
        state = self._keys.get(table, place, "state", is_address, text)
        numbers = "a list of numbers such as [1000, 0]"
        passwords = self._keys.get(table, place, "passwords", is_list_of(is_password), numbers)
        source = self._source(table, place)
        return None if len(self._keys.flaws) > before else Unlock(password, state, tuple(passwords), source)

    def _set_mode(self) -> SetMode | None:
        place: Place = ("set_mode",)
        table = self._keys.get(self._document, (), "set_mode", is_table, "a table [set_mode]", {})
        before = len(self._keys.flaws)
        self._keys.known(table, place, SET_MODE_KEYS)
        how = self._keys.get(table, place, "how", is_text, "what somebody must do at the meter, in words")
        source = self._source(table, place)
        return None if len(self._keys.flaws) > before else SetMode(how, source)

    def _source(self, table: Mapping[str, Any], place: Place) -> str:
        source: str = self._keys.get(table, place, "source", is_text, "keys of [sources], separated by commas") or ""
        for key in source.split(", ") if source else ():
            if key not in self._sources:
                self._keys.flaw((*place, "source"), f'"{key}" is no key of [sources]; {suggestion(key, self._sources)}')
        return source

    def _check_needs(self, parameter: Parameter, place: Place, unlock: Unlock | None, set_mode: SetMode | None) -> None:
        known = {"unlock": unlock, "set_mode": set_mode}
        if parameter.needs is not None and known[parameter.needs] is None:
            text = f'"{parameter.needs}" needs a table [{parameter.needs}], which says how that is done'
            self._keys.flaw((*place, "needs"), text)

    def _check_overlaps(self, parameters: Mapping[str, Parameter], places: Mapping[str, Place]) -> None:
        in_order = sorted(parameters.values(), key=lambda parameter: parameter.address)
        for one, other in itertools.pairwise(in_order):
            if other.address >= one.address + one.count or _shares_its_registers(one, other):
                continue
            place = places.get(other.name) or places.get(one.name, ("parameters",))
            last = one.address + one.count - 1
            self._keys.flaw(
                (*place, "address"),
                f"{other.name} from {other.address} on overlaps {one.name}, which takes {one.address} to {last}",
            )


def _shares_its_registers(one: Parameter, other: Parameter) -> bool:
    """Whether two may stand at one address: each has a byte of its own there, or both are commands."""
    if one.address != other.address or one.type != other.type:
        return False
    return (one.type == "bcd" and one.byte != other.byte) or (one.write_only and other.write_only)
