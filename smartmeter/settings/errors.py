"""Mistakes in a settings file."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from smartmeter.errors import SmartmeterError


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake: in which `file`, at which `key` ("" for the file as a whole), and what would be right.

    A key reads like `bus[1].meter[2].address`; numbers count the tables of a list from 1.
    """

    file: Path
    key: str
    text: str

    def __str__(self) -> str:
        return ": ".join(part for part in (str(self.file), self.key, self.text) if part)


class SettingsError(SmartmeterError):
    """The settings cannot be used; holds every mistake in them, one line each."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(str(mistake) for mistake in self.mistakes))
