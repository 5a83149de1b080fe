import asyncio

from smartmeter.polling.turns import Turns


async def use(turns, deadline_s, name, order):
    async with turns.turn(deadline_s):
        order.append(name)
        await asyncio.sleep(0)


async def test_the_earliest_deadline_is_served_first_and_equals_in_order():
    turns, order = Turns(), []
    async with asyncio.TaskGroup() as tasks:
        for name, deadline_s in [("first", 9), ("late", 8), ("soon", 1), ("soon too", 1), ("middle", 5)]:
            tasks.create_task(use(turns, deadline_s, name, order))
    assert order == ["first", "soon", "soon too", "middle", "late"]


async def test_who_gives_up_waiting_does_not_keep_the_turn():
    turns, order = Turns(), []
    async with turns.turn(0):
        waiting = asyncio.create_task(use(turns, 1, "gone", order))
        await asyncio.sleep(0)
        waiting.cancel()
    await use(turns, 2, "next", order)
    assert order == ["next"]


async def test_a_turn_that_comes_with_the_cancellation_is_passed_on():
    turns, order = Turns(), []
    async with turns.turn(0):
        waiting = asyncio.create_task(use(turns, 1, "gone", order))
        following = asyncio.create_task(use(turns, 2, "next", order))
        await asyncio.sleep(0)
    waiting.cancel()
    async with asyncio.timeout(5):
        await following
    assert order == ["next"]
