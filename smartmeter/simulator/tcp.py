"""Virtual meters on Modbus TCP.

Source: "MODBUS messaging on TCP/IP implementation guide V1.0b", section 3.1.3: the header is transaction, protocol (0),
length of what follows, unit.
"""

import asyncio
import struct
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from smartmeter.errors import SmartmeterError
from smartmeter.simulator.meter import VirtualMeter

HEADER = struct.Struct(">HHHB")
MODBUS_PROTOCOL = 0
# Unit and function at least; unit and 253 bytes at most.
LENGTHS = range(2, 255)


class TcpServerError(SmartmeterError):
    """The TCP port cannot be served."""


@asynccontextmanager
async def tcp_server(
    meters: Sequence[VirtualMeter], host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[tuple[str, int]]:
    """Serves the meters on Modbus TCP while the context lasts; gives host and port (0: any that is free).

    Answers come at once, in the order of the requests. Of the meters' faults `silent`, `exception` and `late_s` are
    heeded; units that are no meter's address are not answered. Raises TcpServerError.
    """
    connections: set[asyncio.Transport] = set()
    by_address = {meter.address: meter for meter in meters}
    loop = asyncio.get_running_loop()
    try:
        server = await loop.create_server(lambda: _Connection(by_address, connections), host, port)
    except OSError as error:
        raise TcpServerError(
            f"{host} port {port} cannot be served: {error.strerror}; choose another port or host"
        ) from error
    try:
        yield server.sockets[0].getsockname()[:2]
    finally:
        server.close()
        for transport in list(connections):
            transport.abort()
        await server.wait_closed()


class _Connection(asyncio.Protocol):
    """One client."""

    def __init__(self, meters: Mapping[int, VirtualMeter], connections: set[asyncio.Transport]) -> None:
        self._meters = meters
        self._connections = connections
        self._transport: asyncio.Transport
        self._received = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not isinstance(transport, asyncio.Transport):
            raise TypeError("a TCP server has stream transports")
        self._transport = transport
        self._connections.add(transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # the protocol's signature
        self._connections.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        while len(self._received) >= HEADER.size:
            transaction, protocol, length, unit = HEADER.unpack_from(self._received)
            if protocol != MODBUS_PROTOCOL or length not in LENGTHS:
                # There is no way to find the next request in what is no Modbus TCP.
                self._transport.abort()
                return
            end = HEADER.size - 1 + length
            if len(self._received) < end:
                return
            self._answer(transaction, unit, bytes(self._received[HEADER.size : end]))
            del self._received[:end]

    def _answer(self, transaction: int, unit: int, request: bytes) -> None:
        meter = self._meters.get(unit)
        if meter is None:
            return
        faults = meter.striking(meter.faults)
        answer = meter.answer(request, faults)
        if answer is None or faults.silent:
            return
        frame = HEADER.pack(transaction, MODBUS_PROTOCOL, 1 + len(answer), unit) + answer
        if faults.late_s:
            asyncio.get_running_loop().call_later(faults.late_s, self._transport.write, frame)
        else:
            self._transport.write(frame)
