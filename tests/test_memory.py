"""What is learned of meters, kept across restarts of the program."""

import asyncio
import logging
import os
import sqlite3
from contextlib import closing, suppress
from dataclasses import replace
from types import SimpleNamespace

import pytest

from smartmeter import memory as module
from smartmeter.memory import Memory, forget_meters, keep_meters, met_there
from smartmeter.modbus.line import SerialFormat
from smartmeter.models import load_model
from smartmeter.polling.known import KnownMeter, known_to_json
from smartmeter.polling.learned import Learned
from smartmeter.settings.model import BusSettings, MeterSettings
from smartmeter.state import create_state, with_state
from tests.journal.made_up import refusing_disk

KNOWN = KnownMeter("bus1", 1, "4711", "SDM530", Learned(longest=44, turnaround_s=0.02), 1, 2)
OTHER = replace(KNOWN, address=2, serial_number="", met_us=1)


class Poller(SimpleNamespace):
    """Of a poller what the memory asks for."""

    def forget(self):
        self.known = None


@pytest.fixture
def path(tmp_path):
    return tmp_path / "smartmeter_state.db"


async def kept(path):
    return list(await Memory(path).load())


async def test_what_was_saved_is_loaded_by_the_next_program(path):
    memory = Memory(path)
    assert list(await memory.load()) == []
    await memory.save([Poller(known=KNOWN), Poller(known=OTHER), Poller(known=None)])
    assert await kept(path) == [OTHER, KNOWN]
    newer = replace(KNOWN, learned=Learned(longest=10))
    await memory.save([Poller(known=newer)])
    assert await kept(path) == [OTHER, newer]


async def test_nothing_is_written_while_nothing_changes(path):
    memory = Memory(path)
    await memory.load()
    pollers = [Poller(known=KNOWN)]
    await memory.save(pollers)
    content, changed_ns = path.read_bytes(), path.stat().st_mtime_ns
    for _ in range(3):
        await memory.save(pollers)
    assert (path.read_bytes(), path.stat().st_mtime_ns) == (content, changed_ns)
    # The next program, which learns the same, neither.
    following = Memory(path)
    await following.load()
    await following.save(pollers)
    assert path.stat().st_mtime_ns == changed_ns


async def test_it_is_kept_again_and_again_until_cancelled(path, monkeypatch):
    monkeypatch.setattr(module, "SAVE_EVERY_S", 0.01)
    memory = Memory(path)
    await memory.load()
    poller = Poller(known=None)
    keeping = asyncio.create_task(memory.keep([poller]))
    poller.known = KNOWN
    async with asyncio.timeout(5):
        while await kept(path) != [KNOWN]:  # noqa: ASYNC110 - the program knows nothing of tests
            await asyncio.sleep(0.01)
    keeping.cancel()
    with suppress(asyncio.CancelledError):
        await keeping


async def test_what_somebody_removes_from_the_file_is_forgotten_and_may_be_learned_again(path):
    memory = Memory(path)
    await memory.load()
    one, other = Poller(known=KNOWN), Poller(known=OTHER)
    await memory.save([one, other])
    assert with_state(path, forget_meters, "bus1", 1) == 1
    assert with_state(path, forget_meters, "bus1", 1) == 0
    os.utime(path, ns=(1, 1))
    one.known = replace(KNOWN, learned=Learned(longest=50))
    await memory.save([one, other])
    assert (one.known, other.known) == (None, OTHER)
    assert await kept(path) == [OTHER]
    one.known = KNOWN
    await memory.save([one, other])
    assert await kept(path) == [OTHER, KNOWN]


@pytest.mark.parametrize("text", ["", "{}", "nonsense", b"\xff\x00", 7, known_to_json(KNOWN)[:-1]])
async def test_a_damaged_entry_is_one_line_in_the_log_and_the_others_are_used(path, caplog, text):
    create_state(path)
    with_state(path, keep_meters, [OTHER])
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("INSERT INTO meter VALUES ('bus1', 1, '4711', ?)", (text,))
    assert await kept(path) == [OTHER]
    [record] = caplog.records
    assert record.getMessage().startswith("What was kept of the meter at address 1 on bus bus1 is not used: ")


async def test_a_file_that_cannot_be_had_is_told_once_and_tried_again(path, caplog):
    caplog.set_level(logging.INFO)
    path.mkdir()
    memory = Memory(path)
    assert list(await memory.load()) == []
    poller = Poller(known=KNOWN)
    for _ in range(2):
        await memory.save([poller])
    path.rmdir()
    await memory.save([poller])
    assert await kept(path) == [KNOWN]
    first, last = [record.getMessage() for record in caplog.records]
    assert first.startswith("What is learned of meters is not kept now: ")
    assert last == "What is learned of meters is kept again."


async def test_a_full_disk_and_a_file_that_is_gone_cost_nothing_that_was_learned(path):
    memory = Memory(path)
    await memory.load()
    poller = Poller(known=KNOWN)
    with refusing_disk():
        await memory.save([poller])
    await memory.save([poller])
    assert await kept(path) == [KNOWN]
    path.unlink()
    for _ in range(2):
        await memory.save([poller])
    assert poller.known == KNOWN
    assert await kept(path) == [KNOWN]


def test_known_there_is_what_was_met_at_this_place_as_this_model():
    meter = MeterSettings("house", load_model("SDM530"), 1, {})
    bus = BusSettings("bus1", "/dev/null", SerialFormat(9600), 0.5, (meter,))
    others = [replace(KNOWN, bus="bus2"), replace(KNOWN, address=2), replace(KNOWN, model="SDM630")]
    older = replace(KNOWN, serial_number="1")
    assert met_there([older, *others, KNOWN], bus, meter) == [older, KNOWN]
