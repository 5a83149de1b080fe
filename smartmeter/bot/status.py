"""`/status`: how measuring fares."""

import asyncio
import shutil
from collections.abc import Sequence

from smartmeter import __version__
from smartmeter.bot.answer import WARNING, Answer, Button, bold, escaped, short
from smartmeter.bot.words import say
from smartmeter.clock import elapsed_us, now
from smartmeter.health import load_of
from smartmeter.house import House
from smartmeter.polling.bus import Bus
from smartmeter.polling.poller import MeterPoller
from smartmeter.reports.amounts import lasting, near_moment
from smartmeter.reports.words import number
from smartmeter.sinks.shipper import ShipperState

_ERROR_CHARACTERS = 300


async def status(house: House, words: Sequence[str]) -> Answer:  # noqa: ARG001 - as every command
    """Meters, load and errors of the lines, what waits for each sink, the disk, and since when the program runs."""
    language = house.wording.language
    uptime = lasting(elapsed_us(house.started, now(house.clock)) / 1e6)
    lines = [escaped(say("uptime", language, version=__version__, time=uptime))]
    if on := house.alarms.on():
        lines.append(bold(f"{WARNING} {say('status_on', language, number=str(len(on)))}"))
    blocks = [
        [_meter(house, poller) for poller in house.pollers],
        [await _bus(house, bus) for bus in house.buses],
        [await _sink(house, shipper) for shipper in house.shippers.values()] + await _disk(house),
    ]
    texts = ["\n".join(block) for block in [lines, *blocks] if block]
    buttons = (Button(say("refresh", language), "/status"), Button(say("alarms", language), "/alarm"))
    return Answer("\n\n".join(texts), (buttons,))


def _meter(house: House, poller: MeterPoller) -> str:
    language, name, state = house.wording.language, bold(poller.meter.name), poller.state
    now_us = house.clock.wall_us()
    if state.silent_since_us is not None:
        since = near_moment(house.wording.local(state.silent_since_us), house.wording.local(now_us), language)
        return f"{WARNING} {name}: {say('silent', language, since=since)}"
    values = house.live.latest.get(poller.meter.name)
    if not values:
        return f"{WARNING} {name}: {say('never', language)}"
    newest_us = max(value.time_us for value in values.values())
    parts = [
        _counted(house, state.readings, "reading"),
        say("last_ago", language, ago=lasting(max(0, now_us - newest_us) / 1e6)),
        _counted(house, state.failures.total(), "error"),
    ]
    if state.skipped:
        parts.append(_counted(house, state.skipped, "skipped"))
    return f"{name}: {', '.join(parts)}"


async def _bus(house: House, bus: Bus) -> str:
    language, name = house.wording.language, bold(bus.settings.name)
    if bus.trouble is not None:
        return f"{WARNING} {name}: {escaped(bus.trouble)}"
    load = await load_of(house.journal, bus, house.started, house.clock)
    parts = [
        say("busy", language, load=number(100 * load, 0, language)),
        _counted(house, bus.counters.requests, "request"),
        say("failed", language, number=number(bus.counters.failures, 0, language)),
    ]
    return f"{name}: {', '.join(parts)}"


async def _sink(house: House, shipper: ShipperState) -> str:
    backlog = await house.journal.backlog(shipper.sink)
    waiting = _counted(house, backlog, "waiting") if backlog else say("nothing_waits", house.wording.language)
    if shipper.error is not None:
        return f"{WARNING} {bold(shipper.sink)}: {waiting}; {escaped(short(shipper.error, _ERROR_CHARACTERS))}"
    return f"{bold(shipper.sink)}: {waiting}"


def _counted(house: House, count: int, key: str) -> str:
    language = house.wording.language
    return say(key if count == 1 else f"{key}s", language, number=number(count, 0, language))


async def _disk(house: House) -> list[str]:
    language, path = house.wording.language, house.settings.journal.path
    try:
        usage = await asyncio.to_thread(shutil.disk_usage, path.parent)
        size = await asyncio.to_thread(lambda: path.stat().st_size)
    except OSError:
        return []
    percent = number(100 * usage.used / max(1, usage.used + usage.free), 0, language)
    return [
        escaped(say("journal", language, size=number(size / 1e6, 1, language))),
        escaped(say("disk", language, percent=percent, free=number(usage.free / 1e9, 1, language))),
    ]
