"""Brings what is to be told to one recipient, in order, each event once, however long the recipient is out of reach."""

import asyncio
import logging
import random
import sqlite3
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NoReturn, TypeVar

from smartmeter.alarms.messages import Message, Wording, messages
from smartmeter.alarms.news import News
from smartmeter.alarms.outbox import dismiss, enroll, note_told, recipients, untold
from smartmeter.errors import SmartmeterError
from smartmeter.sinks.backoff import FIRST_S, backoff_s
from smartmeter.state import StateError, with_state

log = logging.getLogger(__name__)

_T = TypeVar("_T")
Send = Callable[[str], Awaitable[None]]


class UndeliveredError(SmartmeterError):
    """A message did not get through, which can pass; `retry_after_s` is what the other side asked for, if it did."""

    def __init__(self, text: str, retry_after_s: float | None = None) -> None:
        super().__init__(text)
        self.retry_after_s = retry_after_s


class RefusedError(SmartmeterError):
    """The recipient will never take this message."""


async def keep_telling(recipient: str, send: Send, state: Path, news: News, wording: Wording) -> NoReturn:
    """Tell the recipient of all alarms from when it is first enrolled, until cancelled.

    `send` raises UndeliveredError or RefusedError. A crash right after a message was sent has it sent once more.
    """
    telling = _Telling(recipient, send, state, wording)
    await telling.until_written(partial(with_state, state, enroll, recipient))
    while True:
        seen = news.count
        if not await telling.tell():
            await news.beyond(seen)


def dismiss_others(state: Path, kind: str, wanted: Collection[str]) -> None:
    """Forget the recipients whose name begins like this and who are not wanted any more."""

    def forget(connection: sqlite3.Connection) -> None:
        for name in recipients(connection):
            if name.startswith(kind) and name not in wanted:
                dismiss(connection, name)

    with suppress(StateError):
        with_state(state, forget)


class _Telling:
    def __init__(self, recipient: str, send: Send, state: Path, wording: Wording) -> None:
        self._recipient = recipient
        self._send = send
        self._state = state
        self._wording = wording
        self._failures = 0

    async def tell(self) -> bool:
        """Send what waits, as far as it gets through; whether there was anything."""
        found = await self.until_written(self._waiting)
        is_between = False
        for message in found:
            while not await self._is_through(message.text):
                if not is_between:
                    # What gathers meanwhile is then put together with this.
                    return True
            sequence = message.sequence
            is_between = sequence is None
            if sequence is not None:
                await self.until_written(partial(with_state, self._state, note_told, self._recipient, sequence))
        return bool(found)

    def _waiting(self) -> Sequence[Message]:
        # In a thread as well: thousands of events take their time.
        return messages(with_state(self._state, untold, self._recipient), self._wording)

    async def _is_through(self, text: str) -> bool:
        """Send it; whether that is over and done with, else after a pause."""
        try:
            await self._send(text)
        except UndeliveredError as error:
            if error.retry_after_s is None:
                await self._wait(error)
            else:
                await asyncio.sleep(max(FIRST_S, error.retry_after_s))
            return False
        except RefusedError as error:
            log.error("%s does not take a message on alarms: %s.", self._recipient, error)  # noqa: TRY400
        except Exception as error:  # noqa: BLE001 - one recipient must not cost the others anything
            await self._wait(error)
            return False
        else:
            self._delivered()
        return True

    def _delivered(self) -> None:
        if self._failures:
            log.info("Alarms get through to %s again.", self._recipient)
        self._failures = 0

    async def _wait(self, error: Exception) -> None:
        self._failures += 1
        if self._failures == 1 and isinstance(error, UndeliveredError):
            log.warning("Alarms wait, as %s is out of reach: %s.", self._recipient, error)
        elif self._failures == 1:
            text = "Alarms wait, because of an unexpected error when telling %s; please report it."
            log.error(text, self._recipient, exc_info=error)
        await self._pause(self._failures)

    async def _pause(self, failures: int) -> None:
        await asyncio.sleep(backoff_s(failures, random.random()))  # noqa: S311 - no secret hangs on it

    async def until_written(self, work: Callable[[], _T]) -> _T:
        """What the work on the state file gives, tried until it succeeds."""
        failures = 0
        while True:
            try:
                # Shielded: it is done also when this is cancelled, so that what was told is noted.
                return await asyncio.shield(asyncio.get_running_loop().run_in_executor(None, work))
            except StateError as error:
                failures += 1
                if failures == 1:
                    log.error("Alarms cannot be told now: %s.", error)  # noqa: TRY400 - a line for the owner
                await self._pause(failures)
