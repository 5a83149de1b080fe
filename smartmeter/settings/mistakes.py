"""Collects the mistakes in a settings file while it is being read."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from smartmeter.settings.errors import Mistake, SettingsError
from smartmeter.settings.words import BARE_KEY, shown

# Where something stands in a document: keys, and positions in lists from 0.
Place = tuple[str | int, ...]

_DEEPEST_KEY = 8


def key_text(place: Place) -> str:
    """The place as people read it, with positions from 1: `bus[1].meter[2].address`."""
    text = ""
    for step in place:
        if isinstance(step, int):
            text += f"[{step + 1}]"
        else:
            text += ("." if text else "") + (step if BARE_KEY.fullmatch(step) else shown(step))
    return text


class Mistakes:
    """The mistakes in `file`, by place."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._found: list[tuple[Place, str]] = []
        self._elsewhere: list[Mistake] = []

    def add(self, place: Place, text: str) -> None:
        """Notes one: `text` says what is wrong there and what would be right."""
        self._found.append((place, text))

    def add_elsewhere(self, mistakes: Iterable[Mistake]) -> None:
        """Notes those in another file that this one names."""
        self._elsewhere += [mistake for mistake in mistakes if mistake not in self._elsewhere]

    def spoil(self, place: Place) -> bool:
        """Whether a mistake stands at this place or around it, so that what was read there means nothing."""
        return any(place[: len(found)] == found for found, _ in self._found)

    def lie_within(self, place: Place) -> bool:
        """Whether a mistake stands at this place, around it or below it."""
        return self.spoil(place) or any(found[: len(place)] == place for found, _ in self._found)

    def in_order_of(self, document: Mapping[str, Any]) -> tuple[Mistake, ...]:
        """The mistakes, in the order in which their places come in the document; then those in other files."""
        order: dict[Place, int] = {}
        _number(document, (), order)

        def position(found: tuple[Place, str]) -> int:
            place = found[0]
            while place not in order:
                place = place[:-1]
            return order[place]

        found = sorted(self._found, key=position)
        return (*(Mistake(self.file, key_text(place), text) for place, text in found), *self._elsewhere)

    def raise_if_any(self, document: Mapping[str, Any]) -> None:
        """Raises SettingsError with all of them."""
        if self._found or self._elsewhere:
            raise SettingsError(self.in_order_of(document))


def _number(node: object, place: Place, order: dict[Place, int]) -> None:
    """Gives `place` and every place below it the next number."""
    order[place] = len(order)
    if len(place) == _DEEPEST_KEY:
        return
    if isinstance(node, Mapping):
        for key, value in node.items():
            _number(value, (*place, key), order)
    elif isinstance(node, list):
        for index, value in enumerate(node):
            _number(value, (*place, index), order)
