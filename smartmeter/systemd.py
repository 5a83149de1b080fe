"""What systemd wants to hear of a service: that it is ready, alive, stopping.

Protocol: sd_notify(3). Without systemd (no NOTIFY_SOCKET) nothing is said.
"""

import asyncio
import os
import socket
from typing import NoReturn

_MICROSECONDS = 1_000_000


def notify(state: str) -> None:
    """Tell systemd a state such as "READY=1"."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify_socket:
        notify_socket.connect(address)
        notify_socket.sendall(state.encode())


async def keep_watchdog_quiet() -> NoReturn:
    """Say "alive" twice per watchdog period, from the event loop that does the work; for ever."""
    period_us = int(os.environ.get("WATCHDOG_USEC", "0"))
    if not period_us:
        await asyncio.Event().wait()
    while True:
        notify("WATCHDOG=1")
        await asyncio.sleep(period_us / _MICROSECONDS / 2)
