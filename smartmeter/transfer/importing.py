"""Import: from a source into the journal, batch by batch, so that it can be stopped and taken up at any time."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from smartmeter.reading import Reading
from smartmeter.transfer.source import Batch, Unreadable

SHOWN_UNREADABLE = 5


# Keeps readings together with the position behind them; gives the number of those that were not there before.
Append = Callable[[Sequence[Reading], str], int]


@dataclass(slots=True)
class Summary:
    """What an import has done, in rows but for `values` and the times.

    `known`: those that were there before. `empty`: those without any value. `first_unreadable`: the first few of those
    that could not be read.
    """

    rows: int = 0
    imported: int = 0
    known: int = 0
    empty: int = 0
    unreadable: int = 0
    values: int = 0
    first_unreadable: list[Unreadable] = field(default_factory=list)
    first_us: int | None = None
    last_us: int | None = None

    def count(self, batch: Batch, new: int) -> None:
        """Adds a batch of which `new` readings were not there before."""
        readings, unreadable = batch.readings, batch.unreadable
        self.rows += batch.rows
        self.imported += new
        self.known += len(readings) - new
        self.empty += batch.rows - len(readings) - len(unreadable)
        self.unreadable += len(unreadable)
        self.values += sum(len(reading.values) for reading in readings)
        self.first_unreadable.extend(unreadable[: SHOWN_UNREADABLE - len(self.first_unreadable)])
        if readings:
            first_us = min(reading.time_us for reading in readings)
            last_us = max(reading.time_us for reading in readings)
            self.first_us = first_us if self.first_us is None else min(self.first_us, first_us)
            self.last_us = last_us if self.last_us is None else max(self.last_us, last_us)


def import_readings(
    batches: Iterable[Batch], append: Append, summary: Summary, tell: Callable[[float, int], None]
) -> None:
    """Append every batch of a source; `tell` hears how far it is, from 0 to 1 and in rows.

    Each goes in with the position behind it, in one transaction: whenever this ends, by Ctrl-C, an error or a power
    cut, the next import goes on there. Raises SmartmeterError.
    """
    for batch in batches:
        summary.count(batch, append(batch.readings, batch.position))
        tell(batch.done, summary.rows)
