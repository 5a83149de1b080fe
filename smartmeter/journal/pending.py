"""The readings that are not committed yet, in order, in bounded memory."""

from collections import deque
from collections.abc import Sequence
from itertools import dropwhile, islice

from smartmeter.journal.entry import Entry
from smartmeter.journal.row import Packer, Row
from smartmeter.reading import Reading

# 8 MB with 68 values each, and nearly 14 hours of one meter read every 5 seconds.
CAPACITY = 10_000


class Pending:
    """Gives every reading its sequence number and holds it until it is committed.

    When it is full the oldest goes and is counted as lost: the newest say more about a meter whose counters run on.
    """

    def __init__(self, measurands: Sequence[str], capacity: int = CAPACITY) -> None:
        self._packer = Packer(measurands)
        self._rows: deque[Row] = deque()
        self.capacity = capacity
        self.last_sequence = 0
        self.lost = 0

    def __len__(self) -> int:
        return len(self._rows)

    def append(self, reading: Reading) -> None:
        self.last_sequence += 1
        if len(self._rows) == self.capacity:
            self._rows.popleft()
            self.lost += 1
        self._rows.append(self._packer.pack(self.last_sequence, reading))

    def first(self, limit: int) -> tuple[Row, ...]:
        return tuple(islice(self._rows, limit))

    def entries_after(self, sequence: int, limit: int) -> list[Entry]:
        beyond = dropwhile(lambda row: row.sequence <= sequence, self._rows)
        return [self._packer.unpack(row) for row in islice(beyond, limit)]

    @property
    def newest(self) -> int:
        """The number of the newest that waits; 0 if none does."""
        return self._rows[-1].sequence if self._rows else 0

    def count_after(self, sequence: int) -> int:
        return sum(row.sequence > sequence for row in self._rows)

    def committed(self, rows: Sequence[Row]) -> None:
        """Forgets `rows`, which were given by `first`.

        Those that had to go while they were being written are not lost after all.
        """
        if not rows:
            return
        last = rows[-1].sequence
        held = 0
        while self._rows and self._rows[0].sequence <= last:
            self._rows.popleft()
            held += 1
        self.lost -= len(rows) - held
