"""Reads the keys of a TOML document one by one, and keeps what is wrong with them."""

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Place = tuple[str | int, ...]
Fits = Callable[[object], bool]

_NOT_THERE = object()


@dataclass(frozen=True, slots=True)
class Flaw:
    """A mistake: where it stands (keys, and positions in lists from 0), what is wrong there and what would be right."""

    place: Place
    text: str


class Keys:
    """What stands at the keys of a document, and the `flaws` in it.

    `may_lack`: the tables in which it is no flaw if something is missing, as it may stand elsewhere.
    """

    def __init__(self) -> None:
        self.flaws: list[Flaw] = []
        self.may_lack: tuple[Place, ...] = ()

    def flaw(self, place: Place, text: str) -> None:
        """Notes a mistake."""
        self.flaws.append(Flaw(place, text))

    def known(self, table: Mapping[str, Any], place: Place, keys: Iterable[str]) -> None:
        """Notes every key of the table that is none of these."""
        for key in table:
            if key not in keys:
                self.flaw((*place, key), f"is no key of this table; {suggestion(key, keys)}")

    def get(  # noqa: PLR0913, PLR0917 - a key is described by that much
        self,
        table: Mapping[str, Any],
        place: Place,
        key: str,
        fits: Fits,
        text: str,
        default: Any = None,  # noqa: ANN401 - whatever the key holds
    ) -> Any:  # noqa: ANN401 - whatever the key holds
        """What stands at the key; the default if it is missing or does not fit, which is noted.

        A key without a default must be there; `text` says what it must be.
        """
        value = table.get(key, _NOT_THERE)
        if value is _NOT_THERE:
            if default is None and place not in self.may_lack:
                self.flaw((*place, key), f"is missing; it must be {text}")
            return default
        if not fits(value):
            self.flaw((*place, key), f"must be {text}, not {shown(value)}")
            return default
        return value


def key_text(place: Place) -> str:
    """The place as people read it, with positions from 1: `map.registers[1].address`."""
    text = ""
    for step in place:
        text += f"[{step + 1}]" if isinstance(step, int) else f"{'.' if text else ''}{step}"
    return text


def is_text(value: object) -> bool:
    """Whether it is a text of one line."""
    return isinstance(value, str) and bool(value) and value.isprintable()


def is_texts(value: object) -> bool:
    """Whether it is a list of such."""
    return isinstance(value, list) and all(is_text(each) for each in value)


def is_bool(value: object) -> bool:
    return isinstance(value, bool)


def is_table(value: object) -> bool:
    return isinstance(value, Mapping)


def is_number(least: int, most: int) -> Fits:
    """A test for whole numbers between two."""

    def fits(value: object) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most

    return fits


def is_one_of(*words: str) -> Fits:
    """A test for one of these words."""
    return lambda value: isinstance(value, str) and value in words


def is_list_of(fits: Fits) -> Fits:
    """A test for lists that are not empty, by one for their elements."""
    return lambda value: isinstance(value, list) and bool(value) and all(fits(each) for each in value)


def shown(value: object) -> str:
    """A value as a message names it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, list):
        return "this list"
    return f'"{value}"' if isinstance(value, str) else str(value)


def suggestion(name: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name: the nearest known one, or all of them."""
    known = tuple(known)
    match = difflib.get_close_matches(name.lower(), known, n=1)
    return f"did you mean {match[0]}?" if match else f"known are {', '.join(known) or 'none'}"
