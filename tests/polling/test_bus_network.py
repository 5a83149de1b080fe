"""Meters over networks that fail: refused, pulled and back, half open, dead ones among many."""

import asyncio
import logging
import socket
import time
from contextlib import asynccontextmanager

import pytest

from smartmeter.clock import system_clock
from smartmeter.modbus.line import NetworkLine
from smartmeter.models import load_model
from smartmeter.polling import bus as bus_module
from smartmeter.polling import poller as poller_module
from smartmeter.polling.bus import Bus
from smartmeter.polling.fast import FastInterval
from smartmeter.polling.poller import MeterPoller
from smartmeter.settings.model import BusSettings, FastSettings, MeterSettings
from smartmeter.simulator import NO_FAULTS, Faults, Quirks, VirtualMeter
from smartmeter.simulator.tcp import tcp_server, udp_server
from tests.polling.test_poller import FEW, meter_settings, until

MODEL = load_model("SDM530")
EVERYTHING = tuple(MODEL.registers)


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(bus_module, "REOPEN_S", 0.05)
    monkeypatch.setattr(bus_module, "LAST_REOPEN_S", 0.2)
    monkeypatch.setattr(poller_module, "FIRST_PROBE_S", 0.05)
    monkeypatch.setattr(poller_module, "LAST_PROBE_S", 0.2)


@asynccontextmanager
async def polling(where, *meters, kind="tcp", timeout_s=0.1, pipeline=1):
    bus = Bus(BusSettings("test", f"{kind}://{where[0]}:{where[1]}", NetworkLine(), timeout_s, meters, pipeline))
    readings = []
    fast = FastInterval(FastSettings(50_000, 0.3))
    pollers = {meter.name: MeterPoller(meter, bus, fast, system_clock(), readings.append) for meter in meters}
    tasks = [asyncio.create_task(poller.run()) for poller in pollers.values()]
    try:
        yield bus, pollers, readings
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        bus.close()


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()


def served(where, *meters, kind):
    return udp_server(meters, *where) if kind == "rtu+udp" else tcp_server(meters, *where, rtu=kind == "rtu+tcp")


@pytest.mark.parametrize("kind", ["tcp", "rtu+tcp", "rtu+udp"])
async def test_a_gateway_may_come_late_and_go_and_come_back(kind, caplog):
    caplog.set_level(logging.INFO)
    where = free_port(socket.SOCK_DGRAM if kind == "rtu+udp" else socket.SOCK_STREAM)
    async with polling(where, meter_settings(), kind=kind) as (bus, _, readings):
        await until(lambda: bus.trouble is not None)
        async with served(where, VirtualMeter(MODEL), kind=kind):
            await until(lambda: len(readings) >= 3)
            assert bus.trouble is None
        await until(lambda: bus.trouble is not None)
        count = len(readings)
        async with served(where, VirtualMeter(MODEL), kind=kind):
            await until(lambda: len(readings) >= count + 3)
    assert caplog.text.count("Trying again every few seconds") == 2
    assert caplog.text.count("the port is open again") == 2


@pytest.mark.parametrize("pipeline", [1, 3, 16])
async def test_a_pipeline_reads_what_one_request_at_a_time_reads(pipeline):
    meter = VirtualMeter(MODEL, quirks=Quirks(max_registers=20), clock=lambda: 1e6)
    async with tcp_server([meter]) as where:
        everything = meter_settings(measurands=EVERYTHING)
        async with polling(where, everything, pipeline=pipeline) as (bus, pollers, readings):
            await until(lambda: len(readings) >= 3)
    assert all(reading.values.keys() == set(EVERYTHING) for reading in readings)
    assert len({tuple(sorted(reading.values.items())) for reading in readings}) == 1
    assert bus.counters.exceptions >= pollers["house"].state.failures["ExceptionAnswerError"] > 0


async def test_a_block_that_fails_in_a_pipeline_is_asked_for_again():
    meter = VirtualMeter(MODEL)
    async with tcp_server([meter]) as where:
        everything = meter_settings(measurands=EVERYTHING, interval_us=500_000)
        async with polling(where, everything, pipeline=8) as (_, pollers, readings):
            await until(lambda: readings)
            meter.faults = Faults(silent=True, every=5)
            await until(lambda: len(readings) >= 4)
    assert all(reading.values.keys() == set(EVERYTHING) for reading in readings)
    assert pollers["house"].state.failures["NoAnswerError"] > 0


async def test_a_connection_that_is_half_open_is_made_anew():
    """The first connection goes to who accepts and never answers; the address is then another's."""
    deaf = socket.create_server(("127.0.0.1", 0))
    where = deaf.getsockname()
    async with polling(where, meter_settings(), timeout_s=0.03) as (bus, pollers, readings):
        await until(lambda: pollers["house"].state.silent_since_us is not None)
        accepted, _ = deaf.accept()
        deaf.close()
        async with tcp_server([VirtualMeter(MODEL)], *where):
            await until(lambda: len(readings) >= 2)
        accepted.close()
    assert bus.counters.reconnects >= 1


async def test_a_gateway_that_ends_idle_connections_costs_nothing():
    async with tcp_server([VirtualMeter(MODEL)]) as where, polling(where, meter_settings()) as (bus, _, readings):
        await until(lambda: len(readings) >= 2)
        bus._connection._break("idle")  # noqa: SLF001 - as if the other side had closed it
        count = len(readings)
        await until(lambda: len(readings) >= count + 2)
        assert bus.trouble is None
        assert bus.counters.reconnects == 1


@pytest.mark.parametrize("dead", [Faults(silent=True), Faults(exception=11), Faults(exception=10)])
async def test_a_dead_meter_behind_a_gateway_costs_itself_only(dead):
    meters = [VirtualMeter(MODEL, address) for address in range(1, 11)]
    meters[4].faults = dead
    settings = [meter_settings(f"m{address}", address, 200_000) for address in range(1, 11)]
    async with tcp_server(meters) as where, polling(where, *settings, timeout_s=0.05) as (_, pollers, readings):
        await until(lambda: pollers["m5"].state.silent_since_us is not None)
        skipped = {name: poller.state.skipped for name, poller in pollers.items()}
        count = len(readings)
        await asyncio.sleep(2.0)
        lately = readings[count:]
        alive = [name for name in pollers if name != "m5"]
        for name in alive:
            assert sum(reading.meter == name for reading in lately) >= 8
            assert pollers[name].state.skipped <= skipped[name] + 1
        meters[4].faults = NO_FAULTS
        await until(lambda: any(reading.meter == "m5" for reading in readings))


async def test_meters_that_find_a_broken_connection_together_make_one_new_one(monkeypatch):
    made = []
    connect = Bus._connect  # noqa: SLF001

    async def slow(bus):
        await asyncio.sleep(0.05)
        made.append(await connect(bus))
        return made[-1]

    monkeypatch.setattr(Bus, "_connect", slow)
    settings = [meter_settings(f"m{address}", address) for address in (1, 2, 3)]
    meters = [VirtualMeter(MODEL, address) for address in (1, 2, 3)]
    async with tcp_server(meters) as where, polling(where, *settings) as (bus, _, readings):
        await until(lambda: len(readings) >= 6)
        made[0]._break("idle")  # noqa: SLF001 - as if the other side had closed it
        opening = asyncio.create_task(bus.open())
        count = len(readings)
        await until(lambda: len(readings) >= count + 6)
        await opening
    assert len(made) == 2


async def test_a_gateway_that_takes_connections_and_ends_them_is_not_hammered(caplog):
    taken = 0

    async def end(_, writer):
        nonlocal taken
        taken += 1
        writer.close()

    server = await asyncio.start_server(end, "127.0.0.1", 0)
    async with polling(server.sockets[0].getsockname(), meter_settings()):
        await asyncio.sleep(1.0)
    server.close()
    await server.wait_closed()
    assert 3 <= taken <= 12
    assert caplog.text.count("Trying again") == 1


async def test_rounds_begin_on_time_with_many_meters():
    meters = [VirtualMeter(MODEL, address, clock=lambda: 1e6) for address in range(1, 41)]
    settings = [meter_settings(f"m{address}", address, 500_000, FEW) for address in range(1, 41)]
    async with tcp_server(meters) as where, polling(where, *settings, timeout_s=0.5) as (_, pollers, readings):
        started_s = time.monotonic()
        await until(lambda: len(readings) >= 200, within_s=20)
        assert sum(poller.state.skipped for poller in pollers.values()) <= 40
        assert time.monotonic() - started_s < 10


def test_a_plan_for_a_network_has_the_fewest_blocks():
    from smartmeter.polling.learned import Learned  # noqa: PLC0415
    from smartmeter.polling.round import plan_round  # noqa: PLC0415

    model = load_model("SDM630")
    meter = MeterSettings("house", model, 1, dict.fromkeys(model.registers, 1_000_000))
    blocks = plan_round(model, NetworkLine(), frozenset(meter.intervals_us), Learned())
    assert [(block.address, block.count) for block in blocks] == [(0, 44), (46, 62), (200, 70), (334, 48)]
