"""From registers' bytes to values.

With a thousand meters a second these are tens of thousands of values a second: the usual ones take the shortest way.
"""

import math
import struct
from decimal import Decimal

from smartmeter.models.register import FLOATS, ONE, SIGNED, Register

REGISTER_BYTES = 2

# What a scale factor can be.
_EXPONENTS = range(-10, 11)
_FLOAT64 = struct.Struct(">d")
_FLOAT32 = struct.Struct(">f")
# A float32 keeps any 6 significant decimal digits, and 9 always tell it from its neighbours (IEEE 754, section 5.12.2);
# below the smallest normal number it keeps fewer.
_DIGITS = range(6, 10)
_SUBNORMAL_DIGITS = range(1, 10)
_SMALLEST_NORMAL = 2.0**-126

# From here up to but not including there a float32 (24 bits) times 10**12 at most (28 bits without its twos) is exact
# in a double, and so are the quotients below. No decimal of 9 digits lies halfway between two float32s there.
_USUAL_FROM, _USUAL_BELOW = 1e-4, 1e6
# By the binary exponent of `math.frexp`: half the distance to the next float32; and the powers of ten that leave 6 to 9
# digits, for numbers below and from the power of ten that lies between.
_HALF_STEP = {exponent: 2.0 ** (exponent - 25) for exponent in range(-14, 21)}
_TENS = {exponent: 10.0 ** math.floor(math.log10(2.0**exponent)) for exponent in _HALF_STEP}


def _scales(magnitude: int) -> tuple[float, ...]:
    return tuple(10.0 ** (digits - 1 - magnitude) for digits in _DIGITS)


_SCALES_BELOW = {exponent: _scales(round(math.log10(ten)) - 1) for exponent, ten in _TENS.items()}
_SCALES_FROM = {exponent: _scales(round(math.log10(ten))) for exponent, ten in _TENS.items()}


def decode(register: Register, data: bytes) -> float | None:
    """The value that the bytes of a register's content say, in the measurand's unit; None for "no value".

    The scale is multiplied as decimals are: 2301 times 0.1 is 230.1. A register with a scale factor in another one has
    no value by itself: `decode_scaled` wants both.
    """
    return None if register.scale_at is not None else _decode(register, data, 0)


def decode_scaled(register: Register, data: bytes, scale_factor: bytes) -> float | None:
    """The same for a register whose scale factor, in the register at `scale_at`, has this content.

    None also if that is not from -10 to 10, or the marker 8000h that there is none (SunSpec Device Information Model
    Specification 1.1, sunssf).
    """
    exponent = int.from_bytes(scale_factor, signed=True)
    return _decode(register, data, exponent) if exponent in _EXPONENTS else None


def _decode(register: Register, data: bytes, exponent: int) -> float | None:
    if register.order == "little":
        data = _words_turned(data)
    if register.na and int.from_bytes(data) in register.na:
        return None
    value = _number(register, data)
    if value is None:
        return None
    if register.scale == ONE and not exponent:
        return float(value)
    # The shortest decimal of a float is what is meant: 49.98 and not what a float holds of it.
    decimal = Decimal(repr(value) if isinstance(value, float) else value)
    # Nothing is no less than nothing, whichever way its sign is turned.
    return float((decimal * register.scale).scaleb(exponent)) or 0.0


def _words_turned(data: bytes) -> bytes:
    return b"".join(
        data[start : start + REGISTER_BYTES] for start in range(len(data) - REGISTER_BYTES, -1, -REGISTER_BYTES)
    )


def _number(register: Register, data: bytes) -> float | None:
    """What is there before it is scaled: of integers an int, so that none of a u64's digits is lost."""
    if register.type not in FLOATS:
        return int.from_bytes(data, signed=register.type in SIGNED)
    if register.type == "float32":
        return decode_float32(data)
    (exact,) = _FLOAT64.unpack(data)
    return exact if math.isfinite(exact) else None


def decode_float32(data: bytes) -> float | None:
    """The value of an IEEE 754 float32 in 4 bytes, high byte first, as the shortest decimal that is the same float32.

    None for what is no number: NaN and the infinities.
    """
    return shortest_float32(_FLOAT32.unpack(data)[0])


def shortest_float32(exact: float) -> float | None:
    """The shortest decimal that is the same float32 as `exact`, which is one; None if that is no number."""
    size = -exact if exact < 0.0 else exact
    if not _USUAL_FROM <= size < _USUAL_BELOW:
        return exact if exact == 0.0 else _any_shortest(exact)
    fraction, exponent = math.frexp(size)
    if fraction == 0.5:  # noqa: PLR2004 - a power of two: the next smaller float32 is nearer than the next larger
        return _any_shortest(exact)
    half_step = _HALF_STEP[exponent]
    for scale in (_SCALES_FROM if size >= _TENS[exponent] else _SCALES_BELOW)[exponent]:
        shortest = round(exact * scale) / scale
        if -half_step < shortest - exact < half_step:
            break
    return shortest


def _any_shortest(exact: float) -> float | None:
    if not math.isfinite(exact):
        return None
    for digits in _DIGITS if abs(exact) >= _SMALLEST_NORMAL else _SUBNORMAL_DIGITS:
        shortest = float(f"{exact:.{digits}g}")
        if _FLOAT32.unpack(_FLOAT32.pack(shortest))[0] == exact:
            break
    return shortest
