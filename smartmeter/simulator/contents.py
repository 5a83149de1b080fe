"""What a register holds of a value: bytes, and the number that is left of it.

Written without a look at what decodes them, so that each can prove the other.
"""

import struct
from decimal import ROUND_HALF_EVEN, Decimal

from smartmeter.models import Register

_FORMATS = {
    "float32": ">f",
    "float64": ">d",
    "u16": ">H",
    "s16": ">h",
    "u32": ">I",
    "s32": ">i",
    "u64": ">Q",
    "s64": ">q",
}
_WHOLE = Decimal(1)


def content_of(register: Register, value: float) -> bytes:
    """The bytes of a register that shows the value; what it cannot show is as near to it as it gets."""
    form = _FORMATS[register.type]
    if register.type.startswith("float"):
        packed = struct.pack(form, value if register.scale == 1 else float(Decimal(repr(value)) / register.scale))
    else:
        packed = struct.pack(form, _whole(register, value))
    if register.order == "little":
        words = struct.unpack(f">{register.count}H", packed)
        packed = struct.pack(f">{register.count}H", *reversed(words))
    return packed


def shown_by(register: Register, content: bytes) -> float:
    """The number that a reader of the bytes comes to, the scale included."""
    words = struct.unpack(f">{register.count}H", content)
    if register.order == "little":
        words = words[::-1]
    raw = struct.unpack(_FORMATS[register.type], struct.pack(f">{register.count}H", *words))[0]
    if register.scale == 1:
        return float(raw)
    return float(Decimal(raw) * register.scale)


def _whole(register: Register, value: float) -> int:
    """The whole number that is nearest to the value in the register's own steps, within what its type holds."""
    steps = int((Decimal(value) / register.scale).quantize(_WHOLE, ROUND_HALF_EVEN))
    number_bits = 8 * struct.calcsize(_FORMATS[register.type])
    if register.type.startswith("u"):
        return max(0, min(steps, (1 << number_bits) - 1))
    return max(-(1 << number_bits - 1), min(steps, (1 << number_bits - 1) - 1))
