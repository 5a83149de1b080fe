"""What the service tells systemd, received on a real socket."""

import asyncio
import socket
import sys
import time

import pytest

from smartmeter.systemd import keep_watchdog_quiet, notify

PATIENCE_S = 5


@pytest.fixture
def receiver(tmp_path, monkeypatch):
    """systemd's end of the socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as own:
        own.bind(str(tmp_path / "notify"))
        own.settimeout(PATIENCE_S)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield own


def test_a_state_arrives_as_it_is(receiver):
    notify("READY=1")
    notify("STOPPING=1\nSTATUS=grüß Gott")
    assert receiver.recv(1000) == b"READY=1"
    assert receiver.recv(1000).decode() == "STOPPING=1\nSTATUS=grüß Gott"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has abstract sockets")
def test_an_abstract_socket_is_understood(monkeypatch):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as own:
        own.bind("")  # the kernel chooses a free abstract address
        own.settimeout(PATIENCE_S)
        monkeypatch.setenv("NOTIFY_SOCKET", "@" + own.getsockname()[1:].decode())
        notify("READY=1")
        assert own.recv(1000) == b"READY=1"


def test_without_systemd_nothing_is_said(monkeypatch):
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notify("READY=1")


async def test_the_watchdog_hears_twice_per_period(receiver, monkeypatch):
    monkeypatch.setenv("WATCHDOG_USEC", "200000")
    task = asyncio.create_task(keep_watchdog_quiet())
    try:
        moments_s = []
        for _ in range(4):
            assert await asyncio.to_thread(receiver.recv, 1000) == b"WATCHDOG=1"
            moments_s.append(time.monotonic())
    finally:
        task.cancel()
    # Three pauses of half a period; the upper bound leaves room for a busy machine.
    assert 0.28 <= moments_s[-1] - moments_s[0] <= 1.5


async def test_without_a_watchdog_nothing_is_said(receiver, monkeypatch):
    monkeypatch.delenv("WATCHDOG_USEC", raising=False)
    task = asyncio.create_task(keep_watchdog_quiet())
    await asyncio.sleep(0.05)
    assert not task.done()
    task.cancel()
    receiver.setblocking(False)  # noqa: FBT003
    with pytest.raises(BlockingIOError):
        receiver.recv(1000)
