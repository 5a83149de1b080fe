"""Virtual meters behind a network: Modbus TCP, and RTU frames in TCP or UDP as transparent gateways have them.

Source: "MODBUS messaging on TCP/IP implementation guide V1.0b", section 3.1.3: the header is transaction, protocol (0),
length of what follows, unit.
"""

import asyncio
import struct
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from random import Random
from typing import NamedTuple, cast

from smartmeter.errors import SmartmeterError
from smartmeter.simulator.faults import Faults, spoil, spoil_content, turnaround
from smartmeter.simulator.frames import close_answer, open_request
from smartmeter.simulator.meter import VirtualMeter

HEADER = struct.Struct(">HHHB")
MODBUS_PROTOCOL = 0
# Unit and function at least; unit and 253 bytes at most.
LENGTHS = range(2, 255)
# A request to read: address, function, start, count, checksum.
RTU_REQUEST_BYTES = 8
# A request to write has the byte count after the count, then the data.
WRITE_REGISTERS = 16
BYTE_COUNT_AT = 6
RTU_WRITE_BYTES = 9

Write = Callable[[bytes], None]


class TcpServerError(SmartmeterError):
    """The TCP or UDP port cannot be served."""


class NetworkAnswer(NamedTuple):
    """What a meter answers, after how many seconds, and what goes wrong with it besides that."""

    after_s: float
    address: int
    pdu: bytes
    faults: Faults


# What is answered to a unit's request.
Answering = Callable[[int, bytes], Iterator[NetworkAnswer]]


@asynccontextmanager
async def tcp_server(
    meters: Sequence[VirtualMeter], host: str = "127.0.0.1", port: int = 0, *, rtu: bool = False
) -> AsyncIterator[tuple[str, int]]:
    """Serves the meters on Modbus TCP while the context lasts; gives host and port (0: any that is free).

    With `rtu` it has RTU frames instead. Answers come at once, in the order of the requests, unless a meter takes its
    turnaround. Units that are no meter's address are not answered. Raises TcpServerError.
    """
    async with answering_server(answering_of(meters), host, port, rtu=rtu) as where:
        yield where


@asynccontextmanager
async def answering_server(
    answering: Answering, host: str = "127.0.0.1", port: int = 0, *, rtu: bool = False
) -> AsyncIterator[tuple[str, int]]:
    """Serves whatever answers, like `tcp_server`."""
    connections: set[asyncio.Transport] = set()
    kind = _RtuConnection if rtu else _Connection
    loop = asyncio.get_running_loop()
    try:
        server = await loop.create_server(lambda: kind(answering, connections), host, port)
    except OSError as error:
        raise _cannot_be_served(host, port, error) from error
    try:
        yield server.sockets[0].getsockname()[:2]
    finally:
        server.close()
        for transport in list(connections):
            transport.abort()
        await server.wait_closed()


@asynccontextmanager
async def udp_server(
    meters: Sequence[VirtualMeter], host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[tuple[str, int]]:
    """Serves the meters with RTU frames in UDP datagrams, otherwise like `tcp_server`."""
    async with answering_udp_server(answering_of(meters), host, port) as where:
        yield where


@asynccontextmanager
async def answering_udp_server(
    answering: Answering, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[tuple[str, int]]:
    """Serves whatever answers, like `udp_server`."""
    try:
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Datagrams(answering), local_addr=(host, port)
        )
    except OSError as error:
        raise _cannot_be_served(host, port, error) from error
    try:
        own: tuple[str, int] = transport.get_extra_info("sockname")[:2]
        yield own
    finally:
        transport.close()


def _cannot_be_served(host: str, port: int, error: OSError) -> TcpServerError:
    return TcpServerError(f"{host} port {port} cannot be served: {error.strerror}; choose another port or host")


def answering_of(meters: Sequence[VirtualMeter], seed: int = 1) -> Answering:
    """What the meters answer; `seed` decides whatever is left to chance."""
    by_address = {meter.address: meter for meter in meters}
    rng = Random(seed)  # noqa: S311  # guards nothing

    def answers(unit: int, request: bytes) -> Iterator[NetworkAnswer]:
        meter = by_address.get(unit)
        if meter is None or meter.address != unit:
            # One may have been set to another address meanwhile.
            meter = next((each for each in meters if each.address == unit), None)
        if meter is None:
            return
        faults = meter.striking(meter.faults)
        address = meter.answers_as(unit, request)
        pdu = meter.answer(request, faults)
        if pdu is not None and not faults.silent:
            after_s = faults.late_s + turnaround(meter.quirks.turnaround_s or 0.0, rng)
            yield NetworkAnswer(after_s, address, pdu, faults)

    return answers


def _write(write: Write, frame: bytes, answer: NetworkAnswer, hang_up: Callable[[], None]) -> None:
    """Writes the frame when it is due, as the faults want it."""
    if answer.after_s:
        on_time = partial(_write_now, write, frame, answer.faults, hang_up)
        asyncio.get_running_loop().call_later(answer.after_s, on_time)
    else:
        _write_now(write, frame, answer.faults, hang_up)


def _write_now(write: Write, frame: bytes, faults: Faults, hang_up: Callable[[], None]) -> None:
    write(frame)
    if faults.twice:
        write(frame)
    if faults.hang_up:
        hang_up()


class _Connection(asyncio.Protocol):
    """One client on Modbus TCP."""

    def __init__(self, answering: Answering, connections: set[asyncio.Transport]) -> None:
        self._answering = answering
        self._rng = Random(1)  # noqa: S311  # guards nothing
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
            request = bytes(self._received[HEADER.size : end])
            del self._received[:end]
            self._take(transaction, unit, request)

    def _take(self, transaction: int, unit: int, request: bytes) -> None:
        for answer in self._answering(unit, request):
            faults = answer.faults
            address, pdu = spoil_content(answer.address, answer.pdu, faults)
            number = (transaction + faults.wrong_transaction) % 0x10000
            frame = HEADER.pack(number, MODBUS_PROTOCOL, 1 + len(pdu), address) + pdu
            _write(
                self._transport.write,
                faults.garbage or frame[: len(frame) - faults.cut_bytes],
                answer,
                self._transport.close,
            )


class _RtuConnection(_Connection):
    """One client with RTU frames. Requests to read and to write registers are understood: their length is known."""

    def data_received(self, data: bytes) -> None:
        self._received += data
        while len(self._received) >= RTU_REQUEST_BYTES:
            length = RTU_REQUEST_BYTES
            if self._received[1] == WRITE_REGISTERS:
                length = RTU_WRITE_BYTES + self._received[BYTE_COUNT_AT]
            if len(self._received) < length:
                return
            frame = bytes(self._received[:length])
            del self._received[:length]
            _answer_rtu(self._answering, frame, self._rng, self._transport.write, self._transport.close)


class _Datagrams(asyncio.DatagramProtocol):
    """All clients with RTU frames in datagrams."""

    def __init__(self, answering: Answering) -> None:
        self._answering = answering
        self._rng = Random(1)  # noqa: S311  # guards nothing
        self._transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # The event loop's own class does not say that it is one.
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        _answer_rtu(self._answering, data, self._rng, lambda frame: self._transport.sendto(frame, addr), lambda: None)


def _answer_rtu(answering: Answering, frame: bytes, rng: Random, write: Write, hang_up: Callable[[], None]) -> None:
    opened = open_request(frame)
    for answer in () if opened is None else answering(*opened):
        _write(write, spoil(close_answer(answer.address, answer.pdu), answer.faults, rng), answer, hang_up)
