"""Reads what the file of a model says, and finds every mistake in it.

docs/adding_a_meter.md describes every key.
"""

import difflib
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, cast, get_args

from smartmeter.measurands import find_measurand, measurands
from smartmeter.modbus.line import Parity, SerialFormat
from smartmeter.models.identification import UNIDENTIFIED, read_identification
from smartmeter.models.keys import (
    Fits,
    Flaw,
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
from smartmeter.models.model import Model
from smartmeter.models.parameter import NO_SETUP
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
from smartmeter.models.setup_definition import SETUP_KEYS, read_setup

FindModel = Callable[[str], Model | None]

ADDRESSES = 0x10000
# What an answer can carry: MODBUS application protocol V1.1b3, section 6.4.
MOST_REGISTERS = 125
MOST_BAUDRATE = 4_000_000
LONGEST_TURNAROUND_MS = 10_000
TURNAROUND_MS = 20
# What the largest meters measure that are connected without current transformers.
MAX_CURRENT_A = 100
MOST_CURRENT_A = 100_000

HOW_KEYS = ("function", "type", "order", "scale", "na", "source")
KEYS = (
    *("brand", "name", "description", "phases", "tested", "notes", "like", "without"),
    *HOW_KEYS,
    *("serial", "limits", "identification", *SETUP_KEYS, "sources", "map"),
)
SERIAL_KEYS = ("baudrate", "bytesize", "parity", "stopbits", "baudrates")
LIMIT_KEYS = ("registers_per_request", "undefined_readable", "whole_values", "turnaround_ms", "max_current_a")
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


def read_definition(
    document: Mapping[str, Any], name: str, find_model: FindModel, file: Path | None = None
) -> tuple[Model | None, tuple[Flaw, ...]]:
    """The model that the document of a file called `name` describes, or None and every mistake in it.

    `find_model` knows the models that it may build on with `like`; `file` is where a user's own one lies.
    """
    return _Definition(document, name, find_model, file).read()


class _Definition:
    """One document while it is read."""

    def __init__(self, document: Mapping[str, Any], name: str, find_model: FindModel, file: Path | None) -> None:
        self._document = document
        self._name = name
        self._find_model = find_model
        self._file = file
        self._keys = Keys()

    def read(self) -> tuple[Model | None, tuple[Flaw, ...]]:
        document = self._document
        self._keys.known(document, (), KEYS)
        base = self._base()
        name = self._keys.get(document, (), "name", is_text, f'the name of the file, "{self._name}"', self._name)
        if name != self._name:
            self._keys.flaw(("name",), f'must be as the file is called, "{self._name}", not "{name}"')
        phases = self._keys.get(document, (), "phases", is_number(1, 3), "1, 2 or 3", base and base.phases)
        serial, baudrates = self._serial(base)
        limits = self._table("limits")
        self._keys.known(limits, ("limits",), LIMIT_KEYS)
        most = self._limit(
            limits,
            "registers_per_request",
            is_number(1, MOST_REGISTERS),
            "a number from 1 to 125",
            base,
            MOST_REGISTERS,
        )
        sources = {**(base.sources if base else {}), **self._sources()}
        description = self._description(base)
        registers = self._registers(base, phases, most, sources)
        identification = read_identification(
            self._keys, document, base.identification if base else UNIDENTIFIED, sources
        )
        model = Model(
            name=self._name,
            brand=self._keys.get(document, (), "brand", is_text, "the maker's name", base and base.brand),
            description_en=description["en"],
            description_de=description["de"],
            phases=phases,
            tested=self._keys.get(document, (), "tested", is_bool, "true or false", default=False),
            notes=tuple(self._keys.get(document, (), "notes", is_texts, "a list of texts", base.notes if base else ())),
            serial=serial,
            baudrates=baudrates,
            registers_per_request=most,
            undefined_readable=self._limit(limits, "undefined_readable", is_bool, "true or false", base, default=False),
            whole_values=self._limit(limits, "whole_values", is_bool, "true or false", base, default=True),
            turnaround_s=self._turnaround_s(limits, base),
            max_current_a=float(
                self._limit(
                    limits, "max_current_a", is_number(1, MOST_CURRENT_A), "amperes such as 100", base, MAX_CURRENT_A
                )
            ),
            sources=sources,
            registers=registers,
            file=self._file,
            identification=identification,
            setup=read_setup(
                self._keys, document, base.setup if base else NO_SETUP, registers, identification, sources
            ),
        )
        return (None if self._keys.flaws else model), tuple(self._keys.flaws)

    def _limit(  # noqa: PLR0913, PLR0917 - likewise
        self,
        limits: Mapping[str, Any],
        key: str,
        fits: Fits,
        text: str,
        base: Model | None,
        default: float,
    ) -> Any:  # noqa: ANN401 - whatever the key holds
        return self._keys.get(limits, ("limits",), key, fits, text, getattr(base, key) if base else default)

    def _turnaround_s(self, limits: Mapping[str, Any], base: Model | None) -> float:
        default = TURNAROUND_MS if base is None else 1000 * base.turnaround_s
        fits = is_number(0, LONGEST_TURNAROUND_MS)
        milliseconds = self._keys.get(limits, ("limits",), "turnaround_ms", fits, "milliseconds such as 20", default)
        return float(milliseconds) / 1000

    def _table(self, key: str) -> Mapping[str, Any]:
        table: Mapping[str, Any] = self._keys.get(self._document, (), key, is_table, f"a table [{key}]", {})
        return table

    def _base(self) -> Model | None:
        like = self._keys.get(self._document, (), "like", is_text, "the name of a model", "")
        if not like:
            return None
        base = self._find_model(like)
        if base is None:
            self._keys.may_lack = True
            self._keys.flaw(("like",), f'there is no model "{like}" in the catalogue; `smartmeter models` lists them')
        elif base.sunspec:
            self._keys.flaw(("like",), f"{base.name} describes itself; name it in the settings, without a file")
        return base

    def _description(self, base: Model | None) -> Mapping[str, str]:
        default = {"en": base.description_en, "de": base.description_de} if base else None
        place: Place = ("description",)
        table = self._keys.get(self._document, (), "description", is_table, "a table with en and de", default) or {}
        self._keys.known(table, place, ("en", "de"))
        return {
            language: self._keys.get(table, place, language, is_text, "what the meter is, in one line") if table else ""
            for language in ("en", "de")
        }

    def _serial(self, base: Model | None) -> tuple[SerialFormat, tuple[int, ...]]:
        table, place = self._table("serial"), ("serial",)
        self._keys.known(table, place, SERIAL_KEYS)
        was = base.serial if base else None
        is_rate = is_number(300, MOST_BAUDRATE)
        if not table and was is None:
            if not self._keys.may_lack:
                self._keys.flaw(place, "is missing; it must be a table [serial] with baudrate and parity")
            return SerialFormat(9600), ()
        rate_text = "bits per second, a number such as 9600"
        serial = SerialFormat(
            baudrate=self._keys.get(table, place, "baudrate", is_rate, rate_text, was and was.baudrate) or 9600,
            bytesize=self._keys.get(table, place, "bytesize", is_number(8, 8), "8: Modbus RTU sends whole bytes", 8),
            parity=cast(
                "Parity",
                self._keys.get(
                    table, place, "parity", is_one_of("N", "E", "O"), '"N", "E" or "O"', was.parity if was else None
                ),
            ),
            stopbits=self._keys.get(table, place, "stopbits", is_number(1, 2), "1 or 2", was.stopbits if was else 1),
        )
        default = base.baudrates if base and "baudrate" not in table else (serial.baudrate,)
        rates = self._keys.get(
            table, place, "baudrates", is_list_of(is_rate), "a list of numbers such as [9600, 19200]", default
        )
        if serial.baudrate not in rates:
            self._keys.flaw((*place, "baudrates"), f"must have the factory's {serial.baudrate} among them")
        return serial, tuple(rates)

    def _sources(self) -> Mapping[str, str]:
        table = self._table("sources")
        return {
            key: text
            for key, text in table.items()
            if self._keys.get(table, ("sources",), key, is_text, "what the source is, in words", "")
        }

    def _registers(
        self, base: Model | None, phases: int | None, most: int, sources: Mapping[str, str]
    ) -> Mapping[str, Register]:
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
        for register, place in self._own_registers(sources):
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

    def _own_registers(self, sources: Mapping[str, str]) -> Iterator[tuple[Register, Place]]:
        top = self._how(self._document, (), _How(), sources)
        given = self._document.get("map", [])
        tables = given if isinstance(given, list) else [given]
        for index, table in enumerate(tables):
            place: Place = ("map", index) if isinstance(given, list) else ("map",)
            if not isinstance(table, Mapping):
                self._keys.flaw(place, f"must be a table [map], not {shown(table)}")
                continue
            self._keys.known(table, place, (*HOW_KEYS, "registers"))
            how = self._how(table, place, top, sources)
            entries = self._keys.get(
                table, place, "registers", lambda value: isinstance(value, list), "a list of registers"
            )
            for number, entry in enumerate(entries or ()):
                at = (*place, "registers", number)
                register = self._register(entry, at, how, sources)
                if register is not None:
                    yield register, at

    def _how(self, table: Mapping[str, Any], place: Place, outer: _How, sources: Mapping[str, str]) -> _How:
        source = self._keys.get(
            table, place, "source", is_text, "keys of [sources], separated by commas", outer.source or ""
        )
        for key in source.split(", ") if "source" in table and source else ():
            if key not in sources:
                self._keys.flaw((*place, "source"), f'"{key}" is no key of [sources]; {suggestion(key, sources)}')
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

    def _register(self, entry: object, place: Place, outer: _How, sources: Mapping[str, str]) -> Register | None:
        if not isinstance(entry, Mapping):
            self._keys.flaw(place, f"must be a table with address and measurand, not {shown(entry)}")
            return None
        before = len(self._keys.flaws)
        self._keys.known(entry, place, (*HOW_KEYS, "address", "measurand"))
        how = self._how(entry, place, outer, sources)
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
