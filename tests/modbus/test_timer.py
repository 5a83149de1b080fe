import asyncio
import time

import pytest

from smartmeter.modbus.timer import LoopTimer, open_timer


@pytest.mark.parametrize("factory", [open_timer, LoopTimer])
async def test_never_wakes_early(factory):
    timer = factory()
    try:
        for wait_s in (0.0003, 0.002, 0.01):
            moment_s = time.monotonic() + wait_s
            await timer.sleep_until(moment_s)
            assert time.monotonic() >= moment_s
    finally:
        timer.close()


async def test_a_moment_in_the_past_does_not_wait():
    timer = open_timer()
    started_s = time.monotonic()
    await timer.sleep_until(started_s - 1)
    assert time.monotonic() - started_s < 0.05
    timer.close()


async def test_is_good_for_use_after_a_cancelled_wait():
    timer = open_timer()
    waiting = asyncio.create_task(timer.sleep_until(time.monotonic() + 0.02))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.sleep(0.03)
    moment_s = time.monotonic() + 0.01
    await timer.sleep_until(moment_s)
    assert time.monotonic() >= moment_s
    timer.close()
