import asyncio
import shutil
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from smartmeter import __version__
from smartmeter.sinks.shipper import ShipperState
from smartmeter.web import state as module
from tests.web.made_up import asking, home, meter


@pytest.fixture
async def made(tmp_path):
    async with home(tmp_path, meters=[meter(), meter("garage", address=2)]) as made:
        yield made


async def ask(made):
    async with asking(made) as client:
        answer = await client.get("/api/v1/state")
        assert answer.status_code == 200, answer.text
        return answer.json()


async def test_after_an_hour(made):
    made.read({"voltage_l1": 230.0}, ago_s=3)
    poller = made.house.pollers[0]
    poller.state.readings, poller.state.skipped = 360, 2
    poller.state.failures["NoAnswerError"] = 3
    made.house.pollers[1].state.silent_since_us = made.clock.wall_us - 60_000_000
    bus = made.house.buses[0]
    bus.counters.requests, bus.counters.no_answer, bus.counters.busy_s = 720, 3, 36.0
    bus.trouble = "/dev/null: there is no such port"
    state = await ask(made)
    assert (state["version"], state["uptime_s"]) == (__version__, 3600.0)
    assert (state["started"], state["time"]) == ("2026-11-24T10:00:00.000Z", "2026-11-24T11:00:00.000Z")
    assert state["buses"] == [
        {
            "name": "bus1",
            "port": "/dev/null",
            "trouble": "/dev/null: there is no such port",
            "load": 0.01,
            "requests": 720,
            "failures": 3,
            "answer_ms": 50.0,
        }
    ]
    assert state["meters"] == [
        {
            "name": "house",
            "bus": "bus1",
            "address": 1,
            "readings": 360,
            "skipped": 2,
            "failures": {"NoAnswerError": 3},
            "silent_since": None,
            "last": "2026-11-24T10:59:57.000Z",
        },
        {
            "name": "garage",
            "bus": "bus1",
            "address": 2,
            "readings": 0,
            "skipped": 0,
            "failures": {},
            "silent_since": "2026-11-24T10:59:00.000Z",
            "last": None,
        },
    ]
    assert state["sinks"] == state["alarms"] == []
    assert state["journal"]["path"] == str(made.path)
    assert state["journal"]["bytes"] >= made.path.stat().st_size
    assert 0 < state["journal"]["disk_used_percent"] <= 100


async def test_a_sink(made):
    shipper = ShipperState("postgresql", shipped=5, refused=1, last_success_us=made.clock.wall_us, error="refused")
    made.house = replace(made.house, shippers={"postgresql": shipper})
    assert (await ask(made))["sinks"] == [
        {
            "name": "postgresql",
            "backlog": 0,
            "error": "refused",
            "last_success": "2026-11-24T11:00:00.000Z",
            "shipped": 5,
            "refused": 1,
        }
    ]


async def test_memory_is_that_of_this_process(made):
    found = (await ask(made))["memory_bytes"]
    assert found == pytest.approx(psutil.Process().memory_info().rss, rel=0.1)


async def test_systems_that_do_not_tell(made, monkeypatch):
    monkeypatch.setattr(module, "_STATM", Path("/nothing"))
    monkeypatch.setattr(module, "_IO", Path("/nothing"))
    state = await ask(made)
    assert state["memory_bytes"] is None
    assert state["journal"]["written_bytes_per_day"] is None


async def test_what_is_written_is_told_after_some_time_only(made, monkeypatch, tmp_path):
    (tmp_path / "io").write_text("rchar: 1\nwrite_bytes: 3600000\n")
    monkeypatch.setattr(module, "_IO", tmp_path / "io")
    assert (await ask(made))["journal"]["written_bytes_per_day"] == 86_400_000
    made.house = replace(
        made.house, started=replace(made.house.started, monotonic_us=made.clock.monotonic_us - 10_000_000)
    )
    assert (await ask(made))["journal"]["written_bytes_per_day"] is None


async def test_a_disk_that_is_gone_is_no_reason_to_say_nothing(made, monkeypatch):
    def gone(_):
        raise FileNotFoundError

    monkeypatch.setattr(shutil, "disk_usage", gone)
    state = await ask(made)
    assert state["journal"] == {
        "path": str(made.path),
        "bytes": None,
        "written_bytes_per_day": None,
        "disk_free_bytes": None,
        "disk_used_percent": None,
    }
    assert len(state["meters"]) == 2


async def test_the_time_may_have_been_set(made):
    made.clock.monotonic_us += 60_000_000
    made.clock.wall_us -= 3 * 86_400_000_000
    state = await ask(made)
    assert state["uptime_s"] == 3660.0


async def test_a_journal_that_does_not_answer_holds_nobody_up(made, monkeypatch):
    async def never(*_):
        await asyncio.Event().wait()

    monkeypatch.setattr(module, "PATIENCE_S", 0.05)
    monkeypatch.setattr(type(made.house.journal), "health_since", never)
    state = await asyncio.wait_for(ask(made), 2)
    assert [bus["load"] for bus in state["buses"]] == [None]
