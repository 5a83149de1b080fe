"""Works off the quarter-hours whose readings changed: roll-ups, energy, hours and days.

Everything is made anew from the readings, so it does not matter in which order they came, or how often. What is marked
stays marked until it has been worked off, in one transaction with the result: a crash costs nothing.
"""

import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping

from smartmeter.energy.site import Site
from smartmeter.journal.database import transaction
from smartmeter.journal.dirty import Mark, is_any_marked, mark, marks_of, some_marks, unmark
from smartmeter.journal.energy import Meter, fold_energy, meter_of
from smartmeter.journal.rollups import derive, roll_up_quarter, statements_for
from smartmeter.journal.settle import settle
from smartmeter.periods import Period, period_end, period_start

# Of one transaction; readings wait for their commit meanwhile.
SLICE_S = 0.05
# A change of the guard's state goes on from quarter-hour to quarter-hour: those beyond so many are marked for later.
_FOLLOWED = 50
_TAKEN = 500
_DERIVED: tuple[Period, ...] = ("1h", "1d")


class Upkeep:
    """Marks and works off, on the writer's connection. Its methods raise sqlite3.Error."""

    def __init__(self, connection: sqlite3.Connection, site: Site) -> None:
        self._connection = connection
        self._site = site
        self._statements = statements_for(connection)
        self._marked: set[Mark] = set()
        self._settling: Iterator[str] | None = self._from_the_newest()

    def mark(self, readings: Iterable[tuple[int, int]]) -> None:
        """Mark the quarter-hours of readings (meter number, time), within the transaction that brings them."""
        fresh = {each for reading in readings for each in marks_of(*reading)} - self._marked
        if fresh:
            mark(self._connection, fresh)
            self._marked |= fresh

    def forget_marks(self) -> None:
        """After a transaction that marked was rolled back."""
        self._marked.clear()

    def work(self, budget_s: float = SLICE_S) -> bool:
        """Work off what takes about `budget_s` seconds; whether there is more to do."""
        until_s = time.monotonic() + budget_s
        return self._work_off(until_s) or self._settle(until_s)

    def _from_the_newest(self) -> Iterator[str]:
        return settle(self._connection, self._site, self._statements)

    def _settle(self, until_s: float) -> bool:
        if self._settling is None:
            return False
        try:
            with transaction(self._connection):
                for _ in self._settling:
                    if time.monotonic() > until_s:
                        return True
        except BaseException:
            # What it had done in this transaction is undone.
            self._settling = self._from_the_newest()
            raise
        self._settling = None
        return False

    def _work_off(self, until_s: float) -> bool:
        if not is_any_marked(self._connection):
            return False
        with transaction(self._connection):
            meters: dict[int, Meter] = {}
            touched: set[Mark] = set()
            following: set[Mark] = set()
            for mark_ in some_marks(self._connection, _TAKEN):
                meter_id, start_us = mark_
                if meter_id not in meters:
                    meters[meter_id] = meter_of(self._connection, meter_id)
                roll_up_quarter(self._connection, self._statements, meter_id, start_us)
                following.discard(mark_)
                following |= self._fold(meters[meter_id], start_us)
                touched.add(mark_)
                unmark(self._connection, mark_)
                if time.monotonic() > until_s:
                    break
            touched |= self._follow(meters, following)
            for meter_id in meters:
                self._derive(meter_id, {start_us for each, start_us in touched if each == meter_id})
        # Invariant: what was worked off is marked again by the next reading in it.
        self._marked.clear()
        return is_any_marked(self._connection)

    def _fold(self, meter: Meter, start_us: int) -> set[Mark]:
        starts = fold_energy(self._connection, self._site, meter, self._statements.counters, start_us)
        return {(meter.id, following_us) for following_us in starts}

    def _follow(self, meters: Mapping[int, Meter], marks: set[Mark]) -> set[Mark]:
        """Fold those that changed with the ones before them, and on as long as they do; gives them all."""
        seen: set[Mark] = set()
        pending = set(marks)
        while pending and len(seen) < _FOLLOWED:
            first = min(pending)
            pending.remove(first)
            seen.add(first)
            meter_id, start_us = first
            pending |= self._fold(meters[meter_id], start_us)
        mark(self._connection, pending)
        return seen

    def _derive(self, meter_id: int, quarters: Iterable[int]) -> None:
        zone = self._site.zone
        for period in _DERIVED:
            for start_us in sorted({period_start(period, quarter_us, zone) for quarter_us in quarters}):
                span = (start_us, period_end(period, start_us, zone))
                derive(self._connection, self._statements, meter_id, period, span)
