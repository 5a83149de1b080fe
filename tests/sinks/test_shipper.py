import asyncio
import logging
from contextlib import asynccontextmanager, suppress

import pytest

from smartmeter.journal import Journal
from smartmeter.polling.fast import FastInterval
from smartmeter.settings.model import FastSettings, JournalSettings
from smartmeter.sinks.shipper import BATCH_READINGS, ship
from smartmeter.sinks.sink import Refusal, SinkUnavailableError
from tests.sinks.made_up import reading

LONG_S = 3600


class Shelf:
    """A sink that keeps everything in a list; `troubles` are the errors that its next writes end with."""

    name = "shelf"

    def __init__(self):
        self.sequences = []
        self.batches = []
        self.troubles = []
        self.refuse = {}
        self.closed = False

    async def write(self, entries):
        if self.troubles:
            raise self.troubles.pop(0)
        await asyncio.sleep(0)
        numbers = [entry.sequence for entry in entries]
        self.batches.append(len(numbers))
        self.sequences += [number for number in numbers if number not in self.refuse]
        return [Refusal(number, self.refuse[number]) for number in numbers if number in self.refuse]

    async def close(self):
        self.closed = True


@pytest.fixture
def settings(tmp_path):
    return JournalSettings(tmp_path / "smartmeter.db", commit_interval_s=0.01)


@pytest.fixture
def fast():
    return FastInterval(FastSettings(interval_us=20_000, duration_s=0.2))


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr("smartmeter.sinks.shipper.backoff_s", lambda _failures, _chance: 0.005)


@asynccontextmanager
async def journal_of(settings, readings=0):
    journal = await Journal.open(settings, reading(0).values, ["shelf"])
    try:
        await fill(journal, range(readings))
        yield journal
    finally:
        await journal.close()


async def fill(journal, numbers):
    for number in numbers:
        journal.append(reading(number))
    await journal.commit()


@asynccontextmanager
async def shipping(journal, sink, fast, interval_s=0.01, report=lambda _state: None):
    task = asyncio.create_task(ship(journal, sink, interval_s, fast, report))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(condition):
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.002)  # what the tests wait for has no bell


async def test_everything_in_the_journal_is_shipped_once_and_in_order(settings, fast):
    shelf = Shelf()
    async with journal_of(settings, 1234) as journal, shipping(journal, shelf, fast):
        await until(lambda: len(shelf.sequences) == 1234)
        assert await journal.backlog("shelf") == 0
        await fill(journal, range(1234, 1240))
        await until(lambda: len(shelf.sequences) == 1240)
    assert shelf.sequences == list(range(1, 1241))
    assert max(shelf.batches) == BATCH_READINGS


async def test_it_goes_on_where_it_was_after_a_restart(settings, fast):
    first, second = Shelf(), Shelf()
    async with journal_of(settings, 10) as journal, shipping(journal, first, fast):
        await until(lambda: len(first.sequences) == 10)
    async with journal_of(settings) as journal, shipping(journal, second, fast):
        await fill(journal, range(10, 15))
        await until(lambda: len(second.sequences) == 5)
    assert first.sequences + second.sequences == list(range(1, 16))


async def test_it_ships_at_once_and_then_at_its_interval(settings, fast):
    shelf = Shelf()
    async with journal_of(settings, 3) as journal, shipping(journal, shelf, fast, interval_s=0.3):
        await until(lambda: shelf.batches == [3])
        await fill(journal, range(3, 5))
        await asyncio.sleep(0.1)
        await fill(journal, range(5, 7))
        await asyncio.sleep(0.05)
        assert shelf.batches == [3]
        await until(lambda: shelf.batches == [3, 4])


async def test_the_fast_interval_wakes_it_and_sets_its_pace(settings, fast):
    shelf = Shelf()
    async with journal_of(settings, 1) as journal, shipping(journal, shelf, fast, interval_s=LONG_S):
        await until(lambda: shelf.batches == [1])
        await fill(journal, [1])
        fast.start()
        await until(lambda: shelf.batches == [1, 1])
        number = 2
        while fast.active:
            await fill(journal, [number])
            number += 1
            await asyncio.sleep(0.01)
        # The last readings of the fast interval go out at its pace as well, and then it is over.
        await until(lambda: len(shelf.sequences) == number)
        assert 4 <= len(shelf.batches) <= 14
        # If these went out before its end, the shipment after them is still due; the next one is not.
        await fill(journal, [number])
        await asyncio.sleep(0.1)
        shipped = len(shelf.sequences)
        assert shipped in (number, number + 1)
        await fill(journal, [number + 1])
        await asyncio.sleep(0.1)
        assert len(shelf.sequences) == shipped


async def test_a_fast_interval_that_is_slower_than_the_own_changes_nothing(settings):
    slow = FastInterval(FastSettings(interval_us=LONG_S * 10**6, duration_s=LONG_S))
    slow.start()
    shelf = Shelf()
    async with journal_of(settings, 1) as journal, shipping(journal, shelf, slow):
        await until(lambda: shelf.batches == [1])
        await fill(journal, [1])
        await until(lambda: shelf.batches == [1, 1])


async def test_an_outage_is_told_at_its_begin_and_its_end_with_what_waited(settings, fast, caplog):
    caplog.set_level(logging.INFO, "smartmeter.sinks")
    shelf = Shelf()
    shelf.troubles = [SinkUnavailableError("the shelf is broken") for _ in range(20)]
    states = []
    async with journal_of(settings, 7) as journal, shipping(journal, shelf, fast, report=states.append):
        await until(lambda: len(shelf.sequences) == 7)
    assert [record.getMessage() for record in caplog.records] == [
        "Readings wait in the journal because shipping does not work: the shelf is broken",
        "Shipping to shelf works again; 7 readings waited.",
    ]
    assert {state.error for state in states} == {None, "the shelf is broken"}
    assert {state.backlog for state in states if state.error} == {7}


async def test_another_reason_within_an_outage_is_told_too_but_each_once(settings, fast, caplog):
    shelf = Shelf()
    shelf.troubles = [SinkUnavailableError(word) for word in ("away", "broken", "away", "broken", "away")]
    async with journal_of(settings, 1) as journal, shipping(journal, shelf, fast):
        await until(lambda: shelf.sequences)
    errors = [record.getMessage().rpartition(": ")[2] for record in caplog.records if record.levelname == "ERROR"]
    assert errors == ["away", "broken"]


async def test_the_pauses_of_an_outage_grow_and_start_anew_after_a_success(settings, fast, monkeypatch):
    failures = []
    monkeypatch.setattr("smartmeter.sinks.shipper.backoff_s", lambda count, _chance: failures.append(count) or 0)
    shelf = Shelf()
    shelf.troubles = [SinkUnavailableError("away") for _ in range(4)]
    async with journal_of(settings, 1) as journal, shipping(journal, shelf, fast):
        await until(lambda: len(shelf.sequences) == 1)
        shelf.troubles = [SinkUnavailableError("away") for _ in range(2)]
        await fill(journal, [1])
        await until(lambda: len(shelf.sequences) == 2)
    assert failures == [1, 2, 3, 4, 1, 2]


async def test_what_is_refused_is_set_aside_and_blocks_nothing(settings, fast, caplog):
    shelf = Shelf()
    shelf.refuse = {3: "too big", 4: "too big"}
    states = []
    async with journal_of(settings, 6) as journal, shipping(journal, shelf, fast, report=states.append):
        await until(lambda: shelf.sequences == [1, 2, 5, 6])
        await until(lambda: states[-1].refused == 2)
        assert await journal.cursor("shelf") == 6
    assert (states[-1].shipped, states[-1].refused, states[-1].backlog) == (4, 2, 0)
    (error,) = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert error == (
        "shelf refuses readings for good, first number 3 of meter haus: too big. They are set aside in the journal."
    )


async def test_refusals_are_told_when_they_begin_not_at_every_one(settings, fast, caplog):
    shelf = Shelf()
    shelf.refuse = dict.fromkeys(range(1, 4), "too big")
    async with journal_of(settings) as journal, shipping(journal, shelf, fast):
        for number in range(5):
            await fill(journal, [number])
            await until(lambda: len(shelf.batches) == number + 1)  # noqa: B023  awaited here
    assert [record.levelname for record in caplog.records if record.name == "smartmeter.sinks.shipper"] == ["ERROR"]


async def test_the_state_counts_down_the_backlog(settings, fast):
    shelf, states = Shelf(), []
    count = 2 * BATCH_READINGS + 100
    async with journal_of(settings, count) as journal, shipping(journal, shelf, fast, report=states.append):
        await until(lambda: states and states[-1].shipped == count)
    assert [state.backlog for state in states] == [count, BATCH_READINGS + 100, 100, 0]
    assert states[0].last_success_us is None
    assert states[-1].last_success_us > 1_700_000_000_000_000


async def test_the_sink_is_closed_at_the_end(settings, fast):
    shelf = Shelf()
    async with journal_of(settings) as journal:
        async with shipping(journal, shelf, fast):
            await asyncio.sleep(0.01)
        assert shelf.closed


async def test_a_mistake_in_the_sink_is_not_swallowed(settings, fast):
    shelf = Shelf()
    shelf.troubles = [ZeroDivisionError("ours")]
    async with journal_of(settings, 1) as journal:
        with pytest.raises(ZeroDivisionError, match="ours"):
            await ship(journal, shelf, LONG_S, fast)
    assert shelf.closed
