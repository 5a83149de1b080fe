"""The journal against a model of a few lines, through any sequence of commits, outages and restarts."""

import asyncio
import resource
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smartmeter.journal import Journal
from smartmeter.journal.pending import Pending
from smartmeter.settings.model import JournalSettings
from tests.journal.made_up import MEASURANDS, numbers, reading, sequences

CAPACITY = 15
SINK = "postgresql"


@dataclass
class Model:
    """What should be in the journal: the number of each reading by its sequence number."""

    on_disk: dict[int, int] = field(default_factory=dict)
    in_memory: dict[int, int] = field(default_factory=dict)
    last: int = 0
    appended: int = 0
    cursor: int = 0
    cursor_on_disk: int = 0
    disk_refuses: bool = False
    failing: bool = False
    lost: int = 0

    def append(self):
        self.last += 1
        self.appended += 1
        self.in_memory[self.last] = self.appended
        if len(self.in_memory) > CAPACITY:
            del self.in_memory[min(self.in_memory)]
            self.lost += 1

    def commit(self):
        # A disk that refuses is not noticed as long as there is nothing to write.
        self.failing = self.disk_refuses and bool(self.failing or self.in_memory or self.cursor != self.cursor_on_disk)
        if not self.disk_refuses:
            self.on_disk |= self.in_memory
            self.in_memory = {}
            self.cursor_on_disk = self.cursor

    def reopen(self):
        self.commit()
        self.in_memory = {}
        self.cursor = self.cursor_on_disk
        self.last = max([0, self.cursor, *self.on_disk])
        self.disk_refuses = self.failing = False
        self.lost = 0

    @property
    def visible(self):
        return self.on_disk | (self.in_memory if self.failing else {})


def let_write(allowed):
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard if allowed else 0, hard))


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(1, 8)),
        st.tuples(st.just("commit"), st.none()),
        st.tuples(st.sampled_from(["refuse", "recover", "reopen"]), st.none()),
        st.tuples(st.just("advance"), st.integers(0, 30)),
        st.tuples(st.just("look"), st.tuples(st.integers(0, 40), st.integers(1, 12))),
    ),
    max_size=25,
)


@pytest.fixture(autouse=True)
def small_memory(monkeypatch):
    monkeypatch.setattr("smartmeter.journal.journal.Pending", lambda columns: Pending(columns, capacity=CAPACITY))


@settings(max_examples=60)
@given(STEPS)
def test_behaves_like_the_model(steps):
    with tempfile.TemporaryDirectory() as directory:
        try:
            asyncio.run(follow(Path(directory) / "smartmeter.db", steps))
        finally:
            let_write(allowed=True)


async def follow(path, steps):
    model = Model()
    journal = await open_journal(path)
    for step, argument in steps:
        if step == "append":
            for _ in range(argument):
                model.append()
                journal.append(reading(model.appended))
        elif step == "commit":
            model.commit()
            await journal.commit()
        elif step in {"refuse", "recover"}:
            model.disk_refuses = step == "refuse"
            let_write(allowed=step == "recover")
        elif step == "advance":
            # As a shipper does it: to something that it was given.
            given_out = [sequence for sequence in model.visible if sequence <= model.cursor + argument]
            model.cursor = max([model.cursor, *given_out])
            await journal.advance(SINK, model.cursor)
        elif step == "reopen":
            model.reopen()
            await journal.close()
            let_write(allowed=True)
            journal = await open_journal(path)
        else:
            await compare(journal, model, *argument)
    await compare(journal, model, 0, 1000)
    await journal.close()


async def open_journal(path):
    return await Journal.open(JournalSettings(path, 3600.0, None), MEASURANDS, [SINK])


async def compare(journal, model, sequence, limit):
    entries = await journal.entries_after(sequence, limit)
    expected = sorted(number for number in model.visible if number > sequence)
    assert sequences(entries) == expected[:limit]
    assert numbers(entries) == [model.visible[number] for number in sequences(entries)]
    assert await journal.cursor(SINK) == model.cursor
    assert await journal.backlog(SINK) == sum(number > model.cursor for number in model.visible)
    assert journal.state.pending == len(model.in_memory)
    assert bool(journal.state.failing) == model.failing
    assert journal.state.lost == model.lost
    waiter = asyncio.ensure_future(journal.wait_beyond(sequence))
    await asyncio.sleep(0)
    assert waiter.done() == bool(expected)
    waiter.cancel()
