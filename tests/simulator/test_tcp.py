import asyncio
import socket
import struct
import time

import pytest

from smartmeter.models import load_model
from smartmeter.simulator import NO_FAULTS, Faults, VirtualMeter
from smartmeter.simulator.tcp import TcpServerError, tcp_server

PATIENCE_S = 5.0
BRIEF_S = 0.1


def meter(address=1, model="SDM530", **what):
    return VirtualMeter(load_model(model), address, clock=lambda: 1e6, **what)


def frame(transaction, unit, pdu, protocol=0):
    return struct.pack(">HHHB", transaction, protocol, 1 + len(pdu), unit) + pdu


def read_request(transaction=1, unit=1, count=2):
    return frame(transaction, unit, struct.pack(">BHH", 4, 0, count))


def answer(transaction=1, unit=1, count=2):
    return frame(transaction, unit, bytes((4, 2 * count)) + meter().read(4, 0, count))


class Client:
    def __init__(self, reader, writer):
        self._reader, self._writer = reader, writer

    @classmethod
    async def connect(cls, where):
        return cls(*await asyncio.open_connection(*where))

    def send(self, data):
        self._writer.write(data)

    async def receive(self, size):
        return await asyncio.wait_for(self._reader.readexactly(size), PATIENCE_S)

    async def ended(self):
        try:
            return await asyncio.wait_for(self._reader.read(1), PATIENCE_S) == b""
        except ConnectionError:
            return True

    async def silent(self):
        try:
            await asyncio.wait_for(self._reader.read(1), BRIEF_S)
        except TimeoutError:
            return True
        return False

    async def close(self):
        self._writer.close()


async def test_answers_carry_transaction_and_unit():
    async with tcp_server([meter(1), meter(7, "SDM230")]) as where:
        client = await Client.connect(where)
        client.send(read_request(0xABCD))
        assert await client.receive(13) == answer(0xABCD)
        client.send(read_request(2, unit=7))
        assert (await client.receive(13))[:7] == bytes.fromhex("0002 0000 0007 07")
        await client.close()


async def test_requests_may_be_pipelined_and_come_in_pieces():
    requests = b"".join(read_request(number) for number in range(20))
    async with tcp_server([meter()]) as where:
        client = await Client.connect(where)
        for position in range(0, len(requests), 7):
            client.send(requests[position : position + 7])
            await asyncio.sleep(0)
        assert await client.receive(20 * 13) == b"".join(answer(number) for number in range(20))
        await client.close()


async def test_several_clients_are_served():
    async with tcp_server([meter()]) as where:
        clients = [await Client.connect(where) for _ in range(5)]
        for client in clients:
            client.send(read_request())
        for client in clients:
            assert await client.receive(13) == answer()
            await client.close()


async def test_an_unknown_unit_is_not_answered_and_an_unknown_function_is_refused():
    async with tcp_server([meter()]) as where:
        client = await Client.connect(where)
        client.send(read_request(unit=2))
        assert await client.silent()
        client.send(frame(3, 1, b"\x2b\x0e\x01\x00"))
        assert await client.receive(9) == frame(3, 1, b"\xab\x01")
        await client.close()


@pytest.mark.parametrize("nonsense", [frame(1, 1, b"\x04", protocol=7), b"\0\0\0\0\0\1\1", b"\0\0\0\0\1\0\1"])
async def test_what_is_no_modbus_tcp_ends_the_connection(nonsense):
    async with tcp_server([meter()]) as where:
        client = await Client.connect(where)
        client.send(nonsense)
        assert await client.ended()
        await client.close()


async def test_faults():
    faulty = meter()
    async with tcp_server([faulty]) as where:
        client = await Client.connect(where)
        faulty.faults = Faults(silent=True)
        client.send(read_request())
        assert await client.silent()
        faulty.faults = Faults(exception=6)
        client.send(read_request())
        assert await client.receive(9) == frame(1, 1, b"\x84\x06")
        faulty.faults = Faults(late_s=0.2)
        asked_s = time.monotonic()
        client.send(read_request())
        assert await client.receive(13) == answer()
        assert time.monotonic() - asked_s > 0.19
        faulty.faults = NO_FAULTS
        client.send(read_request())
        assert await client.receive(13) == answer()
        await client.close()


async def test_its_end_ends_the_connections():
    async with tcp_server([meter()]) as where:
        client = await Client.connect(where)
        client.send(read_request())
        await client.receive(13)
    assert await client.ended()
    await client.close()


async def test_a_port_that_is_taken_is_an_error():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(TcpServerError, match=rf"127.0.0.1 port {port} cannot be served: .*; choose another port"):
            async with tcp_server([meter()], port=port):
                pass
