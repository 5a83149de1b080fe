"""How values and names are quoted in files and in messages, and which known name is meant by an unknown one."""

import difflib
import re
from collections.abc import Iterable

BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")

_ESCAPES = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", '"': '\\"', "\\": "\\\\"}
_SHOWN_CHARACTERS = 60
_SHOWN_NUMBER = 10**15
# Longer than any name that we know; the search takes quadratic time.
_COMPARED_CHARACTERS = 80


def quoted(text: str) -> str:
    """The text as a TOML basic string: one line, in quotation marks."""
    return '"' + "".join(_escaped(character) for character in text) + '"'


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable() or character == " ":
        return character
    code = ord(character)
    return f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}"  # noqa: PLR2004  # as TOML has it


def shown(value: object) -> str:
    """A value from a TOML file as a message names it: short, one line, a table or a list only by its kind."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return quoted(value if len(value) <= _SHOWN_CHARACTERS else value[:_SHOWN_CHARACTERS] + "…")
    if isinstance(value, int) and abs(value) > _SHOWN_NUMBER:
        return "so large a number"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, dict):
        return "a table"
    return "a list" if isinstance(value, list) else "a date or time"


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most like `name`, whatever the case; None if none is like it."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    matches = difflib.get_close_matches(name.lower()[:_COMPARED_CHARACTERS], by_lower, n=1)
    return by_lower[matches[0]] if matches else None


def suggestion(name: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name: the nearest known one, or all of them."""
    known = tuple(known)
    match = nearest(name, known)
    return f"did you mean {match}?" if match else f"known are {', '.join(known)}"
