"""By what a meter says which one it is: its serial number, and the code of its model."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast, get_args

from smartmeter.models.keys import Keys, Place, is_list_of, is_number, is_one_of, is_table, is_text, suggestion
from smartmeter.models.register import COUNTS, FLOATS, Function, Register, ValueType, WordOrder

SERIAL_NUMBER = "serial_number"
CODE = "code"

_KEYS = ("function", "address", "type", "order", "source")
_ADDRESSES = 0x10000
_TYPES = tuple(type_ for type_ in get_args(ValueType) if type_ not in FLOATS)


@dataclass(frozen=True, slots=True)
class Identification:
    """The registers of the serial number and of the model's code, both whole numbers; None if nobody knows of one.

    `codes` are the contents of the code's register that meters of the model have been seen with. Another content, or a
    zero, proves nothing. The registers' `measurand` is "serial_number" and "code".
    """

    serial_number: Register | None = None
    code: Register | None = None
    codes: frozenset[int] = frozenset()

    @property
    def registers(self) -> tuple[Register, ...]:
        """Those of the two that are known."""
        return tuple(register for register in (self.serial_number, self.code) if register is not None)


UNIDENTIFIED = Identification()


def read_identification(
    keys: Keys, document: Mapping[str, Any], base: Identification, sources: Mapping[str, str]
) -> Identification:
    """What the table [identification] of a model's document says; what it does not name is as `base` has it."""
    place: Place = ("identification",)
    table = keys.get(document, (), "identification", is_table, "a table [identification]", {})
    keys.known(table, place, (SERIAL_NUMBER, CODE))
    serial_number = base.serial_number
    if SERIAL_NUMBER in table:
        serial_number = _register(keys, table, SERIAL_NUMBER, _KEYS, sources)
    if CODE not in table:
        return Identification(serial_number, base.code, base.codes)
    if table[CODE] == {}:
        # The code of the model that it is like is not its own.
        return Identification(serial_number)
    code = _register(keys, table, CODE, (*_KEYS, "values"), sources)
    most = (1 << 64) - 1
    values = ()
    if is_table(table[CODE]):
        text = "a list of numbers such as [0x0070]"
        values = keys.get(table[CODE], (*place, CODE), "values", is_list_of(is_number(1, most)), text, ())
        if not values:
            keys.flaw((*place, CODE, "values"), f"must be {text}, none of them 0")
    return Identification(serial_number, code, frozenset(values))


def _register(
    keys: Keys, outer: Mapping[str, Any], name: str, known: tuple[str, ...], sources: Mapping[str, str]
) -> Register | None:
    place: Place = ("identification", name)
    table = keys.get(outer, place[:1], name, is_table, "a table with function, address, type and source", {})
    if not table:
        return None
    before = len(keys.flaws)
    keys.known(table, place, known)
    function = keys.get(table, place, "function", is_number(3, 4), "3 or 4")
    type_ = keys.get(table, place, "type", is_one_of(*_TYPES), f"one of {', '.join(_TYPES)}")
    order = keys.get(table, place, "order", is_one_of("big", "little"), '"big" or "little"', "big")
    source = keys.get(table, place, "source", is_text, "keys of [sources], separated by commas")
    last = _ADDRESSES - COUNTS.get(type_, 1)
    address = keys.get(
        table, place, "address", is_number(0, last), f"the address on the wire, a number from 0 to {last}"
    )
    for key in source.split(", ") if source else ():
        if key not in sources:
            keys.flaw((*place, "source"), f'"{key}" is no key of [sources]; {suggestion(key, sources)}')
    if len(keys.flaws) > before or None in {function, type_, source, address}:
        return None
    return Register(
        name,
        cast("Function", function),
        address,
        source,
        COUNTS[type_],
        cast("ValueType", type_),
        cast("WordOrder", order),
    )
