"""What is done for the roll-ups beside shipping, a slice at a time."""

import logging
import time
from datetime import timedelta

from smartmeter.energy.site import Site
from smartmeter.sinks.postgresql.connection import Connection
from smartmeter.sinks.postgresql.expiry import expire
from smartmeter.sinks.postgresql.settle import keep_by_policy, settle
from smartmeter.sinks.postgresql.store import Store
from smartmeter.sinks.postgresql.upkeep import SLICE_QUARTERS, refresh, upkeep_of

EXPIRE_EVERY_S = 86_400.0

log = logging.getLogger(__name__)


class Keeper:
    """Remembers what is to be done on one connection. `keep_s`: how long readings stay, None for ever."""

    def __init__(self, connection: Connection, store: Store, site: Site, keep_s: float | None) -> None:
        self._connection = connection
        self._upkeep = upkeep_of(connection, store, site)
        self._keep_s = keep_s
        self._settling = settle(connection, self._upkeep)
        self._settled = False
        self._expire_at_s = time.monotonic()

    async def work(self) -> bool:
        """Do a slice, which takes a moment; whether there is more to do. Raises psycopg.Error."""
        # The newest readings first: whatever else there is to do, the present is right.
        refreshed = await refresh(self._connection, self._upkeep)
        settled = await self._settle()
        expired = await self._expire()
        return refreshed >= SLICE_QUARTERS or settled or expired

    async def _settle(self) -> bool:
        step = None if self._settled else await anext(self._settling, None)
        if step is None:
            self._settled = True
            return False
        log.info("Hours, days and costs are made anew for the settings' zone and tariffs: %s.", step)
        return True

    async def _expire(self) -> bool:
        if time.monotonic() < self._expire_at_s:
            return False
        store = self._upkeep.store
        if store.continuous:
            keep = None if self._keep_s is None else timedelta(seconds=self._keep_s)
            await keep_by_policy(self._connection, self._upkeep, keep)
        elif self._keep_s is not None and await expire(
            self._connection, store, time.time_ns() // 1000 - int(self._keep_s * 1e6)
        ):
            return True
        self._expire_at_s = time.monotonic() + EXPIRE_EVERY_S
        return False
