"""RTU frames by way of a transparent gateway, in a TCP connection or in UDP datagrams: a long serial line.

Such answers carry neither register address nor transaction id. What protects a serial line protects this one: after a
time-out it is drained; unit, function, length and checksum must fit; a different request of the same shape waits
until an answer to the earlier one can no longer come.
"""

import socket
from typing import Self

from smartmeter.modbus.counters import LineCounters
from smartmeter.modbus.line import Line
from smartmeter.modbus.network import connect
from smartmeter.modbus.ports import RtuTcpPort, RtuUdpPort
from smartmeter.modbus.rtu import RtuConnection
from smartmeter.modbus.timer import open_timer
from smartmeter.modbus.trace import Tap


class _SocketPort:
    """A socket as the bytes of a line go through it."""

    def __init__(self, sock: socket.socket, port: RtuTcpPort | RtuUdpPort) -> None:
        self.port = str(port)
        self.sock = sock

    def fileno(self) -> int:
        return self.sock.fileno()

    def close(self) -> None:
        self.sock.close()


class NetworkRtuConnection(RtuConnection):
    """A line behind a gateway. Requests are made one after the other, by one task at a time."""

    # A network delivers an answer in pieces, and sends a lost piece again after 0.2 s.
    _broken_off_s = 0.3
    _it = "the connection"

    @classmethod
    async def connect(
        cls,
        port: RtuTcpPort | RtuUdpPort,
        line: Line,
        timeout_s: float,
        counters: LineCounters,
        tap: Tap | None = None,
    ) -> Self:
        """Connect to the gateway; `tap` is told of every byte.

        Raises PortError.
        """
        sock = await connect(port)
        connection = cls(_SocketPort(sock, port), line, timeout_s, counters, open_timer(), tap)
        connection._sock = sock if isinstance(port, RtuTcpPort) else None
        return connection

    _sock: socket.socket | None = None

    @property
    def is_broken(self) -> bool:
        """Whether the gateway has closed the connection, as many do that were not asked for a while."""
        if self._sock is None:
            return False
        try:
            return not self._sock.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True
