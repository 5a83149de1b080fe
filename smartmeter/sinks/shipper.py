"""Carries the journal to one sink, each reading once, whatever crashes in between.

The cursor in the journal moves only after the sink has stored a batch. A crash between the two brings that batch again,
and a sink takes a repeat without harm. So nothing is missing and nothing is twice.
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NoReturn

from smartmeter.journal import Journal
from smartmeter.journal.entry import Entry
from smartmeter.polling.fast import FastInterval
from smartmeter.sinks.backoff import backoff_s
from smartmeter.sinks.sink import Refusal, Sink, SinkUnavailableError

log = logging.getLogger(__name__)

BATCH_READINGS = 1000


@dataclass(frozen=True, slots=True)
class ShipperState:
    """How one shipper fares.

    `shipped` and `refused` count readings since the start, `backlog` those that wait in the journal; `last_success_us`
    is when the sink last took something, in microseconds UTC; `error` is why it takes nothing now, else None.
    """

    sink: str
    shipped: int = 0
    refused: int = 0
    backlog: int = 0
    last_success_us: int | None = None
    error: str | None = None


def _nobody(_: ShipperState) -> None:
    """Whoever is not interested."""


async def ship(
    journal: Journal,
    sink: Sink,
    interval_s: float,
    fast: FastInterval,
    report: Callable[[ShipperState], None] = _nobody,
) -> NoReturn:
    """Follow the journal for ever: every `interval_s`, or as often as `fast` wants it, everything that waits goes out.

    A sink that is away is asked again for ever. Each change of the state goes to `report`. Ends by being cancelled, and
    closes the sink then.
    """
    shipper = _Shipper(journal, sink, report)
    try:
        while True:
            await journal.wait_beyond(await journal.cursor(sink.name))
            started_s = time.monotonic()
            await shipper.drain()
            await _pause(started_s, interval_s, fast)
    finally:
        await sink.close()


async def _pause(started_s: float, interval_s: float, fast: FastInterval) -> None:
    """Return when the next shipment is due after one that started at `started_s`."""
    while True:
        # A shipment within the fast interval is followed by another at its pace, so that its last readings go too.
        hurried = started_s < fast.until_s
        due_s = started_s + (min(interval_s, fast.interval_us / 1e6) if hurried else interval_s)
        remaining_s = due_s - time.monotonic()
        if remaining_s <= 0:
            return
        await fast.sleep(remaining_s)


class _Shipper:
    def __init__(self, journal: Journal, sink: Sink, report: Callable[[ShipperState], None]) -> None:
        self._journal = journal
        self._sink = sink
        self._report = report
        self._state = ShipperState(sink.name)
        self._failures = 0
        self._reasons_told: set[str] = set()
        self._refusing = False

    async def drain(self) -> None:
        """Ship everything that waits, however long it takes and however often the sink goes away meanwhile."""
        while True:
            try:
                await self._ship_all()
            except SinkUnavailableError as error:
                await self._failed(str(error))
                await asyncio.sleep(backoff_s(self._failures, random.random()))  # noqa: S311  no secret hangs on it
            else:
                return

    async def _ship_all(self) -> None:
        """Ship batch after batch.

        One after the other: fetching the next while the sink stores one was measured to be no faster, because both need
        the interpreter, and made the event loop wait for it three times as long.
        """
        self._change(replace(self._state, backlog=await self._journal.backlog(self._sink.name)))
        cursor = await self._journal.cursor(self._sink.name)
        while entries := await self._journal.entries_after(cursor, BATCH_READINGS):
            await self._stored(entries, await self._sink.write(entries))
            cursor = entries[-1].sequence

    async def _stored(self, entries: Sequence[Entry], refusals: Sequence[Refusal]) -> None:
        """Note that the sink has a batch. Refusals first: a crash before the cursor moves then loses nothing."""
        if self._state.error is not None:
            log.info("Shipping to %s works again; %d readings waited.", self._sink.name, self._state.backlog)
            self._reasons_told.clear()
            self._failures = 0
        for refusal in refusals:
            await self._journal.set_aside(self._sink.name, refusal.sequence, refusal.error)
        await self._journal.advance(self._sink.name, entries[-1].sequence)
        self._tell_refusals(entries, refusals)
        self._change(
            ShipperState(
                sink=self._sink.name,
                shipped=self._state.shipped + len(entries) - len(refusals),
                refused=self._state.refused + len(refusals),
                # Counting them anew takes the journal longer than reading a batch.
                backlog=max(0, self._state.backlog - len(entries)),
                last_success_us=time.time_ns() // 1000,
            )
        )

    async def _failed(self, reason: str) -> None:
        if reason not in self._reasons_told:
            self._reasons_told.add(reason)
            log.error("Readings wait in the journal because shipping does not work: %s", reason)
        self._failures += 1
        backlog = await self._journal.backlog(self._sink.name)
        self._change(replace(self._state, backlog=backlog, error=reason))

    def _tell_refusals(self, entries: Sequence[Entry], refusals: Sequence[Refusal]) -> None:
        """Say when refusals begin, not at every one: a column that is too small refuses reading after reading."""
        if refusals and not self._refusing:
            first = next(entry.reading for entry in entries if entry.sequence == refusals[0].sequence)
            log.error(
                "%s refuses readings for good, first number %d of meter %s: %s. They are set aside in the journal.",
                self._sink.name,
                refusals[0].sequence,
                first.meter,
                refusals[0].error,
            )
        elif self._refusing and not refusals:
            log.info(
                "%s refused %d readings since the start; it takes them again.", self._sink.name, self._state.refused
            )
        self._refusing = bool(refusals)

    def _change(self, state: ShipperState) -> None:
        self._state = state
        self._report(state)
