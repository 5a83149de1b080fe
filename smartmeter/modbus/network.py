"""Connections over a network: names are looked up at every connect, and dead connections are noticed."""

import asyncio
import errno
import socket
import sys

from smartmeter.modbus.errors import PortError
from smartmeter.modbus.ports import NetworkPort, RtuUdpPort

CONNECT_TIMEOUT_S = 5.0
# An idle connection is asked for a sign of life after so many seconds, then again and again, and then given up.
KEEPALIVE_IDLE_S = 30
KEEPALIVE_AGAIN_S = 10
KEEPALIVE_TIMES = 3
# What was sent and is not acknowledged for so long breaks the connection.
UNACKNOWLEDGED_MS = 20_000

_REASONS = {
    errno.ECONNREFUSED: "refused: nothing listens at that port, or the gateway serves another program already",
    errno.EHOSTUNREACH: "the host does not answer; is it on, and in this network?",
    errno.ENETUNREACH: "there is no way to that network",
    errno.ETIMEDOUT: "the host does not answer; is it on, and in this network?",
    errno.ECONNRESET: "the connection was closed by the other side",
    errno.EPIPE: "the connection was closed by the other side",
}


async def connect(port: NetworkPort) -> socket.socket:
    """A connected socket, not blocking; of UDP one that only knows where to send.

    Raises PortError.
    """
    kind = socket.SOCK_DGRAM if isinstance(port, RtuUdpPort) else socket.SOCK_STREAM
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            return await _connect(port, kind)
    except TimeoutError:
        raise PortError(f"{port}: no connection within {CONNECT_TIMEOUT_S:g} s; is the host on?") from None
    except socket.gaierror as error:
        raise PortError(f"{port}: the name {port.host} is not known ({error.strerror})") from error
    except OSError as error:
        raise PortError(f"{port}: {explain(error)}") from error


def explain(error: OSError) -> str:
    """What is wrong with a connection, in words."""
    return _REASONS.get(error.errno or 0, error.strerror or str(error))


async def _connect(port: NetworkPort, kind: socket.SocketKind) -> socket.socket:
    loop = asyncio.get_running_loop()
    failure: OSError | None = None
    for family, type_, protocol, _, address in await _addresses(port, kind):
        sock = socket.socket(family, type_, protocol)
        try:
            sock.setblocking(False)  # noqa: FBT003 - no keyword there
            if kind == socket.SOCK_STREAM:
                _set_up(sock)
            await loop.sock_connect(sock, address)
        except OSError as error:
            sock.close()
            failure = error
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise failure or OSError(errno.EHOSTUNREACH, "no address")


async def _addresses(
    port: NetworkPort, kind: socket.SocketKind
) -> list[tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[str, int] | tuple[str, int, int, int]]]:
    try:
        # An address is no name: no thread is needed for it.
        return socket.getaddrinfo(port.host, port.port, type=kind, flags=socket.AI_NUMERICHOST)  # type: ignore[return-value]
    except socket.gaierror:
        return await asyncio.get_running_loop().getaddrinfo(port.host, port.port, type=kind)  # type: ignore[return-value]


def _set_up(sock: socket.socket) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if sys.platform == "linux":
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_IDLE_S)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE_AGAIN_S)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, KEEPALIVE_TIMES)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS)
