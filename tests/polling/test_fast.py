import asyncio
import time

from smartmeter.polling.fast import FastInterval
from smartmeter.settings.model import FastSettings


async def test_off_at_first_and_off_again_after_its_time():
    fast = FastInterval(FastSettings(interval_us=2_000_000, duration_s=0.05))
    assert not fast.active
    fast.start()
    assert fast.active
    await asyncio.sleep(0.06)
    assert not fast.active


async def test_a_start_wakes_all_who_sleep_and_nobody_else_does():
    fast = FastInterval(FastSettings(interval_us=2_000_000, duration_s=5))
    started_s = time.monotonic()
    sleepers = [asyncio.create_task(fast.sleep(30)) for _ in range(3)]
    await fast.sleep(0.02)
    assert 0.02 <= time.monotonic() - started_s < 1
    assert not any(sleeper.done() for sleeper in sleepers)
    fast.start()
    async with asyncio.timeout(1):
        await asyncio.gather(*sleepers)


async def test_asked_for_again_its_time_starts_anew():
    fast = FastInterval(FastSettings(interval_us=2_000_000, duration_s=5))
    fast.start()
    first_s = fast.until_s
    await asyncio.sleep(0.01)
    fast.start()
    assert fast.until_s > first_s


async def test_it_takes_another_interval_and_duration_for_once():
    fast = FastInterval(FastSettings(interval_us=2_000_000, duration_s=5))
    fast.start(500_000, 60)
    assert fast.interval_us == 500_000
    assert 59 < fast.until_s - time.monotonic() <= 60
    fast.start()
    assert fast.interval_us == 2_000_000
    assert 4 < fast.until_s - time.monotonic() <= 5
