"""What readings are imported from."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Protocol

from smartmeter.reading import Reading
from smartmeter.transfer.columns import Columns

BATCH_ROWS = 2000


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A row that cannot be read: where it is ("line 17"), and why."""

    where: str
    why: str


@dataclass(frozen=True, slots=True)
class Batch:
    """The next `rows` rows of a source, and the readings in those that have any value.

    `position`: where to go on after them. `done`: how much of the source is behind it, from 0 to 1.
    """

    rows: int
    readings: Sequence[Reading]
    unreadable: Sequence[Unreadable]
    position: str
    done: float


@dataclass(frozen=True, slots=True)
class Outline:
    """What a source holds, as far as a quick look tells: the texts of its first and last time, and how many rows."""

    first: str | None
    last: str | None
    rows: str


class Source(Protocol):
    """A file or a table of readings, in the original's layout or ours."""

    @property
    def name(self) -> str:
        """What it is called in messages."""

    @property
    def key(self) -> str:
        """What it is remembered by: another one for other contents that have the same name."""

    @property
    def columns(self) -> Columns:
        """What its columns hold."""

    @property
    def is_sink(self) -> bool:
        """Whether it is the table that the readings of the journal are shipped to."""

    async def outline(self) -> Outline:
        """What is in it. Raises SmartmeterError."""

    def batches(self, position: str | None) -> AsyncGenerator[Batch, None]:
        """All rows behind a position that a batch gave; None: from the start.

        Raises SmartmeterError if it cannot be read (any more).
        """

    async def close(self) -> None:
        """Give back what is open."""
