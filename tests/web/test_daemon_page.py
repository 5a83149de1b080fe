"""The whole program with its page, as browsers and programs use it: the daemon as a process, and a line."""

import asyncio
import json
import re
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from datetime import datetime, timedelta
from itertools import pairwise

import httpx
import pytest

from smartmeter.modbus.line import SerialFormat
from smartmeter.models import load_model
from smartmeter.simulator import NO_FAULTS, Faults, VirtualLine, VirtualMeter
from tests.fixtures.daemon import own_settings, running
from tests.fixtures.documents import ROOT
from tests.web.made_up import PASSWORD, PASSWORD_HASH, TOKEN

LINE = SerialFormat(115200, 8, "N", 1)
MODEL = load_model("SDM530")
ADDRESS = re.compile(r"The page is at (http://\S+:\d+)\.")
WEB = "[web]\nport = 0\n"
FEW = '\nmeasurands = ["voltage_l1", "active_power_total", "active_energy_import"]'


@pytest.fixture
def line(tmp_path):
    meter = VirtualMeter(MODEL, values={"voltage_l1": 230.5, "active_power_total": 1234.5})
    with VirtualLine(LINE, [meter], link=tmp_path / "tty", turnaround_s=0.001) as line:
        yield line


def settings(directory, more=WEB, interval="0.2s"):
    path = own_settings(directory, interval=interval, more=more)
    path.write_text(path.read_text().replace("address = 1\n", f"address = 1{FEW}\n"))
    return path


def address(daemon):
    daemon.until(lambda: ADDRESS.search(daemon.log))
    return f"{ADDRESS.search(daemon.log)[1]}/api/v1"


async def events(answer):
    """Name and content of each event."""
    name = None
    async for line in answer.aiter_lines():
        field, _, value = line.partition(": ")
        if field == "event":
            name = value
        elif field == "data":
            yield name, json.loads(value)


async def until(stream, wanted, within_s=30):
    async with asyncio.timeout(within_s):
        async for name, content in stream:
            if wanted(name, content):
                return content
    raise AssertionError("the stream has ended")


async def open_page(port):
    """A stream of events, for as little work as can be: the line is in this process too."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
    await reader.readuntil(b"event: latest")
    return reader, writer


async def some_readings(reader, count):
    """The times of the next ones."""
    times = []
    while len(times) < count:
        await reader.readuntil(b"event: reading")
        data = await reader.readuntil(b"\n\n")
        times.append(re.search(rb'"time":"(.+?)"', data)[1].decode())
    return times


async def test_the_api_lives(tmp_path, line):
    with running(settings(tmp_path)) as daemon:
        base = address(daemon)
        async with httpx.AsyncClient(timeout=10) as client:
            async with client.stream("GET", f"{base}/events") as answer:
                stream = events(answer)
                latest = await until(stream, lambda name, _: name == "latest")
                assert latest["meters"][0]["name"] == "house"
                reading = await until(stream, lambda name, _: name == "reading")
                assert reading["values"]["voltage_l1"] == 230.5
                fast = await client.post(f"{base}/fast", json={"interval_s": 0.5, "duration_s": 5})
                assert fast.json()["active"]
                await until(stream, lambda name, content: name == "fast" and content["active"])
                line.faults = Faults(silent=True)
                told = await until(stream, lambda name, content: name == "meter" and content["silent_since"])
                assert told["meter"] == "house"
                state = (await client.get(f"{base}/state")).json()
                assert state["meters"][0]["silent_since"] == told["silent_since"]
                assert state["meters"][0]["failures"]
                line.faults = NO_FAULTS
                await until(stream, lambda name, content: name == "meter" and content["silent_since"] is None)
            times = {"from": "2026-01-01T00:00:00Z", "until": "2199-01-01T00:00:00Z"}
            history = await client.get(f"{base}/history", params={"meter": "house", "measurand": "voltage_l1"} | times)
            assert history.status_code == 200
            energy = await client.get(f"{base}/energy", params={"meter": "house", "span": "day"})
            assert energy.json()["counters"] == ["active_energy_import"]
            assert (await client.get(f"{base}/meters")).json()["meters"][0]["first"]
            assert (await client.get(f"{base[:-7]}/")).headers["content-type"].startswith("text/html")
        assert daemon.end() == 0
    assert "Traceback" not in daemon.log


async def test_a_hundred_pages_cost_measuring_nothing_and_do_not_hold_up_the_end(tmp_path, line):
    path = settings(tmp_path, interval="0.5s")
    # A busy machine lets the meter be late, which is not what this is about.
    path.write_text(path.read_text().replace('timeout = "0.1s"', 'timeout = "5s"'))
    with running(path) as daemon:
        base = address(daemon)
        pages = [await open_page(int(base.rpartition(":")[2].partition("/")[0])) for _ in range(100)]
        heard = await asyncio.gather(*(some_readings(reader, 4) for reader, _ in pages))
        for times in heard:
            moments = [datetime.fromisoformat(time) for time in times]
            assert {after - before for before, after in pairwise(moments)} == {timedelta(seconds=0.5)}
        async with httpx.AsyncClient(timeout=10) as client:
            assert (await client.get(f"{base}/state")).json()["meters"][0]["skipped"] == 0
        began_s = time.monotonic()
        code = await asyncio.to_thread(daemon.end)
        assert time.monotonic() - began_s < 2
        assert code == 0
        for _, writer in pages:
            writer.close()
    assert "Traceback" not in daemon.log
    assert "ERROR" not in daemon.log
    with closing(sqlite3.connect(tmp_path / "smartmeter.db")) as connection:
        times_us = [time_us for (time_us,) in connection.execute("SELECT time_us FROM reading ORDER BY sequence")]
    assert len(times_us) > 4
    # The first one comes at once.
    assert {after - before for before, after in pairwise(times_us[1:])} == {500_000}


async def test_with_a_password_programs_send_a_token_and_the_log_holds_neither(tmp_path, line):
    more = f"{WEB}host = '0.0.0.0'\npassword_hash = '{PASSWORD_HASH}'\ntokens = ['{TOKEN}']\n"
    with running(settings(tmp_path, more)) as daemon:
        base = address(daemon).replace("0.0.0.0", "127.0.0.1")
        async with httpx.AsyncClient(timeout=10) as client:
            assert (await client.get(f"{base}/state")).status_code == 401
            wrong = await client.post(f"{base}/session", json={"password": "wrong password"})
            assert wrong.status_code == 401
            right = await client.post(f"{base}/session", json={"password": PASSWORD})
            assert right.status_code == 200
            session = client.cookies["smartmeter_session"]
            assert (await client.get(f"{base}/state")).status_code == 200
            client.cookies.clear()
            header = {"Authorization": f"Bearer {TOKEN}"}
            assert (await client.get(f"{base}/state", headers=header)).status_code == 200
        assert daemon.end() == 0
    secrets = (PASSWORD, "wrong password", PASSWORD_HASH, "argon2", TOKEN, session, right.json()["csrf"])
    assert not any(secret in daemon.log for secret in secrets)
    assert "Traceback" not in daemon.log


def smartmeter(*arguments):
    command = [sys.executable, "-m", "smartmeter", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False, cwd=ROOT)


def test_beyond_this_machine_nothing_starts_without_a_password(tmp_path, line):
    done = smartmeter("run", "-c", settings(tmp_path, f"{WEB}host = '0.0.0.0'\n"))
    assert done.returncode == 1
    assert "web.host" in done.stderr
    assert "smartmeter web password" in done.stderr
    assert "Traceback" not in done.stderr
    assert line.counts.requests == 0


def test_without_the_page_there_is_none_and_its_libraries_are_not_loaded(tmp_path, line):
    with running(settings(tmp_path, "[web]\nenabled = false\n")) as daemon:
        daemon.until(lambda: line.counts.requests > 2)
        assert daemon.end() == 0
    assert "The page is at" not in daemon.log
    program = "import sys, smartmeter.daemon; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout
    assert "smartmeter.daemon" in loaded
    assert not {"uvicorn", "starlette", "argon2", "smartmeter.web.app"} & set(loaded.split())
