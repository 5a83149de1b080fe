"""How measuring fares: lines, meters, sinks, the journal, the disk, alarms."""

import asyncio
import os
import shutil
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Final, TypeVar

from smartmeter import __version__
from smartmeter.clock import elapsed_us, now
from smartmeter.health import load_of
from smartmeter.house import House
from smartmeter.polling.bus import Bus
from smartmeter.polling.poller import MeterPoller
from smartmeter.sinks.shipper import ShipperState
from smartmeter.web.alarms import alarms_json
from smartmeter.web.fast import fast_json
from smartmeter.web.meters import silent_since
from smartmeter.web.moments import iso

_IO: Final = Path("/proc/self/io")
_STATM: Final = Path("/proc/self/statm")
# Not the same everywhere: a Raspberry Pi 5 has pages of 16 KB.
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
_DAY_S: Final = 86_400
# Before that, what the start has written would be taken for what every day writes.
_TELLING_S: Final = 600.0

# A disk that does not answer has the journal wait.
PATIENCE_S: Final = 2.0

Json = dict[str, Any]
_T = TypeVar("_T")


async def state_json(house: House) -> Json:
    """All of it, as it is now."""
    uptime_s = elapsed_us(house.started, now(house.clock)) / 1e6
    return {
        "version": __version__,
        "started": iso(house.clock.wall_us() - round(uptime_s * 1e6)),
        "uptime_s": uptime_s,
        "time": iso(house.clock.wall_us()),
        "buses": [await _bus(house, bus) for bus in house.buses],
        "meters": [_meter(house, poller) for poller in house.pollers],
        "sinks": [await _sink(house, shipper) for shipper in house.shippers.values()],
        "journal": await asyncio.to_thread(_journal, house.journal.path, uptime_s),
        "memory_bytes": _memory_bytes(),
        "alarms": alarms_json(house),
        "fast": fast_json(house),
    }


async def _within_patience(answer: Coroutine[Any, Any, _T]) -> _T | None:
    """The answer; None if the journal cannot be read now, which is when somebody looks here."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await answer
    except TimeoutError:
        return None


async def _bus(house: House, bus: Bus) -> Json:
    counters = bus.counters
    load = await _within_patience(load_of(house.journal, bus, house.started, house.clock))
    return {
        "name": bus.settings.name,
        "port": bus.settings.port,
        "trouble": bus.trouble,
        "load": None if load is None else min(1.0, load),
        "requests": counters.requests,
        "failures": counters.failures,
        # With the time on the line, as the owner has to wait for both.
        "answer_ms": 1000 * counters.busy_s / counters.requests if counters.requests else None,
    }


def _meter(house: House, poller: MeterPoller) -> Json:
    meter, state = poller.meter, poller.state
    values = house.live.latest.get(meter.name, {})
    newest_us = max((latest.time_us for latest in values.values()), default=None)
    bus = next(bus for bus in house.settings.buses if meter in bus.meters)
    return {
        "name": meter.name,
        "bus": bus.name,
        "address": meter.address,
        "readings": state.readings,
        "skipped": state.skipped,
        "failures": dict(state.failures),
        "silent_since": silent_since(poller),
        "last": None if newest_us is None else iso(newest_us),
    }


async def _sink(house: House, shipper: ShipperState) -> Json:
    last_us = shipper.last_success_us
    return {
        "name": shipper.sink,
        "backlog": await _within_patience(house.journal.backlog(shipper.sink)),
        "error": shipper.error,
        "last_success": None if last_us is None else iso(last_us),
        "shipped": shipper.shipped,
        "refused": shipper.refused,
    }


def _journal(path: Path, uptime_s: float) -> Json:
    try:
        usage = shutil.disk_usage(path.parent)
        journal_bytes = sum(file.stat().st_size for file in (path, path.with_name(f"{path.name}-wal")) if file.exists())
    except OSError:
        # The disk is gone; readings wait in memory, and the log says so.
        return {
            "path": str(path),
            "bytes": None,
            "written_bytes_per_day": None,
            "disk_free_bytes": None,
            "disk_used_percent": None,
        }
    written = _written_bytes()
    is_telling = written is not None and uptime_s >= _TELLING_S
    return {
        "path": str(path),
        "bytes": journal_bytes,
        "written_bytes_per_day": round(written * _DAY_S / uptime_s) if written is not None and is_telling else None,
        "disk_free_bytes": usage.free,
        "disk_used_percent": 100 * usage.used / max(1, usage.used + usage.free),
    }


def _written_bytes() -> int | None:
    """What this process has had written to disks since it started (proc(5), "write_bytes"); None elsewhere."""
    try:
        fields = dict(line.split(": ") for line in _IO.read_text("ascii").splitlines())
        return int(fields["write_bytes"])
    except (OSError, KeyError, ValueError):
        return None


def _memory_bytes() -> int | None:
    try:
        return int(_STATM.read_text("ascii").split()[1]) * _PAGE_BYTES
    except (OSError, IndexError, ValueError):
        return None
