"""Keeps what is learned of meters in the state file, so that it need not be learned anew after a restart.

All functions that want a connection want it within `smartmeter.state.with_state`.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from threading import Lock
from typing import NoReturn

from smartmeter.polling.known import KnownMeter, known_from_json, known_to_json
from smartmeter.polling.poller import MeterPoller
from smartmeter.settings.model import BusSettings, MeterSettings
from smartmeter.state import StateError, create_state, with_state

# What changed is written no more often: an SD card wears out by writing.
SAVE_EVERY_S = 60.0

Key = tuple[str, int, str]

log = logging.getLogger(__name__)


def known_meters(connection: sqlite3.Connection) -> Sequence[KnownMeter]:
    """All meters that something is known of, the last one that was met at the end; what cannot be right is left out."""
    if not _has_table(connection):
        return ()
    known = []
    for bus, address, serial_number, learned in connection.execute(
        "SELECT bus, address, serial_number, learned FROM meter"
    ):
        try:
            known.append(known_from_json(bus, address, serial_number, learned))
        except (ValueError, TypeError) as error:
            log.warning("What was kept of the meter at address %s on bus %s is not used: %s.", address, bus, error)
    return sorted(known, key=lambda one: one.met_us)


def keep_meters(connection: sqlite3.Connection, meters: Iterable[KnownMeter]) -> None:
    """Keep what is known of these meters in place of what was known of them before."""
    connection.executemany(
        "INSERT OR REPLACE INTO meter (bus, address, serial_number, learned) VALUES (?, ?, ?, ?)",
        [(*_key(known), known_to_json(known)) for known in meters],
    )


def forget_meters(connection: sqlite3.Connection, bus: str, address: int) -> int:
    """Forget the meters that were met at this address of the bus; gives how many these were."""
    if not _has_table(connection):
        return 0
    return connection.execute("DELETE FROM meter WHERE bus = ? AND address = ?", (bus, address)).rowcount


class Memory:
    """What the daemon keeps of its meters in the state file at `path`.

    Nothing is raised if the file cannot be had: measuring goes on without it, and it is tried again.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        # What is in the file, as far as this program has put it there or found it.
        self._kept: dict[Key, KnownMeter] = {}
        self._changed_ns = 0
        self._trouble = ""
        # When the program ends, a thread that writes may not have finished.
        self._writing = Lock()

    async def load(self) -> Sequence[KnownMeter]:
        """All that was kept; the file is made if there is none."""
        try:
            known = await asyncio.to_thread(self._load)
        except StateError as error:
            self._note(str(error))
            return ()
        self._kept = {_key(one): one for one in known}
        return known

    async def keep(self, pollers: Sequence[MeterPoller]) -> NoReturn:
        """Keep what the pollers learn, until cancelled."""
        while True:
            await asyncio.sleep(SAVE_EVERY_S)
            await self.save(pollers)

    async def save(self, pollers: Sequence[MeterPoller]) -> None:
        """Write what has changed; have the pollers forget what somebody has removed from the file meanwhile."""
        known = {_key(one): poller for poller in pollers if (one := poller.known) is not None}
        changed = [one for poller in known.values() if (one := poller.known) and self._kept.get(_key(one)) != one]
        try:
            removed = await asyncio.to_thread(self._exchange, changed)
        except StateError as error:
            # Whatever was there is written again when the file is back.
            self._kept = {}
            self._note(str(error))
            return
        self._note("")
        for key in removed:
            if key in known:
                known[key].forget()

    def _load(self) -> Sequence[KnownMeter]:
        create_state(self._path)
        return with_state(self._path, known_meters)

    def _exchange(self, changed: Sequence[KnownMeter]) -> Sequence[Key]:
        """Write what has changed; gives the keys of what was removed."""
        with self._writing:
            if self._trouble:
                create_state(self._path)
            if not changed and self._changed_ns == _changed_ns(self._path):
                return ()
            stored = {_key(one) for one in with_state(self._path, known_meters)}
            removed = [key for key in self._kept if key not in stored]
            for key in removed:
                del self._kept[key]
            fresh = [one for one in changed if _key(one) not in removed]
            if fresh:
                with_state(self._path, keep_meters, fresh)
                self._kept.update((_key(one), one) for one in fresh)
            self._changed_ns = _changed_ns(self._path)
            return removed

    def _note(self, trouble: str) -> None:
        if trouble and not self._trouble:
            log.error("What is learned of meters is not kept now: %s.", trouble)
        elif self._trouble and not trouble:
            log.info("What is learned of meters is kept again.")
        self._trouble = trouble


def all_known(path: Path) -> Sequence[KnownMeter]:
    """What `known_meters` gives of the state file at `path`; nothing if there is none yet.

    Raises StateError if it cannot be read.
    """
    try:
        return with_state(path, known_meters) if path.exists() else ()
    except OSError as error:
        raise StateError(f"{path}: {error.strerror}") from error


def met_there(known: Iterable[KnownMeter], bus: BusSettings, meter: MeterSettings) -> Sequence[KnownMeter]:
    """Of the known meters those of this model that were met where this one is, in the same order."""
    place = (bus.name, meter.address, meter.model.name)
    return [one for one in known if (one.bus, one.address, one.model) == place]


def _has_table(connection: sqlite3.Connection) -> bool:
    # An earlier version's daemon may run yet.
    return connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'meter'").fetchone() is not None


def _key(known: KnownMeter) -> Key:
    return known.bus, known.address, known.serial_number


def _changed_ns(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
