"""From registers' bytes to values."""

import math
import struct
from decimal import Decimal

from smartmeter.models.register import FLOATS, ONE, SIGNED, Register

REGISTER_BYTES = 2

_FLOAT64 = struct.Struct(">d")
_FLOAT32 = struct.Struct(">f")
# A float32 keeps any 6 significant decimal digits, and 9 always tell it from its neighbours (IEEE 754, section 5.12.2);
# below the smallest normal number it keeps fewer.
_DIGITS = range(6, 10)
_SUBNORMAL_DIGITS = range(1, 10)
_SMALLEST_NORMAL = 2.0**-126


def decode(register: Register, data: bytes) -> float | None:
    """The value that the bytes of a register's content say, in the measurand's unit; None for "no value".

    The scale is multiplied as decimals are: 2301 times 0.1 is 230.1.
    """
    if register.order == "little":
        data = _words_turned(data)
    if register.na and int.from_bytes(data) in register.na:
        return None
    value = _number(register, data)
    if value is None or register.scale == ONE:
        return value
    # The shortest decimal of a float is what is meant: 49.98 and not what a float holds of it.
    return float(Decimal(repr(value) if isinstance(value, float) else value) * register.scale)


def _words_turned(data: bytes) -> bytes:
    return b"".join(
        data[start : start + REGISTER_BYTES] for start in range(len(data) - REGISTER_BYTES, -1, -REGISTER_BYTES)
    )


def _number(register: Register, data: bytes) -> float | None:
    """What is there before it is scaled: of integers an int, so that none of a u64's digits is lost."""
    if register.type not in FLOATS:
        number = int.from_bytes(data, signed=register.type in SIGNED)
        return number if register.scale != ONE else float(number)
    if register.type == "float32":
        return decode_float32(data)
    (exact,) = _FLOAT64.unpack(data)
    return exact if math.isfinite(exact) else None


def decode_float32(data: bytes) -> float | None:
    """The value of an IEEE 754 float32 in 4 bytes, high byte first, as the shortest decimal that is the same float32.

    None for what is no number: NaN and the infinities.
    """
    (exact,) = _FLOAT32.unpack(data)
    if not math.isfinite(exact):
        return None
    for digits in _DIGITS if abs(exact) >= _SMALLEST_NORMAL else _SUBNORMAL_DIGITS:
        shortest = float(f"{exact:.{digits}g}")
        if _FLOAT32.unpack(_FLOAT32.pack(shortest))[0] == exact:
            break
    return shortest
