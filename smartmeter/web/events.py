"""Server-sent events to all pages that are open: readings, silent meters, the fast interval, alarms."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from http import HTTPStatus
from typing import Final

from smartmeter.house import House
from smartmeter.reading import Reading
from smartmeter.web.alarms import alarms_json
from smartmeter.web.fast import fast_json
from smartmeter.web.meters import latest_json, silent_since
from smartmeter.web.moments import iso
from smartmeter.web.numbers import finite
from smartmeter.web.problems import ProblemError

# A page that does not take what it is sent for so many events is gone.
QUEUED: Final = 256
PAGES: Final = 200
# What is not told by a reading is looked at that often, while anyone looks.
LOOK_EVERY_S: Final = 1.0
# So often a sign of life comes, by which a page notices that the line is dead, and the program that the page is gone.
ALIVE_EVERY_S: Final = 15.0

_END: Final = b""


class Events:
    """Those who listen, and what they are told. Everything here is for the daemon's loop."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._queues: set[asyncio.Queue[bytes]] = set()

    def hear(self, reading: Reading) -> None:
        """Tell of a reading. Quick, and raises nothing."""
        if self._queues:
            values = {id_: finite(value) for id_, value in reading.values.items()}
            self._tell(_event("reading", {"meter": reading.meter, "time": iso(reading.time_us), "values": values}))

    async def keep_looking(self) -> None:
        """Tell of what no reading tells, until cancelled."""
        silent = self._silent()
        on, until_s = self._on(), self._house.fast.until_s
        was_active = self._house.fast.active
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            before, silent = silent, self._silent()
            for name, since in silent.items():
                if before.get(name) != since:
                    self._tell(_event("meter", {"meter": name, "silent_since": since}))
            fast = self._house.fast
            if (fast.active, fast.until_s) != (was_active, until_s):
                self._tell(self._fast_event())
            was_active, until_s = fast.active, fast.until_s
            told, on = on, self._on()
            if told != on:
                self._tell(_event("alarms", {"alarms": alarms_json(self._house)}))

    def _silent(self) -> Mapping[str, str | None]:
        return {poller.meter.name: silent_since(poller) for poller in self._house.pollers}

    def _on(self) -> Sequence[tuple[str, int]]:
        """Which alarms are on, and since when."""
        return [(rule.key, state.since_us) for rule, state in self._house.alarms.on()]

    def _fast_event(self) -> bytes:
        now = fast_json(self._house)
        return _event("fast", {key: now[key] for key in ("active", "interval_s", "until")})

    def check_room(self) -> None:
        """Raises ProblemError if too many listen already."""
        if len(self._queues) >= PAGES:
            raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, f"{PAGES} pages are open already")

    async def listen(self) -> AsyncIterator[bytes]:
        """What one page is sent: first how everything is, then every event."""
        queue: asyncio.Queue[bytes] = asyncio.Queue(QUEUED)
        self._queues.add(queue)
        try:
            alarms = _event("alarms", {"alarms": alarms_json(self._house)})
            yield _event("latest", latest_json(self._house)) + self._fast_event() + alarms
            while True:
                try:
                    async with asyncio.timeout(ALIVE_EVERY_S):
                        data = await queue.get()
                except TimeoutError:
                    # No comment: what a page's script does not see tells it nothing.
                    data = _event("alive", {"time": iso(self._house.clock.wall_us())})
                if data == _END:
                    return
                yield data
        finally:
            self._queues.discard(queue)

    def close(self) -> None:
        """Send all pages away; they come back by themselves."""
        for queue in self._queues:
            _end(queue)

    def _tell(self, data: bytes) -> None:
        for queue in list(self._queues):
            try:
                queue.put_nowait(data)
            except asyncio.QueueFull:
                self._queues.discard(queue)
                _end(queue)


def _end(queue: "asyncio.Queue[bytes]") -> None:
    if queue.full():
        queue.get_nowait()
    queue.put_nowait(_END)


def _event(name: str, data: object) -> bytes:
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False)
    return f"event: {name}\ndata: {text}\n\n".encode()
