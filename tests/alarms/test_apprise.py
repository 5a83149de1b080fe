import asyncio
import json
import os
import socket
import sys
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from smartmeter.alarms import apprise as module
from smartmeter.alarms.apprise import recipient_of, send_by_apprise
from smartmeter.alarms.delivery import RefusedError, UndeliveredError

SECRET = "hunter2hunter2"
TEXT = "⚠️ 24.11.2026 14:21 <b>house</b> · \\n & 5 % \N{GRINNING FACE}\nSpannung L1 ist 254,3 V"


class Server(ThreadingHTTPServer):
    """Takes what is posted, or gives another status, when it may."""

    daemon_threads = True

    def __init__(self):
        self.bodies, self.paths, self.status = [], [], 200
        self.asked, self.may_answer = threading.Event(), threading.Event()
        self.may_answer.set()
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self):
        return f"json://anna:{SECRET}@127.0.0.1:{self.server_port}/{SECRET}"


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.set()
        self.server.may_answer.wait(50)
        self.server.paths.append(self.path)
        self.server.bodies.append(json.loads(body))
        with suppress(OSError):
            self.send_response(self.server.status)
            self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    made = Server()
    thread = threading.Thread(target=made.serve_forever, args=(0.01,))
    thread.start()
    yield made
    made.may_answer.set()
    made.shutdown()
    thread.join()
    made.server_close()


async def test_the_text_arrives_as_it_is(server):
    await send_by_apprise(server.url, TEXT)
    (body,) = server.bodies
    assert (body["title"], body["message"]) == ("Smartmeter", TEXT)
    assert server.paths == [f"/{SECRET}"]


async def test_what_looks_like_html_is_text_for_a_service_that_takes_html(server):
    await send_by_apprise(f"{server.url}?format=html", "<b>house</b> & co")
    (body,) = server.bodies
    assert "&lt;b&gt;house&lt;/b&gt;" in body["message"]


async def test_what_is_too_long_for_a_service_goes_in_pieces(server):
    # Longer than this service takes.
    text = "\n".join(f"line {number}" for number in range(5000))
    await send_by_apprise(server.url, text)
    assert len(server.bodies) > 1
    assert "".join("".join(body["message"] for body in server.bodies).split()) == "".join(text.split())


async def test_what_is_not_taken_is_tried_again_by_others(server):
    server.status = 500
    with pytest.raises(UndeliveredError, match="the service did not take it") as caught:
        await send_by_apprise(server.url, TEXT)
    assert caught.value.retry_after_s is None


async def test_nobody_is_there():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(UndeliveredError, match="did not take it") as caught:
        await send_by_apprise(f"json://anna:{SECRET}@127.0.0.1:{port}", TEXT)
    assert SECRET not in repr(caught.value)


@pytest.mark.parametrize("url", [f"unheardof://{SECRET}", SECRET])
async def test_an_unknown_service_is_refused(url):
    with pytest.raises(RefusedError, match="knows no service with such a URL") as caught:
        await send_by_apprise(url, TEXT)
    assert SECRET not in repr(caught.value)


async def test_without_apprise_the_owner_hears_how_to_get_it(tmp_path, monkeypatch):
    (tmp_path / "apprise.py").write_text("raise ModuleNotFoundError('apprise')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(UndeliveredError, match="Apprise is missing; install it: make extras"):
        await send_by_apprise(f"json://{SECRET}", TEXT)


def command_lines():
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            found.append(path.read_bytes())
    return found


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="only Linux shows them there")
async def test_the_url_stands_in_no_list_of_processes(server):
    server.may_answer.clear()
    sending = asyncio.create_task(send_by_apprise(server.url, TEXT))
    assert await asyncio.to_thread(server.asked.wait, 50)
    seen = command_lines()
    ours = [line for line in seen if b"smartmeter.alarms.apprise_process" in line]
    assert ours
    assert not any(secret in line for line in seen for secret in (SECRET.encode(), b"json://"))
    server.may_answer.set()
    await sending


async def test_one_that_hangs_is_ended(monkeypatch, tmp_path):
    program = f"import pathlib, time; pathlib.Path({str(tmp_path / 'there')!r}).touch(); time.sleep(60)"
    monkeypatch.setattr(module, "COMMAND", (sys.executable, "-c", program))
    monkeypatch.setattr(module, "TIME_LIMIT_S", 0.2)
    begun_s = time.monotonic()
    with pytest.raises(UndeliveredError, match=r"nobody has answered within 0\.2 s"):
        await send_by_apprise(f"json://{SECRET}", TEXT)
    assert time.monotonic() - begun_s < 10


async def test_when_it_is_cancelled_the_process_is_gone(monkeypatch, tmp_path):
    pid = tmp_path / "pid"
    program = (
        f"import os, pathlib, time; path = pathlib.Path({str(pid)!r}); "
        "path.with_name('new').write_text(str(os.getpid())); path.with_name('new').rename(path); time.sleep(60)"
    )
    monkeypatch.setattr(module, "COMMAND", (sys.executable, "-c", program))
    sending = asyncio.create_task(send_by_apprise(f"json://{SECRET}", TEXT))
    async with asyncio.timeout(50):
        while not pid.exists():  # noqa: ASYNC110 - another process makes it
            await asyncio.sleep(0.01)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ((sys.executable, "-c", "raise SystemExit(1)"), "the process that sends has failed"),
        ((sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"), "the process that sends has failed"),
        (("/nowhere/python",), "the process that sends cannot be started: No such file or directory"),
    ],
)
async def test_a_process_that_fails(monkeypatch, command, words):
    monkeypatch.setattr(module, "COMMAND", command)
    with pytest.raises(UndeliveredError, match=words):
        await send_by_apprise(f"json://{SECRET}", TEXT)


def test_a_name_tells_urls_apart_and_no_secret():
    one, other = (recipient_of(f"Mailtos://anna:{SECRET}@example.org/?to={to}") for to in "ab")
    assert one.startswith("apprise:mailtos:")
    assert one != other
    assert one == recipient_of(f"Mailtos://anna:{SECRET}@example.org/?to=a")
    for url in (f"Mailtos://{SECRET}", SECRET, f"{SECRET}{SECRET}://x", f"a {SECRET}://", ""):
        assert SECRET not in recipient_of(url)
        assert recipient_of(url).startswith("apprise:")
