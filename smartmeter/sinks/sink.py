"""What a sink is: a place that readings are shipped to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from smartmeter.errors import SmartmeterError
from smartmeter.journal.entry import Entry


class SinkError(SmartmeterError):
    """A sink cannot be used: it is away, refuses us, or is not as it has to be."""


class SinkUnavailableError(SinkError):
    """A sink took nothing of a batch, for a reason that can pass or that the owner can mend: the readings wait."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A reading, by its `sequence` in the journal, that a sink will never take, and its `error` in one line."""

    sequence: int
    error: str


class Sink(Protocol):
    """A place that readings are shipped to."""

    @property
    def name(self) -> str:
        """What its cursor in the journal is called."""

    async def write(self, entries: Sequence[Entry]) -> Sequence[Refusal]:
        """Store a batch for good, each reading once however often it comes; gives those that are refused for good.

        Raises SinkUnavailableError when nothing or not everything could be stored: then the same batch comes again.
        """

    async def close(self) -> None:
        """Give back what is open. A later `write` opens it again."""
