"""Values as others write them."""

import math

NAN = math.nan

# What PostgreSQL, pandas and people write where there is no value.
_NOTHING = {"", "null", "\\n", "nan", "none"}


def number(text: str) -> float:
    """The number with a decimal dot or comma; NaN where the text stands for no value.

    1.234,5 is one thousand and something, as a German spreadsheet shows it. Raises ValueError for anything else.
    """
    plain = text.strip()
    if plain.lower() in _NOTHING:
        return NAN
    whole, comma, fraction = plain.partition(",")
    if comma:
        plain = f"{whole.replace('.', '')}.{fraction}"
    try:
        return float(plain)
    except ValueError:
        raise ValueError(f"{shortened(text)} is no number") from None


def number_with_comma(text: str) -> float:
    """Likewise in a file where others have a decimal comma: there a dot alone may mean thousands, and is refused.

    Raises ValueError.
    """
    if "." in text and "," not in text:
        raise ValueError(f"{shortened(text)} has a dot where other values have a decimal comma")
    return number(text)


def shortened(text: str) -> str:
    """A foreign text as a message shows it."""
    return repr(text if len(text) <= 30 else text[:30] + "…")  # noqa: PLR2004  # fits into a line
