import asyncio
import sqlite3
import time
from contextlib import closing
from dataclasses import replace

import pytest

from smartmeter.clock import system_clock
from smartmeter.health import HealthNotes
from smartmeter.journal import Health, Journal
from smartmeter.modbus.line import SerialFormat
from smartmeter.models import load_model
from smartmeter.periods import QUARTER_US
from smartmeter.polling.bus import Bus
from smartmeter.polling.fast import FastInterval
from smartmeter.polling.poller import MeterPoller
from smartmeter.settings.model import BusSettings, FastSettings, JournalSettings, MeterSettings

QUARTER = 1_790_000_100_000_000 - 1_790_000_100_000_000 % QUARTER_US
METER = MeterSettings("house", load_model("SDM530"), 1, {"voltage_l1": 1_000_000})


@pytest.fixture
def clock(monkeypatch):
    """Both clocks, moved by hand."""

    class Clocks:
        wall_us = QUARTER + 1
        monotonic_s = 100.0

        def move(self, seconds):
            self.wall_us += round(seconds * 1e6)
            self.monotonic_s += seconds

    clocks = Clocks()
    monkeypatch.setattr(time, "monotonic", lambda: clocks.monotonic_s)
    return clocks


@pytest.fixture
def bus():
    return Bus(BusSettings("cellar", "/dev/null", SerialFormat(9600), 0.5, (METER,)))


@pytest.fixture
def notes(bus, clock):
    fast = FastInterval(FastSettings(1_000_000, 60.0))
    of_system = replace(system_clock(), wall_us=lambda: clock.wall_us)
    poller = MeterPoller(METER, bus, fast, of_system, lambda _: None)
    return HealthNotes([bus], [poller], of_system), poller


def values(notes):
    return {(each.start_us, each.quantity): each.value for each in notes.of_buses()}


def test_a_bus_is_noted_since_its_quarter_hour_began(notes, bus, clock):
    made, poller = notes
    bus.counters.busy_s, bus.counters.requests, bus.counters.no_answer, poller.state.skipped = 15.0, 60, 3, 2
    clock.move(60)
    assert values(made) == {
        (QUARTER, "load"): 0.25,
        (QUARTER, "requests"): 60,
        (QUARTER, "failures"): 3,
        (QUARTER, "skipped"): 2,
    }
    bus.counters.busy_s = 45.0
    clock.move(60)
    assert values(made)[QUARTER, "load"] == pytest.approx(0.375)


def test_with_the_next_quarter_hour_it_begins_anew(notes, bus, clock):
    made, _ = notes
    clock.move(880)
    bus.counters.requests = 100
    assert values(made)[QUARTER, "requests"] == 100
    clock.move(60)
    bus.counters.requests = 107
    assert values(made)[QUARTER + QUARTER_US, "requests"] == 7


async def test_notes_are_kept_and_the_newer_one_counts(tmp_path):
    path = tmp_path / "smartmeter.db"
    journal = await Journal.open(JournalSettings(path), [], [])
    first = Health("bus", "cellar", "requests", QUARTER, 5)
    journal.note_health([first, replace(first, start_us=QUARTER + QUARTER_US)])
    await journal.commit()
    journal.note_health([replace(first, value=9)])
    await journal.commit()
    assert await journal.health_since(0, 10) == [
        replace(first, value=9),
        replace(first, start_us=QUARTER + QUARTER_US),
    ]
    assert await journal.health_since(QUARTER + 1, 10) == [replace(first, start_us=QUARTER + QUARTER_US)]
    await journal.close()
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT name, quantity, value, time_s FROM health_per_15m ORDER BY time_s").fetchall()
    assert rows[0] == ("cellar", "requests", 9.0, QUARTER // 1_000_000)


async def test_notes_on_many_buses_are_not_compared_with_one_another(tmp_path, monkeypatch):
    compared = []
    monkeypatch.setattr(Health, "__eq__", lambda self, other: compared.append(other) or self is other)
    journal = await Journal.open(JournalSettings(tmp_path / "smartmeter.db"), [], [])
    journal.note_health([Health("bus", f"bus {number}", "load", QUARTER, 0.5) for number in range(300)])
    await journal.commit()
    assert compared == []
    assert len(await journal.health_since(0, 1000)) == 300
    await journal.close()


async def test_what_is_noted_anew_while_it_is_written_is_written_too(tmp_path):
    journal = await Journal.open(JournalSettings(tmp_path / "smartmeter.db"), [], [])
    note = Health("bus", "cellar", "requests", QUARTER, 5)
    journal.note_health([note])
    writing = asyncio.create_task(journal.commit())
    await asyncio.sleep(0)
    journal.note_health([replace(note, value=9)])
    await writing
    await journal.commit()
    assert await journal.health_since(0, 10) == [replace(note, value=9)]
    await journal.close()
