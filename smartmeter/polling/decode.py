"""From registers' bytes to values."""

import math
import struct

_FLOAT32 = struct.Struct(">f")
# A float32 keeps any 6 significant decimal digits, and 9 always tell it from its neighbours (IEEE 754, section 5.12.2);
# below the smallest normal number it keeps fewer.
_DIGITS = range(6, 10)
_SUBNORMAL_DIGITS = range(1, 10)
_SMALLEST_NORMAL = 2.0**-126


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
