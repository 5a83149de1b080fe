import asyncio
import time

from smartmeter.modbus.line import SerialFormat
from smartmeter.polling.bus import Bus
from smartmeter.settings.model import BusSettings


def bus():
    return Bus(BusSettings("test", "/dev/null", SerialFormat(9600), 0.5, ()))


async def test_idle_at_once_if_nothing_is_planned():
    started_s = time.monotonic()
    await bus().idle(needed_s=0.5, patience_s=5)
    assert time.monotonic() - started_s < 0.5


async def test_waits_until_the_next_round_is_over():
    line = bus()
    line.announce("house", time.monotonic() + 0.05)

    async def use():
        await asyncio.sleep(0.05)
        with line.round():
            await asyncio.sleep(0.15)
            line.announce("house", time.monotonic() + 60)

    user = asyncio.create_task(use())
    started_s = time.monotonic()
    await line.idle(needed_s=0.5, patience_s=5)
    assert 0.2 <= time.monotonic() - started_s < 1
    await user


async def test_a_round_that_was_announced_and_never_came_is_not_waited_for():
    line = bus()
    line.announce("silent", time.monotonic() - 10)
    line.announce("house", time.monotonic() + 60)
    started_s = time.monotonic()
    await line.idle(needed_s=0.5, patience_s=5)
    assert time.monotonic() - started_s < 0.5


async def test_a_line_that_is_never_idle_is_not_waited_for_for_ever():
    line = bus()
    started_s = time.monotonic()
    with line.round():
        await line.idle(needed_s=0.5, patience_s=0.2)
    assert 0.2 <= time.monotonic() - started_s < 1
