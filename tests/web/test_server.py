"""The page at a real port: a port that is taken, errors, connections that do nothing, and the end."""

import asyncio
import logging
import socket
import time
from contextlib import suppress

import httpx
import pytest

from smartmeter.settings.model import WebSettings
from smartmeter.web import server as module
from smartmeter.web.server import serve_page
from tests.web.made_up import asking, home, serving


@pytest.fixture
async def made(tmp_path):
    async with home(tmp_path) as made:
        yield made


async def ended(task):
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def get(port, path="/api/v1/latest", host="127.0.0.1"):
    async with httpx.AsyncClient() as client:
        return await client.get(f"http://{host}:{port}{path}")


async def test_a_port_that_is_taken_is_told_once_and_waited_for(made, monkeypatch, caplog):
    monkeypatch.setattr(module, "TRY_AGAIN_S", 0.05)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        task = asyncio.create_task(serve_page(made.house, WebSettings(port=port)))
        await asyncio.sleep(0.3)
        assert [record.levelname for record in caplog.records] == ["WARNING"]
        assert f"it cannot listen at 127.0.0.1 port {port}: Address already in use" in caplog.text
    deadline_s = time.monotonic() + 5
    while True:
        with suppress(httpx.ConnectError):
            if (await get(port)).status_code == 200:
                break
        assert time.monotonic() < deadline_s
        await asyncio.sleep(0.02)
    await ended(task)


@pytest.mark.parametrize(
    ("host", "asked"), [("::1", "[::1]"), ("::", "[::1]"), ("::", "127.0.0.1"), ("0.0.0.0", "127.0.0.1")]
)
async def test_every_address(made, host, asked):
    try:
        async with serving(made, WebSettings(host, 0)) as port:
            assert (await get(port, host=asked)).status_code == 200
    except IndexError:
        pytest.skip("there is no IPv6 here")


async def test_loopback_is_not_the_network(made):
    async with serving(made) as port:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            with suppress(OSError):
                probe.connect(("192.0.2.1", 9))
            own = probe.getsockname()[0]
        if own in ("0.0.0.0", "127.0.0.1"):
            pytest.skip("there is no network here")
        with pytest.raises(httpx.ConnectError):
            await get(port, host=own)


async def test_an_error_that_nobody_foresaw_costs_its_request_and_is_logged_once(made, monkeypatch, caplog):
    monkeypatch.setattr("smartmeter.web.app.latest_json", lambda _: 1 / 0)
    async with serving(made) as port:
        answer = await get(port)
        assert answer.status_code == 500
        assert answer.headers["content-type"] == "application/problem+json"
        assert "ZeroDivisionError" not in answer.text
        assert "content-security-policy" in answer.headers
        assert (await get(port, "/api/v1/state")).status_code == 200
    errors = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(errors) == 1
    assert errors[0].exc_info[0] is ZeroDivisionError


async def test_what_strangers_send_is_not_logged(made, caplog):
    async with serving(made) as port:
        for text in (
            b"nonsense\r\n\r\n",
            b"\x16\x03\x01",
            b"GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
        ):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(text)
            writer.write_eof()
            await asyncio.wait_for(reader.read(1), 5)
            writer.close()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /api/v1/fast HTTP/1.1\r\nHost: localhost\r\n")
        writer.write(b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
        await asyncio.sleep(0.05)
        writer.transport.abort()
        await asyncio.sleep(0.05)
        assert (await get(port)).status_code == 200
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_who_says_nothing_is_sent_away(made, monkeypatch):
    monkeypatch.setattr(module, "SILENT_S", 0.1)
    async with serving(made) as port:
        for said in (b"", b"GET / HTTP/1.1\r\nHost: loc"):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(said)
            with suppress(ConnectionResetError):
                assert await asyncio.wait_for(reader.read(), 2) == b""
            writer.close()
        async with (
            httpx.AsyncClient() as client,
            client.stream("GET", f"http://127.0.0.1:{port}/api/v1/events") as answer,
        ):
            parts = answer.aiter_raw()
            await anext(parts)
            await asyncio.sleep(0.3)
            made.read({"voltage_l1": 1.0})
            async with asyncio.timeout(2):
                while b"event: reading" not in await anext(parts):
                    pass


async def test_so_many_connections_and_no_more(made, monkeypatch):
    monkeypatch.setattr(module, "CONNECTIONS", 5)
    async with serving(made) as port:
        idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(5)]
        await asyncio.sleep(0.05)
        with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
            await get(port)
        for _, writer in idle:
            writer.close()
        await asyncio.sleep(0.05)
        assert (await get(port)).status_code == 200


@pytest.mark.parametrize("reads", [True, False])
async def test_it_ends_in_time_while_pages_are_open(made, caplog, reads):
    async with serving(made) as port:
        pages = []
        for _ in range(20 if reads else 3):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
            writer.write(b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await reader.readuntil(b"latest")
            if not reads:
                reader._transport.pause_reading()  # noqa: SLF001
            pages.append(writer)
        if not reads:
            values = dict.fromkeys(made.house.pollers[0].meter.model.registers, 230.5)
            for _ in range(3000):
                made.read(values)
                await asyncio.sleep(0)
        began_s = time.monotonic()
    assert time.monotonic() - began_s < 1.6
    for writer in pages:
        writer.transport.abort()
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_what_ends_by_itself_is_an_error_so_that_it_is_begun_anew(made, monkeypatch):
    async def broken(_):
        raise ZeroDivisionError

    monkeypatch.setattr("smartmeter.web.events.Events.keep_looking", broken)
    with pytest.raises(ZeroDivisionError):
        await serve_page(made.house, WebSettings(port=0))

    async def serve(*_):
        return None

    monkeypatch.undo()
    monkeypatch.setattr("uvicorn.Server.serve", serve)
    with pytest.raises(RuntimeError, match="ended by itself"):
        await serve_page(made.house, WebSettings(port=0))


async def test_nobody_hears_readings_any_longer_when_it_has_ended(made):
    async with serving(made):
        assert len(made.house.live._listeners) == 1  # noqa: SLF001
    assert made.house.live._listeners == []  # noqa: SLF001


async def test_unknown_paths_and_methods(made):
    async with asking(made) as client:
        for path in ("/api/v1/", "/api/v1/nothing", "/api/v1/state/"):
            answer = await client.get(path)
            assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
        for method, path in (("POST", "state"), ("GET", "fast"), ("PUT", "session"), ("DELETE", "history")):
            answer = await client.request(method, f"/api/v1/{path}", json={})
            assert (answer.status_code, answer.headers["content-type"]) == (405, "application/problem+json")
        assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD"}
        allowed = (await client.put("/api/v1/session", json={})).headers["allow"]
        assert set(allowed.split(", ")) == {"GET", "HEAD", "POST", "DELETE"}
