"""Server-sent events: what pages are told, and what becomes of those that do not listen."""

import asyncio
import json
import time

import httpx
import pytest

from smartmeter.alarms.judge import AlarmState
from smartmeter.alarms.rules import Rule
from smartmeter.reading import Reading
from smartmeter.web import events as module
from smartmeter.web.events import Events
from smartmeter.web.problems import ProblemError
from tests.web.made_up import BOOT, asking, home, meter, serving


@pytest.fixture
async def made(tmp_path):
    async with home(tmp_path, meters=[meter(), meter('"Süd"\n\r<b>', address=2)]) as made:
        yield made


@pytest.fixture
async def events(made):
    events = Events(made.house)
    with made.house.live.listening(events.hear):
        yield events
    events.close()


def parsed(data):
    """The events in a stream, as a browser reads them."""
    found = []
    for block in data.decode().split("\n\n"):
        fields = [line.partition(": ") for line in block.split("\n") if line and not line.startswith(":")]
        if fields:
            assert [name for name, _, _ in fields] == ["event", "data"]
            found.append((fields[0][2], json.loads(fields[1][2])))
    return found


async def soon(stream, within_s=20.0):
    (event,) = parsed(await asyncio.wait_for(anext(stream), within_s))
    return event


async def begun(stream):
    """What a page is told at its begin: the latest values, after which fast interval and alarms come as well."""
    told = parsed(await asyncio.wait_for(anext(stream), 2.0))
    assert [name for name, _ in told] == ["latest", "fast", "alarms"]
    return told[0][1], told[1][1], told[2][1]


async def test_first_all_values_and_then_every_reading(made, events):
    made.read({"voltage_l1": 230.1})
    stream = events.listen()
    latest, fast, alarms = await begun(stream)
    assert latest["meters"][0]["values"] == {"voltage_l1": {"value": 230.1, "time": "2026-11-24T11:00:00.000Z"}}
    assert (fast, alarms) == ({"active": False, "interval_s": None, "until": None}, {"alarms": []})
    made.read({"voltage_l1": 231.2, "active_power_total": None})
    assert await soon(stream) == (
        "reading",
        {
            "meter": "house",
            "time": "2026-11-24T11:00:00.000Z",
            "values": {"voltage_l1": 231.2, "active_power_total": None},
        },
    )
    await stream.aclose()


async def test_nothing_gets_lost_between_the_values_and_the_first_reading(made, events):
    stream = events.listen()
    await begun(stream)
    for number in range(5):
        made.read({"voltage_l1": float(number)})
    assert [(await soon(stream))[1]["values"]["voltage_l1"] for _ in range(5)] == [0, 1, 2, 3, 4]
    await stream.aclose()


async def test_no_name_and_no_value_breaks_the_stream(made, events):
    stream = events.listen()
    made.read({"voltage_l1": float("nan"), "active_power_total": float("inf")}, name='"Süd"\n\r<b>')
    latest, *_ = await begun(stream)
    assert latest["meters"][1]["values"]["voltage_l1"]["value"] is None
    made.read({"voltage_l1": float("nan"), "active_power_total": float("-inf")}, name='"Süd"\n\r<b>')
    assert (await soon(stream))[1]["values"] == {"voltage_l1": None, "active_power_total": None}
    await stream.aclose()


async def test_a_meter_that_falls_silent_is_told_and_when_it_is_back(made, events, monkeypatch):
    monkeypatch.setattr(module, "LOOK_EVERY_S", 0.01)
    stream = events.listen()
    looking = asyncio.create_task(events.keep_looking())
    await begun(stream)
    made.house.pollers[0].state.silent_since_us = 1_795_000_000_000_000
    told = {"meter": "house", "silent_since": "2026-11-18T11:06:40.000Z"}
    assert await soon(stream) == ("meter", told)
    made.house.pollers[0].state.silent_since_us = None
    assert await soon(stream) == ("meter", {"meter": "house", "silent_since": None})
    with pytest.raises(TimeoutError):
        await soon(stream, 0.1)
    looking.cancel()


async def test_the_fast_interval_is_told_at_its_begin_anew_and_at_its_end(made, events, monkeypatch):
    monkeypatch.setattr(module, "LOOK_EVERY_S", 0.01)
    stream = events.listen()
    looking = asyncio.create_task(events.keep_looking())
    await begun(stream)
    made.house.fast.start(2_000_000, 10)
    name, first = await soon(stream)
    assert (name, first["active"], first["interval_s"]) == ("fast", True, 2.0)
    made.house.fast.start(2_000_000, 100)
    assert (await soon(stream))[1]["until"] > first["until"]
    made.house.fast.start(1_000_000, 100)
    assert (await soon(stream))[1]["interval_s"] == 1.0
    with pytest.raises(TimeoutError):
        await soon(stream, 0.1)
    stream = events.listen()
    # Who comes later is told that it is on.
    assert (await begun(stream))[1]["interval_s"] == 1.0
    made.house.fast.start(1_000_000, 0)
    assert (await soon(stream))[1] == {"active": False, "interval_s": None, "until": None}
    looking.cancel()


async def test_a_sign_of_life(events, monkeypatch):
    monkeypatch.setattr(module, "ALIVE_EVERY_S", 0.02)
    stream = events.listen()
    await begun(stream)
    assert [(await soon(stream))[0] for _ in range(3)] == ["alive"] * 3


async def test_an_alarm_is_told_at_its_begin_and_its_end(made, events, monkeypatch):
    monkeypatch.setattr(module, "LOOK_EVERY_S", 0.01)
    rule = Rule("high", "measurand", "house", "voltage_l1", "above", 253.0, 0.0, 0, 60_000_000)
    state = AlarmState("on", since_us=1_795_000_000_000_000, worst=254.0)
    stream = events.listen()
    looking = asyncio.create_task(events.keep_looking())
    await begun(stream)
    monkeypatch.setattr(type(made.house.alarms), "on", lambda _: [(rule, state)])
    text = {"en": "Voltage L1 > 253.0 V", "de": "Spannung L1 > 253,0 V"}
    on = {"name": "high", "subject": "house", "text": text, "since": "2026-11-18T11:06:40.000Z"}
    assert await soon(stream) == ("alarms", {"alarms": [on]})
    assert (await begun(events.listen()))[2] == {"alarms": [on]}
    monkeypatch.setattr(type(made.house.alarms), "on", lambda _: [])
    assert await soon(stream) == ("alarms", {"alarms": []})
    looking.cancel()


async def test_who_does_not_listen_is_sent_away_and_costs_little(made, events):
    lazy, busy = events.listen(), events.listen()
    await begun(lazy)
    await begun(busy)
    for number in range(module.QUEUED + 50):
        made.read({"voltage_l1": float(number)})
        assert (await soon(busy))[1]["values"]["voltage_l1"] == number
    assert len(events._queues) == 1  # noqa: SLF001
    left = [parsed(data)[0] async for data in lazy]
    assert len(left) == module.QUEUED - 1
    await busy.aclose()
    assert not events._queues  # noqa: SLF001


async def test_nobody_who_listens_costs_nothing(made, events):
    made.read({"voltage_l1": 1.0})
    assert not events._queues  # noqa: SLF001


async def test_so_many_pages_and_no_more(events, monkeypatch):
    monkeypatch.setattr(module, "PAGES", 2)
    streams = [events.listen() for _ in range(2)]
    for stream in streams:
        events.check_room()
        await begun(stream)
    with pytest.raises(ProblemError) as caught:
        events.check_room()
    assert caught.value.status == 503
    await streams[0].aclose()
    events.check_room()


async def test_closing_ends_all(events):
    streams = [events.listen() for _ in range(3)]
    for stream in streams:
        await begun(stream)
    events.close()
    for stream in streams:
        assert [data async for data in stream] == []


async def test_hearing_never_raises_and_is_quick(made, events):
    streams = [events.listen() for _ in range(100)]
    for stream in streams:
        await begun(stream)
    values = dict.fromkeys(made.house.pollers[0].meter.model.registers, 230.123)
    began_s = time.perf_counter()
    for _ in range(100):
        events.hear(Reading("house", 1_795_000_000_000_000, BOOT, 0, values))
    assert time.perf_counter() - began_s < 0.5
    events.hear(Reading("nobody", 0, BOOT, 0, {}))


async def test_head_is_answered_and_ends(made):
    async with asking(made) as client:
        answer = await asyncio.wait_for(client.head("/api/v1/events"), 2)
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert not client.page.events._queues  # noqa: SLF001
        assert (await client.get("/api/v1/events?x=1")).status_code == 400


async def test_a_real_stream_is_not_held_back_and_its_end_is_noticed(made):
    async with serving(made) as port, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        listeners = len(made.house.live._listeners)  # noqa: SLF001
        async with client.stream("GET", "/api/v1/events", headers={"Accept-Encoding": "gzip"}) as answer:
            assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
            assert answer.headers["cache-control"] == "no-store"
            assert "content-encoding" not in answer.headers
            parts = answer.aiter_raw()
            await begun(parts)
            began_s = time.monotonic()
            made.read({"voltage_l1": 1.5})
            assert (await soon(parts))[0] == "reading"
            assert time.monotonic() - began_s < 0.2
        assert len(made.house.live._listeners) == listeners  # noqa: SLF001
