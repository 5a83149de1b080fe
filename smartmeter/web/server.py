"""Listens for browsers, in the daemon's loop, until it is cancelled."""

import asyncio
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final, NoReturn

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from smartmeter.house import House
from smartmeter.settings.model import WebSettings
from smartmeter.web.app import page_of

# A port that is taken may become free.
TRY_AGAIN_S: Final = 30.0
# How long answers under way may take when the program ends.
GRACE_S: Final = 0.8
BACKLOG: Final = 128
# Each takes a file descriptor, and the journal and the lines need theirs: systemd gives a service 1024.
CONNECTIONS: Final = 500
# Who has not asked for anything by then never will.
SILENT_S: Final = 15.0
# So often the date in the head of answers moves on.
TICK_S: Final = 1.0
# Whose system has not acknowledged anything for so long is gone.
DEAD_MS: Final = 30_000
# What a browser says before the body fits in.
LARGEST_HEAD: Final = 16_384

log = logging.getLogger(__name__)


class _Connection(H11Protocol):
    """Neither too many connections, nor those that only hold a place."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > CONNECTIONS:
            transport.abort()
        else:
            asyncio.get_running_loop().call_later(SILENT_S, self._end_if_silent)

    def _end_if_silent(self) -> None:
        if self.cycle is None:
            self.transport.abort()


class _Server(uvicorn.Server):
    """Leaves signals to the daemon, sleeps while nobody asks, and ends in time."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._ending = asyncio.Event()

    def end(self) -> None:
        """Have `serve` come to its end."""
        self.should_exit = True
        self._ending.set()

    async def main_loop(self) -> None:
        # Ten times a second, as uvicorn has it, a small machine would notice; the header with the date wants it once.
        while not await self.on_tick(0):
            with suppress(TimeoutError):
                async with asyncio.timeout(TICK_S):
                    await self._ending.wait()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Before uvicorn complains of those who do not read what they are sent.
        ending = asyncio.get_running_loop().call_later(GRACE_S, self._end_connections)
        try:
            await super().shutdown(sockets)
        finally:
            ending.cancel()

    def _end_connections(self) -> None:
        for connection in list(self.server_state.connections):
            connection.transport.abort()


async def serve_page(house: House, settings: WebSettings) -> NoReturn:
    """Serve the page until cancelled; a port that is taken is waited for."""
    is_told = False
    while True:
        try:
            listener = _listen(settings)
        except OSError as error:
            if not is_told:
                log.warning(
                    "There is no page, as it cannot listen at %s port %d: %s. [web] port chooses another; "
                    "it is tried again.",
                    settings.host,
                    settings.port,
                    error.strerror or error,
                )
            is_told = True
            await asyncio.sleep(TRY_AGAIN_S)
        else:
            with listener:
                await _serve(house, settings, listener)


async def _serve(house: House, settings: WebSettings, listener: socket.socket) -> NoReturn:
    async with page_of(house, settings) as page:
        config = uvicorn.Config(
            page.app,
            http=_Connection,
            ws="none",
            loop="none",
            lifespan="off",
            log_config=None,
            # What strangers send is no warning to the owner.
            log_level=logging.ERROR,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            h11_max_incomplete_event_size=LARGEST_HEAD,
            timeout_graceful_shutdown=2,
        )
        server = _Server(config)
        log.info("The page is at %s.", _address(settings, listener))
        serving = asyncio.create_task(server.serve([listener]))
        looking = asyncio.create_task(page.events.keep_looking())
        try:
            ended, _ = await asyncio.wait([serving, looking], return_when=asyncio.FIRST_COMPLETED)
        finally:
            looking.cancel()
            page.close()
            server.end()
            await serving
        for task in ended:
            task.result()
        raise RuntimeError("the server has ended by itself")


def _listen(settings: WebSettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # "::" means everyone, as people expect it.
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            # Its connections inherit it.
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, DEAD_MS)
        listener.bind((settings.host, settings.port))
        listener.listen(BACKLOG)
        listener.settimeout(0)
    except BaseException:
        listener.close()
        raise
    return listener


def _address(settings: WebSettings, listener: socket.socket) -> str:
    port = listener.getsockname()[1]
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{port}"
