"""The journal as the daemon uses it: nothing here waits for the disk on the event loop."""

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Never, Self, TypeVar

from smartmeter.energy.site import Site
from smartmeter.journal.entry import Entry
from smartmeter.journal.errors import error_text, is_bad_sector, is_damage
from smartmeter.journal.health import Health
from smartmeter.journal.keeper import JournalState, Keeper
from smartmeter.journal.outage import FIRST_PAUSE_S, LAST_PAUSE_S
from smartmeter.journal.pending import Pending
from smartmeter.journal.reader import JournalReader
from smartmeter.journal.worker import Worker
from smartmeter.journal.writer import JournalWriter, Refusal
from smartmeter.reading import Reading

if TYPE_CHECKING:
    from smartmeter.settings.model import JournalSettings

# Beyond this a backlog is not counted row by row.
COUNTED_BACKLOG = 10_000
# So often a sector may fail to be read before the file counts as damaged.
READ_TRIES = 3
MAX_ERROR_CHARACTERS = 1000

_log = logging.getLogger(__name__)
_T = TypeVar("_T")


class Journal:
    """The durable local store of readings. `Journal.open` gives one; its methods are for the event loop's thread."""

    def __init__(
        self, settings: "JournalSettings", measurands: Iterable[str], sinks: Iterable[str], site: Site
    ) -> None:
        columns = tuple(dict.fromkeys(measurands))
        self.path = settings.path
        self._reader = JournalReader(self.path)
        self._read_worker = Worker("journal-reader")
        self._writer = JournalWriter(self.path, columns, sinks, settings.keep_s, site)
        self._write_worker = Worker("journal-writer")
        self._keeper = Keeper(
            self._writer,
            self._write_worker,
            Pending(columns),
            settings.commit_interval_s,
        )
        self._task: asyncio.Task[Never] | None = None

    @classmethod
    async def open(
        cls, settings: "JournalSettings", measurands: Iterable[str], sinks: Iterable[str], site: Site | None = None
    ) -> Self:
        """Opens the journal at `settings.path`, a new one if there is none or it is damaged.

        `measurands` get a column each; values of others are not kept. `sinks` are the active ones: retention waits for
        them and for no other. `site` says in which zone days begin, what energy costs, and what each meter can carry.

        Raises JournalError if its directory is missing or not writable, if another daemon keeps it, or if the file is
        another program's or a newer smartmeter's. A full disk is no error: see `state`.
        """
        journal = cls(settings, measurands, sinks, site or Site())
        try:
            await journal._write_worker.run(journal._writer.lock)
            await journal._open_file()
        except BaseException:
            await journal._close_files()
            raise
        journal._task = asyncio.create_task(journal._keeper.run(), name="journal")
        return journal

    async def close(self) -> None:
        """Commits what there is and closes the file; also if it cannot be committed, which the log tells."""
        if self._task is None:
            return
        task, self._task = self._task, None
        try:
            task.cancel()
            await asyncio.wait({task})
            await self._keeper.flush()
            await self.roll_up()
            if self.state.pending:
                _log.error("Readings that could not be written to %s and are lost: %d.", self.path, self.state.pending)
        finally:
            await self._close_files()

    @property
    def state(self) -> JournalState:
        return self._keeper.state

    def append(self, reading: Reading) -> None:
        """Puts `reading` behind all others; it is on the disk after the next commit. Never waits, never raises."""
        self._keeper.append(reading)

    async def commit(self) -> None:
        """Returns when all that was appended, advanced or set aside before is durable.

        Returns also when the disk did not take it; then `state.failing` says why.
        """
        if self._task is not None:
            await self._keeper.commit()

    async def roll_up(self) -> None:
        """Rolls up some of what waits for it, now instead of within a minute."""
        await self._keeper.keep_up()

    def hurry(self, commit_interval_s: float, until_monotonic_s: float) -> None:
        """Commits at least every `commit_interval_s` seconds until time.monotonic() is `until_monotonic_s`."""
        self._keeper.hurry(commit_interval_s, until_monotonic_s)

    async def entries_after(self, sequence: int, limit: int) -> list[Entry]:
        """The first readings beyond `sequence`, in order, at most `limit`: what is committed, and while the disk takes
        nothing also what is only in memory. Values that are None are left out.

        While the disk cannot be read this waits.
        """
        while True:
            committed = self._keeper.committed
            entries = await self._committed_after(sequence, limit) if sequence < committed else []
            if entries is not None and committed == self._keeper.committed:
                if self._keeper.shows_pending:
                    last = entries[-1].sequence if entries else sequence
                    entries += self._keeper.pending.entries_after(last, limit - len(entries))
                elif not entries:
                    # Somebody deleted them by hand.
                    self._keeper.committed = min(sequence, committed)
                return entries
            # Something moved from memory to the disk meanwhile, so what is in memory may not follow any more.
            if entries:
                return entries

    async def wait_beyond(self, sequence: int) -> None:
        """Returns as soon as `entries_after(sequence, 1)` gives a reading."""
        while self._keeper.newest <= sequence:
            await self._keeper.news()

    async def cursor(self, sink: str) -> int:
        """The last reading that `sink` has taken; 0 at first."""
        return self._keeper.cursor(sink)

    async def advance(self, sink: str, sequence: int) -> None:
        """Notes that `sink` has taken everything up to `sequence`; never goes back.

        It is durable after the next commit: after a crash a sink may be offered again what it took last.
        """
        self._keeper.advance(sink, sequence)

    async def set_aside(self, sink: str, sequence: int, error: str) -> None:
        """Notes that `sink` refuses a reading for good, and why; durable with the cursor that passes it, or before."""
        at_us = time.time_ns() // 1000
        self._keeper.refuse(Refusal(sink, sequence, error[:MAX_ERROR_CHARACTERS], at_us))

    def note_health(self, health: Iterable[Health]) -> None:
        """Notes how measuring itself fares, in place of what was noted on the same; durable after the next commit."""
        self._keeper.note_health(health)

    async def health_since(self, start_us: int, limit: int) -> list[Health]:
        """What was noted on the quarter-hours from `start_us` on, in order of time, at most `limit`."""
        return await self._read(self._reader.health_since, start_us, limit) or []

    async def backlog(self, sink: str) -> int:
        """How many readings `entries_after` would give beyond the sink's cursor.

        Above 10,000 those that are missing from the sequence (lost, or in a file that was set aside) count as well.
        """
        while True:
            cursor = self._keeper.cursor(sink)
            committed = self._keeper.committed
            in_memory = self._keeper.pending.count_after(max(cursor, committed)) if self._keeper.shows_pending else 0
            on_disk = await self._count(cursor, committed)
            if on_disk is not None:
                return on_disk + in_memory

    async def _committed_after(self, sequence: int, limit: int) -> list[Entry] | None:
        return await self._read(self._reader.entries_after, sequence, limit)

    async def _count(self, after: int, through: int) -> int | None:
        if through <= after:
            return 0
        if through - after <= COUNTED_BACKLOG:
            return await self._read(self._reader.count_between, after, through)
        oldest = await self._read(self._reader.oldest)
        return None if oldest is None else through - max(after, oldest - 1)

    async def _open_file(self) -> None:
        try:
            contents = await self._write_worker.run(self._writer.open)
        except (sqlite3.Error, OSError) as error:
            contents = await self._write_worker.run(self._writer.contents_despite, error)
            self._keeper.take_over(contents)
            await self._keeper.failed(error)
        else:
            self._keeper.take_over(contents)
            # So that a second connection is there from the beginning; the reader says what for.
            await self._read(self._reader.oldest)

    async def _read(self, function: Callable[..., _T], *args: object) -> _T | None:
        """What `function` reads; None if the file turns out to be damaged, after which everything is different."""
        tries, pause_s = 0, FIRST_PAUSE_S
        while True:
            try:
                return await self._read_worker.run(function, *args)
            except (sqlite3.Error, OSError) as error:
                tries += 1
                if is_damage(error) or (is_bad_sector(error) and tries == READ_TRIES):
                    self._keeper.damaged(error_text(error))
                    return None
                if tries == 1:
                    _log.warning("The journal %s cannot be read now: %s. Trying again.", self.path, error_text(error))
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LAST_PAUSE_S)

    async def _close_files(self) -> None:
        # The reader first: the last connection to go copies the log into the database and deletes it.
        await self._read_worker.run(self._reader.close)
        await self._write_worker.run(self._writer.close)
        self._read_worker.close()
        self._write_worker.close()
