"""Numbers in the API: JSON has no infinity, and no value that is none."""

import math


def finite(value: float | None, digits: int | None = None) -> float | None:
    """The value with at most so many digits after the point; None for what is no number."""
    if value is None or not math.isfinite(value):
        return None
    return value if digits is None else round(value, digits)
