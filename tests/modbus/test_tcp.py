"""Modbus TCP against a server of virtual meters with every fault that a network and a gateway can have."""

import asyncio
import socket
import time
from contextlib import asynccontextmanager

import pytest

from smartmeter.modbus.counters import LineCounters
from smartmeter.modbus.errors import (
    DamagedAnswerError,
    ExceptionAnswerError,
    ForeignAnswerError,
    NoAnswerError,
    PortError,
    ShortAnswerError,
    SilentTargetError,
)
from smartmeter.modbus.frames import ReadRequest
from smartmeter.modbus.ports import TcpPort
from smartmeter.modbus.tcp import TcpConnection
from smartmeter.simulator import NO_FAULTS, Faults, VirtualMeter
from smartmeter.simulator.tcp import tcp_server
from tests.modbus.test_rtu import FIRST, MODEL, THIRD, VALUES, descriptors, expected

TIMEOUT_S = 0.15


def meter(address=1):
    return VirtualMeter(MODEL, address, values=VALUES)


@asynccontextmanager
async def connected(where, counters=None):
    connection = await TcpConnection.connect(TcpPort(*where), TIMEOUT_S, counters or LineCounters())
    try:
        yield connection
    finally:
        connection.close()


@asynccontextmanager
async def served(*meters):
    """A connection to the meters, and its counters."""
    counters = LineCounters()
    async with tcp_server(meters) as where, connected(where, counters) as connection:
        yield connection, counters


async def test_reads_one_after_the_other_and_several_at_once():
    async with served(meter()) as (connection, counters):
        for request in (FIRST, THIRD, FIRST):
            assert await connection.read(request) == expected(request)
        assert await connection.read_several([FIRST, THIRD]) == [expected(FIRST), expected(THIRD)]
        assert counters.requests == counters.answers == 5
        assert not counters.failures


async def test_transactions_go_round():
    async with served(meter()) as (connection, _):
        connection._transaction = 0xFFFF  # noqa: SLF001
        assert await connection.read_several([FIRST, THIRD]) == [expected(FIRST), expected(THIRD)]


@pytest.mark.parametrize(
    ("faults", "error", "counter"),
    [
        (Faults(silent=True), NoAnswerError, "no_answer"),
        (Faults(cut_bytes=10), ShortAnswerError, "short"),
        (Faults(foreign_address=9), ForeignAnswerError, "foreign"),
        (Faults(wrong_byte_count=2), ForeignAnswerError, "foreign"),
        (Faults(wrong_transaction=5), NoAnswerError, "no_answer"),
        (Faults(exception=2), ExceptionAnswerError, "exceptions"),
        (Faults(exception=10), SilentTargetError, "no_answer"),
        (Faults(exception=11), SilentTargetError, "no_answer"),
    ],
)
async def test_what_is_wrong_is_told_apart_and_counted(faults, error, counter):
    faulty = meter()
    async with served(faulty) as (connection, counters):
        faulty.faults = faults
        with pytest.raises(error):
            await connection.read(THIRD)
        assert getattr(counters, counter) == 1
        faulty.faults = NO_FAULTS
        if not faults.cut_bytes:
            assert await connection.read(THIRD) == expected(THIRD)


async def test_no_answer_takes_the_time_out_and_not_longer():
    faulty = meter()
    async with served(faulty) as (connection, _):
        await connection.read(FIRST)
        await asyncio.sleep(TIMEOUT_S / 2)
        faulty.faults = Faults(silent=True)
        for _ in range(2):
            started_s = time.monotonic()
            with pytest.raises(NoAnswerError):
                await connection.read(FIRST)
            assert TIMEOUT_S * 0.99 <= time.monotonic() - started_s < TIMEOUT_S + 0.1


async def test_one_of_several_that_fails_costs_itself_only():
    faulty = meter()
    async with served(faulty) as (connection, counters):
        faulty.faults = Faults(silent=True, every=3)
        answers = await connection.read_several([FIRST, THIRD, FIRST])
        assert isinstance(answers[0], NoAnswerError)
        assert answers[1:] == [expected(THIRD), expected(FIRST)]
        assert (counters.requests, counters.answers, counters.no_answer) == (3, 2, 1)


async def test_a_late_answer_is_recognised_counted_and_never_taken_for_another():
    late, following = ReadRequest(1, 4, 0, 2), ReadRequest(1, 4, 2, 2)
    slow = meter()
    async with served(slow) as (connection, counters):
        slow.faults = Faults(late_s=TIMEOUT_S * 1.3, every=1000)
        with pytest.raises(NoAnswerError):
            await connection.read(late)
        for _ in range(100):
            assert await connection.read(following) == expected(following)
            await asyncio.sleep(0.001)
        assert counters.late_answers == 1


async def test_an_answer_that_comes_twice_is_counted():
    doubling = meter()
    async with served(doubling) as (connection, counters):
        doubling.faults = Faults(twice=True)
        for request in (FIRST, THIRD, FIRST):
            assert await connection.read(request) == expected(request)
        await asyncio.sleep(0.02)
        assert counters.late_answers == 3


async def test_a_slow_answer_within_the_time_out_is_good():
    slow = meter()
    async with served(slow) as (connection, counters):
        slow.faults = Faults(late_s=TIMEOUT_S * 0.7)
        assert await connection.read(FIRST) == expected(FIRST)
        assert counters.late_answers == 0


@pytest.mark.parametrize("cut", [0, 5, 93])
async def test_a_connection_that_ends_in_the_middle_of_an_answer_is_lost(cut):
    faulty = meter()
    async with served(faulty) as (connection, _):
        faulty.faults = Faults(hang_up=True, cut_bytes=cut or 1)
        with pytest.raises(PortError, match="closed by the other side"):
            await connection.read(FIRST)
        assert connection.is_broken


async def test_a_connection_that_ends_while_nobody_asks_is_broken():
    async with tcp_server([meter()]) as where:
        connection = await TcpConnection.connect(TcpPort(*where), TIMEOUT_S, LineCounters())
        assert await connection.read(FIRST) == expected(FIRST)
        assert not connection.is_broken
    await asyncio.sleep(0.05)
    assert connection.is_broken
    with pytest.raises(PortError):
        await connection.read(FIRST)
    connection.close()


async def test_garbage_breaks_the_connection_and_costs_the_request():
    faulty = meter()
    async with served(faulty) as (connection, counters):
        faulty.faults = Faults(garbage=b"HTTP/1.1 400 Bad Request\r\n")
        with pytest.raises(DamagedAnswerError, match="no Modbus TCP"):
            await connection.read(FIRST)
        assert connection.is_broken
        assert counters.damaged == 1
        with pytest.raises(PortError, match="no Modbus TCP"):
            await connection.read(FIRST)


async def test_a_refused_connection_is_told():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(PortError, match=rf"tcp://127.0.0.1:{port}: refused"):
        await TcpConnection.connect(TcpPort("127.0.0.1", port), TIMEOUT_S, LineCounters())


async def test_a_name_that_nobody_knows_is_told():
    with pytest.raises(PortError, match=r"tcp://no.such.host.invalid:502: the name no.such.host.invalid is not known"):
        await TcpConnection.connect(TcpPort("no.such.host.invalid", 502), TIMEOUT_S, LineCounters())


async def test_a_name_is_looked_up():
    async with tcp_server([meter()]) as (_, port), connected(("localhost", port)) as connection:
        assert await connection.read(FIRST) == expected(FIRST)


async def test_a_host_that_never_answers_is_given_up(monkeypatch):
    monkeypatch.setattr("smartmeter.modbus.network.CONNECT_TIMEOUT_S", 0.2)
    with socket.socket() as full:
        # Its queue is full: further connections are not answered.
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        queued = [socket.socket() for _ in range(2)]
        for one in queued:
            one.setblocking(False)  # noqa: FBT003
            one.connect_ex(full.getsockname())
        with pytest.raises(PortError, match=r"no connection within 0.2 s"):
            await TcpConnection.connect(TcpPort(*full.getsockname()), TIMEOUT_S, LineCounters())
        for one in queued:
            one.close()


async def test_a_server_that_accepts_and_never_answers_is_silent():
    with socket.create_server(("127.0.0.1", 0)) as server:
        async with connected(server.getsockname()) as connection:
            with pytest.raises(NoAnswerError):
                await connection.read(FIRST)


async def test_who_waits_when_it_is_closed_is_told_and_nothing_is_left_open():
    async with tcp_server([VirtualMeter(MODEL, faults=Faults(silent=True))]) as where:
        before = descriptors()
        connection = await TcpConnection.connect(TcpPort(*where), TIMEOUT_S, LineCounters())
        reading = asyncio.create_task(connection.read(FIRST))
        await asyncio.sleep(0.02)
        connection.close()
        with pytest.raises(PortError):
            await reading
        await asyncio.sleep(0.02)
        assert len(descriptors()) == len(before)


async def test_who_gives_up_waiting_leaves_a_good_connection():
    slow = meter()
    async with served(slow) as (connection, counters):
        slow.faults = Faults(late_s=0.05, every=1000)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(connection.read(FIRST), 0.01)
        assert await connection.read(THIRD) == expected(THIRD)
        await asyncio.sleep(0.1)
        assert counters.late_answers == 1
