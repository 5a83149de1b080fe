"""Listens for browsers, in the daemon's loop, until it is cancelled."""

import asyncio
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NoReturn

import uvicorn

from smartmeter.house import House
from smartmeter.settings.model import WebSettings
from smartmeter.web.app import page_of

# A port that is taken may become free.
TRY_AGAIN_S: Final = 30.0
# How long answers under way may take when the program ends.
GRACE_S: Final = 1
BACKLOG: Final = 128

log = logging.getLogger(__name__)


class _Server(uvicorn.Server):
    """Leaves signals to the daemon."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


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


async def _serve(house: House, settings: WebSettings, listener: socket.socket) -> None:
    async with page_of(house, settings) as page:
        config = uvicorn.Config(
            page.app,
            http="h11",
            ws="none",
            loop="none",
            lifespan="off",
            log_config=None,
            log_level=logging.WARNING,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=GRACE_S,
        )
        server = _Server(config)
        log.info("The page is at %s.", _address(settings, listener))
        serving = asyncio.create_task(server.serve([listener]))
        looking = asyncio.create_task(page.events.keep_looking())
        try:
            await asyncio.shield(serving)
        finally:
            looking.cancel()
            page.events.close()
            server.should_exit = True
            await serving


def _listen(settings: WebSettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # "::" means everyone, as people expect it.
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
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
