"""Server-sent events: every reading, a meter that falls silent, the fast interval, to all pages that are open."""

import asyncio
import json
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any, Final

from smartmeter.house import House
from smartmeter.reading import Reading
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

_ALIVE: Final = b": \n\n"
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
        silent: dict[str, str | None] = {}
        fast: dict[str, Any] = {}
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            if not self._queues:
                silent, fast = {}, {}
                continue
            for poller in self._house.pollers:
                name, since = poller.meter.name, silent_since(poller)
                if silent.get(name) != since:
                    self._tell(_event("meter", {"meter": name, "silent_since": since}))
                silent[name] = since
            fast = self._tell_of_fast(fast)

    def _tell_of_fast(self, told: dict[str, Any]) -> dict[str, Any]:
        now = fast_json(self._house)
        # Its end moves by milliseconds when it is worked out anew.
        keys = ("active", "interval_s")
        begun_anew = now["active"] and told.get("until") and abs(self._house.fast.until_s - told["until_s"]) > 1
        if {key: told.get(key) for key in keys} != {key: now[key] for key in keys} or begun_anew:
            self._tell(
                _event("fast", {"active": now["active"], "interval_s": now["interval_s"], "until": now["until"]})
            )
            return {**now, "until_s": self._house.fast.until_s}
        return told

    def check_room(self) -> None:
        """Raises ProblemError if too many listen already."""
        if len(self._queues) >= PAGES:
            raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, f"{PAGES} pages are open already")

    async def listen(self) -> AsyncIterator[bytes]:
        """What one page is sent: first all latest values, then every event."""
        queue: asyncio.Queue[bytes] = asyncio.Queue(QUEUED)
        self._queues.add(queue)
        try:
            yield _event("latest", latest_json(self._house))
            while True:
                try:
                    async with asyncio.timeout(ALIVE_EVERY_S):
                        data = await queue.get()
                except TimeoutError:
                    data = _ALIVE
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
