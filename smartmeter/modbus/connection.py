"""Opening whatever a port names."""

from typing import Protocol

from smartmeter.modbus.counters import LineCounters
from smartmeter.modbus.frames import ReadRequest
from smartmeter.modbus.line import Line, SerialFormat
from smartmeter.modbus.ports import AsciiPort, Port, RtuTcpPort, RtuUdpPort, TcpPort
from smartmeter.modbus.trace import Tap
from smartmeter.modbus.write_request import WriteRequest


class Connection(Protocol):
    """An open line. Requests are made one after the other, by one task at a time.

    `timeout_s` is how long an answer may take, as `open_connection` has it; it may be set anew between two requests.
    """

    timeout_s: float

    @property
    def is_broken(self) -> bool:
        """Whether it must be opened anew before it can be used."""

    @property
    def took_s(self) -> float:
        """Seconds from the first character of the last request that was answered to the last one of its answer.

        Of several requests at once each has its share.
        """

    async def read(self, request: ReadRequest) -> bytes:
        """The registers' bytes, two each, high byte first.

        Raises AnswerError if no good answer comes in time, PortError if the line has gone away.
        """

    async def write(self, request: WriteRequest) -> None:
        """Write registers, once. Raises as `read`; the unit may have written them all the same: read them back."""

    async def listen(self, duration_s: float) -> None:
        """Take what comes unasked, for so long; the tap is told of it."""

    def close(self) -> None:
        """Give the line back."""


async def open_connection(
    port: Port, line: Line, timeout_s: float, counters: LineCounters, tap: Tap | None = None
) -> Connection:
    """The open line; `timeout_s` is how long a meter may take to begin its answer, over a network to give it.

    `tap` is told of every byte that goes over it.

    Raises PortError.
    """
    # What is not used is not imported.
    if isinstance(port, TcpPort):
        from smartmeter.modbus.tcp import TcpConnection  # noqa: PLC0415

        return await TcpConnection.connect(port, timeout_s, counters, tap)
    if isinstance(port, RtuTcpPort | RtuUdpPort):
        from smartmeter.modbus.rtu_network import NetworkRtuConnection  # noqa: PLC0415

        return await NetworkRtuConnection.connect(port, line, timeout_s, counters, tap)
    if not isinstance(line, SerialFormat):
        raise TypeError("a serial line has a format")
    if isinstance(port, AsciiPort):
        from smartmeter.modbus.ascii import AsciiConnection  # noqa: PLC0415

        return AsciiConnection.open(port.path, line, timeout_s, counters, tap)
    from smartmeter.modbus.rtu import RtuConnection  # noqa: PLC0415

    return RtuConnection.open(port.path, line, timeout_s, counters, tap)
