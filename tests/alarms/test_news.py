import asyncio

from smartmeter.alarms.news import News


async def soon(task):
    """Whether the task ends without anything else happening."""
    for _ in range(5):
        await asyncio.sleep(0)
    return task.done()


async def test_whoever_waits_is_woken_by_what_is_new():
    news = News()
    waiting = [asyncio.create_task(news.beyond(news.count)) for _ in range(2)]
    assert not any([await soon(task) for task in waiting])
    news.announce()
    assert all([await soon(task) for task in waiting])
    assert news.count == 1


async def test_what_came_before_the_waiting_is_not_missed():
    news = News()
    seen = news.count
    news.announce()
    await news.beyond(seen)
    again = asyncio.create_task(news.beyond(news.count))
    assert not await soon(again)
    news.announce()
    assert await soon(again)


async def test_it_waits_for_as_many_as_it_wants():
    news = News()
    waiting = asyncio.create_task(news.beyond(2))
    for expected in (False, False, True):
        news.announce()
        assert await soon(waiting) is expected
