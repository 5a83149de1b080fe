import asyncio

import pytest

from smartmeter.web.shared import Shared


class Made:
    def __init__(self, error=None):
        self.count, self.error = 0, error

    async def __call__(self):
        self.count += 1
        await asyncio.sleep(0.01)
        if self.error:
            raise self.error
        return b"made %d" % self.count


async def test_all_who_ask_within_a_moment_get_the_same_and_others_another():
    made = Made()
    shared = Shared(made, 0.1)
    assert await asyncio.gather(*(shared.get() for _ in range(100))) == [b"made 1"] * 100
    assert await shared.get() == b"made 1"
    await asyncio.sleep(0.12)
    assert await shared.get() == b"made 2"
    shared.forget()
    assert await shared.get() == b"made 3"


async def test_a_failure_is_all_theirs_who_asked():
    shared = Shared(Made(ValueError()), 0)
    found = await asyncio.gather(*(shared.get() for _ in range(3)), return_exceptions=True)
    assert [type(error) for error in found] == [ValueError] * 3


async def test_who_goes_away_takes_nothing_from_the_others():
    shared = Shared(Made(), 1)
    gone, staying = (asyncio.create_task(shared.get()) for _ in range(2))
    await asyncio.sleep(0)
    gone.cancel()
    assert await staying == b"made 1"
    with pytest.raises(asyncio.CancelledError):
        await gone
