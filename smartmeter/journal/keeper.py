"""What is to be written, and the task that has it written in time, through full disks and damaged files."""

import asyncio
import logging
import math
import sqlite3
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Never

from smartmeter.journal.errors import JournalError, error_text, is_damage
from smartmeter.journal.health import Health
from smartmeter.journal.outage import Outage
from smartmeter.journal.pending import Pending
from smartmeter.journal.worker import Worker
from smartmeter.journal.writer import Batch, Contents, JournalWriter, Refusal
from smartmeter.reading import Reading

# One transaction: 1 MB in the log with 68 values each.
BATCH_ROWS = 1000
# What a sink refuses beyond this, while the disk takes nothing, is only in the log.
MAX_REFUSALS = 10_000
MAX_HEALTH = 10_000
# A file that is damaged sooner after the last one than this is not replaced before: one more would not help.
REPLACE_PAUSE_S = 60.0
# How far roll-ups may lag, and the pause between two slices while more of them wait.
KEEP_UP_EVERY_S = 60.0
KEEP_UP_PAUSE_S = 2.0
# After an error that nobody foresaw.
KEEP_UP_AGAIN_S = 3600.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class JournalState:
    """How the journal is.

    `pending`: readings that are not on the disk yet. `failing`: why the journal cannot be written; None if it can.
    `affected`: readings that were only in memory for that reason, since the start. `lost`: those that had to be
    dropped, of these or because they came faster than the disk takes them.
    """

    pending: int
    failing: str | None
    affected: int
    lost: int


class Keeper:
    """Readings, cursors and refusals go into memory at once and to the disk with the next commit, in one transaction.

    Its state belongs to the event loop; the writer's methods run in the worker.
    """

    def __init__(
        self,
        writer: JournalWriter,
        worker: Worker,
        pending: Pending,
        commit_interval_s: float,
    ) -> None:
        self._path = writer.path
        self._writer = writer
        self._worker = worker
        self._commit_interval_s = commit_interval_s
        self._hurry_interval_s = commit_interval_s
        self._hurry_until_s = 0.0
        self._cursors: dict[str, int] = {}
        self._moved_cursors: set[str] = set()
        self._refusals: list[Refusal] = []
        self._health: dict[tuple[str, str, str, int], Health] = {}
        self._dirty_since_s: float | None = None
        self._outage: Outage | None = None
        self._affected_earlier = 0
        self._is_full = False
        self._damage: str | None = None
        self._replaced_s: float | None = None
        self._commits: list[asyncio.Future[None]] = []
        # What an earlier run left over is worked off first.
        self._keep_up_at_s = time.monotonic()
        self._wake = asyncio.Event()
        self._news = asyncio.Event()
        self.pending = pending
        self.committed = 0

    @property
    def state(self) -> JournalState:
        affected = self._affected_earlier + (self._outage.affected if self._outage else 0)
        failing = self._outage.error if self._outage else None
        return JournalState(len(self.pending), failing, affected, self.pending.lost)

    @property
    def newest(self) -> int:
        """The newest reading that can be read: the last that is committed, or during an outage the last that came."""
        return max(self.committed, self.pending.newest if self.shows_pending else 0)

    @property
    def shows_pending(self) -> bool:
        """Whether readings that are only in memory are given out, because the disk does not take them."""
        return self._outage is not None

    def append(self, reading: Reading) -> None:
        lost = self.pending.lost
        self.pending.append(reading)
        if self.pending.lost > lost and not self._is_full:
            self._is_full = True
            _log.error(
                "%d readings wait for the journal %s: from now on the oldest are dropped.",
                len(self.pending),
                self._path,
            )
        if self._outage is not None:
            self._outage.affected += 1
            self._announce()
        self._note_dirty()

    def cursor(self, sink: str) -> int:
        return self._cursors.get(sink, 0)

    def advance(self, sink: str, sequence: int) -> None:
        if sequence > self.cursor(sink):
            self._cursors[sink] = sequence
            self._moved_cursors.add(sink)
            self._note_dirty()

    def refuse(self, refusal: Refusal) -> None:
        if len(self._refusals) < MAX_REFUSALS:
            self._refusals.append(refusal)
            self._note_dirty()

    def note_health(self, health: Iterable[Health]) -> None:
        for each in health:
            self._health[_key_of(each)] = each
        if len(self._health) > MAX_HEALTH:
            # The disk takes nothing, and has not for days: only the newest are of interest then.
            for key in sorted(self._health, key=lambda key: key[-1])[: len(self._health) - MAX_HEALTH]:
                del self._health[key]
        self._note_dirty()

    def hurry(self, commit_interval_s: float, until_s: float) -> None:
        self._hurry_interval_s = commit_interval_s
        self._hurry_until_s = until_s
        self._wake.set()

    async def commit(self) -> None:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._commits.append(done)
        self._wake.set()
        await done

    async def news(self) -> None:
        """Returns when `newest` may have changed."""
        await self._news.wait()

    def take_over(self, contents: Contents) -> None:
        """Goes on from what the file holds that has just been opened."""
        self.committed = contents.newest
        for sink, sequence in contents.cursors.items():
            self._cursors[sink] = max(sequence, self.cursor(sink))
        # Also those that came from another file than the one that is open now.
        self._moved_cursors.update(self._cursors)
        # Beyond everything that was ever given out. The newest reading is never deleted, so it tells.
        known = (contents.newest, contents.last, *self._cursors.values())
        self.pending.last_sequence = max(self.pending.last_sequence, *known)

    def damaged(self, reason: str) -> None:
        """The file cannot be read: it is replaced at once, and until then what is in memory is all there is."""
        self._damage = reason
        self.committed = 0
        self._wake.set()

    async def run(self) -> Never:
        while True:
            await self._due()
            if self._write_due_s() <= time.monotonic():
                await self.flush()
            if self._keep_up_at_s <= time.monotonic():
                await self.keep_up()

    async def flush(self) -> None:
        """Tries to write everything that is there now."""
        commits, self._commits = self._commits, []
        try:
            await self._write_all()
        except asyncio.CancelledError:
            self._commits[:0] = commits
            raise
        for done in commits:
            if not done.done():
                done.set_result(None)

    async def keep_up(self) -> None:
        """Works off some of what waits to be rolled up. Readings go before: not while they cannot be written."""
        self._keep_up_at_s = time.monotonic() + KEEP_UP_EVERY_S
        if self._outage is not None or self._damage is not None:
            return
        try:
            more = await self._worker.run(self._writer.keep_up)
        except (sqlite3.Error, OSError) as error:
            if is_damage(error):
                self.damaged(error_text(error))
            else:
                await self.failed(error)
            return
        except Exception:  # noqa: BLE001 - a mistake in roll-ups must not stop readings
            _log.exception("Roll-ups failed; readings are kept all the same. Please report it.")
            self._keep_up_at_s = time.monotonic() + KEEP_UP_AGAIN_S
            return
        if more:
            self._keep_up_at_s = time.monotonic() + KEEP_UP_PAUSE_S

    async def failed(self, error: Exception) -> None:
        """Notes that the disk did not take what was to be written."""
        text = await self._worker.run(self._writer.after_failure, error)
        now_s = time.monotonic()
        if self._outage is None:
            if not isinstance(error, sqlite3.Error | OSError | JournalError):
                _log.error("This should not have happened; please report it.", exc_info=error)
            self._outage = Outage(self._path, text, now_s, len(self.pending), self.pending.lost)
            self._outage.begin(self.pending.capacity)
        else:
            self._outage.failed_again(text, now_s)
        self._announce()

    async def _due(self) -> None:
        while True:
            self._wake.clear()
            pause_s = min(self._write_due_s(), self._keep_up_at_s) - time.monotonic()
            if pause_s <= 0:
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._wake.wait()

    def _write_due_s(self) -> float:
        """When to write next, by the monotonic clock; 0 for at once, infinite for not at all."""
        if self._commits:
            return 0.0
        if self._outage is not None:
            return self._outage.retry_at_s
        if self._damage is not None or len(self.pending) >= BATCH_ROWS:
            return 0.0
        if self._dirty_since_s is None:
            return math.inf
        interval_s = self._commit_interval_s
        if time.monotonic() < self._hurry_until_s:
            interval_s = min(interval_s, self._hurry_interval_s)
        return self._dirty_since_s + interval_s

    async def _write_all(self) -> None:
        last = self.pending.last_sequence
        while True:
            began_s = time.monotonic()
            try:
                if self._damage is not None:
                    await self._move_damaged_file(self._damage)
                batch = self._batch()
                await self._write(batch)
            except Exception as error:  # noqa: BLE001 whatever it is, measuring and shipping go on
                if not is_damage(error):
                    await self.failed(error)
                    return
                self.damaged(error_text(error))
                continue
            # What came meanwhile has its own commit interval.
            if not batch.rows or batch.rows[-1].sequence >= last:
                self._all_written(began_s)
                return

    async def _move_damaged_file(self, reason: str) -> None:
        now_s = time.monotonic()
        if self._replaced_s is not None and now_s < self._replaced_s + REPLACE_PAUSE_S:
            raise JournalError(f"damaged again, right after a new one had begun: {reason}; the disk may be worn out")
        before_s, self._replaced_s = self._replaced_s, now_s
        try:
            await self._worker.run(self._writer.move_damaged, reason)
        except asyncio.CancelledError:
            # The last commit of all, which comes now, may do it anew.
            self._replaced_s = before_s
            raise
        self._damage = None
        self._moved_cursors.update(self._cursors)

    def _batch(self) -> Batch:
        cursors = {sink: self._cursors[sink] for sink in self._moved_cursors}
        return Batch(self.pending.first(BATCH_ROWS), cursors, tuple(self._refusals), tuple(self._health.values()))

    async def _write(self, batch: Batch) -> None:
        reopened = await self._worker.run(self._writer.write, batch)
        if reopened is not None:
            self.take_over(reopened)
        self.pending.committed(batch.rows)
        if batch.rows:
            self.committed = batch.rows[-1].sequence
        self._moved_cursors -= {sink for sink, sequence in batch.cursors.items() if self._cursors[sink] == sequence}
        del self._refusals[: len(batch.refusals)]
        for each in batch.health:
            # What was noted anew meanwhile is still to be written.
            if self._health.get(_key_of(each)) is each:
                del self._health[_key_of(each)]
        self._announce()

    def _all_written(self, began_s: float) -> None:
        is_dirty = self.pending or self._moved_cursors or self._refusals or self._health
        self._dirty_since_s = began_s if is_dirty else None
        self._is_full = False
        if self._outage is not None:
            self._outage.end(time.monotonic(), self.pending.lost)
            self._affected_earlier += self._outage.affected
            self._outage = None
            self._announce()

    def _note_dirty(self) -> None:
        if self._dirty_since_s is None:
            self._dirty_since_s = time.monotonic()
            self._wake.set()
        elif len(self.pending) == BATCH_ROWS:
            self._wake.set()

    def _announce(self) -> None:
        self._news.set()
        self._news = asyncio.Event()


def _key_of(health: Health) -> tuple[str, str, str, int]:
    return health.part, health.name, health.quantity, health.start_us
