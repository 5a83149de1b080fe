"""Figures and bytes as findings show them."""

from collections.abc import Iterable

BYTES_SHOWN = 24
TIMES_SHOWN = 8


def as_hex(data: bytes) -> str:
    """The bytes as two hexadecimal digits each, the first of them if they are many."""
    rest = f" … ({len(data)} bytes)" if len(data) > BYTES_SHOWN else ""
    return data[:BYTES_SHOWN].hex(" ") + rest


def share(part: int, of: int) -> str:
    """Such as `3 of 30 (10 %)`."""
    return f"{part} of {of} ({100 * part / max(1, of):.0f} %)"


def moments(times_s: Iterable[float], began_s: float) -> str:
    """Such as `at 1.2, 3.4 s`, counted from the beginning."""
    seconds = [f"{time_s - began_s:.1f}" for time_s in times_s]
    more = f" and {len(seconds) - TIMES_SHOWN} more" if len(seconds) > TIMES_SHOWN else ""
    return f"at {', '.join(seconds[:TIMES_SHOWN])} s{more} after the beginning"
