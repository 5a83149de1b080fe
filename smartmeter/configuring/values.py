"""Between what an owner writes for a parameter and what its registers hold."""

import struct
from decimal import Decimal, InvalidOperation

from smartmeter.configuring.errors import SetError
from smartmeter.models.parameter import Parameter

_FLOAT32 = struct.Struct(">f")
_WORD = struct.Struct(">H")


def parse_value(parameter: Parameter, text: str) -> int:
    """The number that stands for the text.

    Raises SetError if it is not among those that the parameter may have.
    """
    number = _number(text)
    for name, held in parameter.values.items():
        if name.lower() == text.lower() or (number is not None and number == _number(name)):
            return int(held)
    if not parameter.values and number is not None and number == number // 1:
        value = int(number)
        if parameter.least <= value <= parameter.most:
            return value
    unit = f" {parameter.unit}" if parameter.unit else ""
    raise SetError(f"{parameter.name} cannot be {text!r}; it can be {parameter.allowed}{unit}")


def content_with(parameter: Parameter, value: int, present: bytes) -> bytes:
    """What the registers hold with this value; `present` is what they hold now, of which other parts stay."""
    if parameter.type == "float32":
        return _FLOAT32.pack(value)
    if parameter.type == "u16":
        return _WORD.pack(value)
    content = bytearray(present)
    content[parameter.byte] = value // 10 << 4 | value % 10
    return bytes(content)


def value_in(parameter: Parameter, content: bytes) -> float:
    """The number that the registers' bytes hold: NaN for what is none."""
    if parameter.type == "float32":
        return float(_FLOAT32.unpack(content)[0])
    if parameter.type == "u16":
        return float(_WORD.unpack(content)[0])
    high, low = divmod(content[parameter.byte], 16)
    return 10.0 * high + low if max(high, low) <= 9 else float("nan")  # noqa: PLR2004 - decimal digits


def shown(parameter: Parameter, content: bytes) -> str:
    """What the registers hold, as the owner writes it, with the unit."""
    value = value_in(parameter, content)
    if parameter.values:
        name = next((name for name, held in parameter.values.items() if held == value), None)
        if name is None:
            return f"{value:g}, which is in no list"
        return f"{name} {parameter.unit}".rstrip()
    return f"{value:g} {parameter.unit}".rstrip()


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
