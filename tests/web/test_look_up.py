import asyncio
import threading
import time

import pytest

from smartmeter.journal.errors import JournalError
from smartmeter.web import look_up as module
from smartmeter.web.look_up import LookUp
from smartmeter.web.problems import ProblemError
from tests.web.made_up import NOON_US, fill


@pytest.fixture
def journal(tmp_path):
    path = tmp_path / "smartmeter.db"
    fill(path, ["voltage_l1"], [("house", NOON_US, {"voltage_l1": 230})])
    return path


@pytest.fixture
async def look_up(journal):
    made = LookUp(journal)
    yield made
    made.close()


class Asked:
    """A question that counts, and can be held up."""

    def __init__(self, answer=b"found", error=None):
        self.count = 0
        self.go = threading.Event()
        self.go.set()
        self._answer, self._error = answer, error

    async def __call__(self, history):
        self.count += 1
        self.go.wait(10)
        if self._error:
            raise self._error
        return self._answer


async def until(condition):
    while not condition():  # noqa: ASYNC110 - what happens in another thread
        await asyncio.sleep(0.005)


async def test_it_asks_the_journal(look_up):
    async def meters(history):
        return ",".join(await history.meters()).encode()

    assert await look_up.ask("meters", meters) == b"house"


async def test_many_who_ask_the_same_ask_once_and_others_get_their_own(look_up):
    one, other = Asked(b"one"), Asked(b"other")
    answers = await asyncio.gather(*(look_up.ask("one", one) for _ in range(100)), look_up.ask("other", other))
    assert answers == [b"one"] * 100 + [b"other"]
    assert (one.count, other.count) == (1, 1)
    assert await look_up.ask("one", one) == b"one"
    assert one.count == 1


async def test_an_answer_gets_old_and_is_forgotten(look_up, monkeypatch):
    monkeypatch.setattr(module, "FRESH_S", 0.05)
    question = Asked()
    await look_up.ask("key", question)
    await asyncio.sleep(0.1)
    assert not look_up._answers  # noqa: SLF001
    await look_up.ask("key", question)
    assert question.count == 2


async def test_what_is_still_looked_for_is_not_looked_for_twice_however_long_it_takes(look_up, monkeypatch):
    monkeypatch.setattr(module, "FRESH_S", 0.01)
    question = Asked()
    question.go.clear()
    asking = [asyncio.create_task(look_up.ask("key", question))]
    await asyncio.sleep(0.05)
    asking.append(asyncio.create_task(look_up.ask("key", question)))
    await asyncio.sleep(0.05)
    question.go.set()
    assert await asyncio.gather(*asking) == [b"found"] * 2
    assert question.count == 1


async def test_a_failure_is_told_to_all_who_wait_and_not_remembered(look_up):
    failing = Asked(error=JournalError("broken"))
    found = await asyncio.gather(*(look_up.ask("key", failing) for _ in range(3)), return_exceptions=True)
    assert [type(error) for error in found] == [JournalError] * 3
    assert await look_up.ask("key", Asked(b"again")) == b"again"


async def test_who_goes_away_takes_nothing_from_the_others(look_up):
    question = Asked()
    question.go.clear()
    gone, staying = (asyncio.create_task(look_up.ask("key", question)) for _ in range(2))
    await until(lambda: question.count == 1)
    gone.cancel()
    await asyncio.wait([gone])
    question.go.set()
    assert await staying == b"found"


async def test_memory_is_bounded(look_up):
    for number in range(3 * module.REMEMBERED):
        await look_up.ask(number, Asked())
    assert len(look_up._answers) == module.REMEMBERED  # noqa: SLF001
    await look_up.ask("large", Asked(b"x" * (module.LARGEST_REMEMBERED + 1)))
    assert "large" not in look_up._answers  # noqa: SLF001


async def test_so_many_wait_and_no_more(look_up):
    question = Asked()
    question.go.clear()
    waiting = [asyncio.create_task(look_up.ask(number, question)) for number in range(module.WAITING)]
    await asyncio.sleep(0.01)
    with pytest.raises(ProblemError) as caught:
        await look_up.ask("one more", question)
    assert caught.value.status == 503
    question.go.set()
    await asyncio.gather(*waiting)
    assert await look_up.ask("now", question) == b"found"


async def test_nobody_waits_when_it_is_closed(journal):
    look_up, question = LookUp(journal), Asked()
    question.go.clear()
    waiting = [asyncio.create_task(look_up.ask(number, question)) for number in range(3)]
    await until(lambda: question.count == 1)
    began_s = time.monotonic()
    look_up.close()
    found = await asyncio.gather(*waiting, return_exceptions=True)
    assert time.monotonic() - began_s < 0.5
    assert [type(error) for error in found] == [ProblemError] * 3
    question.go.set()


async def test_the_loop_goes_on_meanwhile(look_up):
    question = Asked()
    question.go.clear()
    waiting = asyncio.create_task(look_up.ask("key", question))
    for _ in range(20):
        await asyncio.sleep(0.001)
    assert not waiting.done()
    question.go.set()
    await waiting
