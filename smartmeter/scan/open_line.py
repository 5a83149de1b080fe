"""The open line as a scan uses it: with a time-out for each request, and an ear for what comes late."""

from contextlib import suppress
from typing import Self

from smartmeter.modbus.connection import Connection, open_connection
from smartmeter.modbus.counters import LineCounters
from smartmeter.modbus.errors import PortBusyError, PortError
from smartmeter.modbus.frames import ReadRequest
from smartmeter.modbus.line import NetworkLine, SerialFormat
from smartmeter.modbus.ports import NetworkPort, Port
from smartmeter.modbus.trace import Direction
from smartmeter.scan.estimate import answer_s

# A gateway that closes the connection again and again serves nobody.
RECONNECTS = 3


class OpenLine:
    """A line that is set to `line` while it is open. Nothing but reads goes over it."""

    def __init__(self, port: Port, line: SerialFormat | NetworkLine) -> None:
        self.port = port
        self.line = line
        self._connection: Connection | None = None
        self._heard = bytearray()

    @classmethod
    async def open(cls, port: Port, line: SerialFormat | NetworkLine) -> Self:
        """Open it. Raises PortError."""
        opened = cls(port, line)
        await opened._connected()
        return opened

    async def read(self, request: ReadRequest, timeout_s: float) -> bytes:
        """The registers' bytes; the first character may take `timeout_s`, over a network the answer.

        Raises AnswerError, PortError.
        """
        for _ in range(RECONNECTS):
            connection = await self._connected()
            # The connection allows for an adapter that hands an answer over when it is whole. Here that is part of the
            # time-out: who comes later is heard as well.
            connection.timeout_s = max(0.0, timeout_s - answer_s(self.line, request.count))
            if not isinstance(self.port, NetworkPort):
                return await connection.read(request)
            # Many gateways close a connection that they do not like any more.
            with suppress(PortError):
                return await connection.read(request)
            self.close()
        raise PortError(f"{self.port}: the connection is closed at every request; does it speak this protocol?")

    async def listen(self, duration_s: float) -> None:
        """Wait for what comes late."""
        if duration_s > 0 and self._connection is not None:
            await self._connection.listen(duration_s)

    def heard(self) -> bytes:
        """Every byte that came since this was called last."""
        heard = bytes(self._heard)
        self._heard.clear()
        return heard

    def close(self) -> None:
        """Give the line back."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    async def _connected(self) -> Connection:
        if self._connection is not None and self._connection.is_broken:
            self.close()
        if self._connection is None:
            try:
                self._connection = await open_connection(self.port, self.line, 0.0, LineCounters(), self._hear)
            except PortBusyError as error:
                advice = "if it is the daemon, stop it while you scan: sudo systemctl stop smartmeter"
                raise PortBusyError(f"{error}; {advice}") from error
        return self._connection

    def _hear(self, direction: Direction, _moment_s: float, data: bytes) -> None:
        if direction is Direction.RECEIVED:
            self._heard += data
