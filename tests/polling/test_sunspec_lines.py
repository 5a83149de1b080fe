"""Every SunSpec device over a real socket and a pseudo-terminal; and one that is exchanged for another."""

import logging

import pytest

from smartmeter.modbus.connection import open_connection
from smartmeter.modbus.counters import LineCounters
from smartmeter.modbus.line import NetworkLine, SerialFormat
from smartmeter.modbus.ports import SerialPort, TcpPort
from smartmeter.models import load_model
from smartmeter.polling import poller as poller_module
from smartmeter.polling.known import KnownMeter
from smartmeter.polling.learned import Learned
from smartmeter.polling.probe import probe
from smartmeter.polling.round import read_round
from smartmeter.polling.sunspec import look_at
from smartmeter.simulator import NO_FAULTS, Faults, Quirks, VirtualLine, VirtualMeter
from smartmeter.simulator.sunspec import VirtualSunSpec
from smartmeter.simulator.tcp import tcp_server
from tests.polling.sunspec_devices import IDS, NOON_S, settings
from tests.polling.test_poller import polling, until

LINE = SerialFormat(115200, 8, "N", 1)


async def read(port, line, meter):
    connection = await open_connection(port, line, 0.5, LineCounters())
    try:
        found = await look_at(meter, connection.read)
        return await read_round(found.meter, line, frozenset(found.meter.intervals_us), Learned(), connection.read)
    finally:
        connection.close()


def check(result, device):
    """Every value is back, and what the device does not show has none."""
    assert not result.failures
    assert result.values.keys() == device.model.registers.keys()
    shown = {id_: value for id_, value in result.values.items() if value is not None}
    # A float32 comes back as its shortest decimal.
    assert shown == pytest.approx(device.values_at(NOON_S), rel=1e-7)


@pytest.mark.parametrize("id_", IDS)
async def test_every_value_comes_back_over_a_socket(id_):
    device = VirtualSunSpec((id_,), 7, strange=[(120, 26), (64001, 9)], clock=lambda: NOON_S)
    async with tcp_server([device]) as (host, port):
        check(await read(TcpPort(host, port), NetworkLine(), settings()), device)


@pytest.mark.parametrize("id_", IDS)
async def test_every_value_comes_back_over_a_serial_line(id_):
    device = VirtualSunSpec((id_,), 7, base=50000, clock=lambda: NOON_S)
    with VirtualLine(LINE, [device], turnaround_s=0.001) as line:
        check(await read(SerialPort(str(line.path)), LINE, settings(f"SunSpec-{id_}")), device)


async def test_a_device_that_refuses_long_requests_is_read_whole():
    device = VirtualSunSpec((203,), 7, quirks=Quirks(max_registers=70), clock=lambda: NOON_S)
    async with tcp_server([device]) as (host, port):
        connection = await open_connection(TcpPort(host, port), NetworkLine(), 0.5, LineCounters())
        found = await look_at(settings(), connection.read)
        result = await read_round(
            found.meter, NetworkLine(), frozenset(found.meter.intervals_us), Learned(), connection.read
        )
        connection.close()
    assert not result.lost
    assert {id_ for id_ in result.values if result.values[id_] is not None} == device.values_at(NOON_S).keys()


async def test_a_device_is_looked_at_before_it_is_read(caplog):
    caplog.set_level(logging.INFO)
    device = VirtualSunSpec((103,), 7)
    meter = settings(measurands=["voltage_l1", "active_power_total", "active_power_l1"])
    with VirtualLine(LINE, [device], turnaround_s=0.001) as line:
        async with polling(line.path, meter, timeout_s=0.2) as (pollers, readings, _):
            await until(lambda: len(readings) >= 3)
            assert pollers["pv"].meter.model.registers["voltage_l1"].address == 40080
    assert all(reading.values.keys() == {"voltage_l1", "active_power_total"} for reading in readings)
    told = (
        "Meter pv: Example EX-3, version 1.4, serial number 4711; SunSpec model 103 at 40070 is read. "
        "It does not have active_power_l1."
    )
    assert caplog.messages.count(told) == 1


class Exchanged(VirtualSunSpec):
    """A device in whose place another one can be put."""

    other = None

    def answer(self, pdu, faults):
        return self.other.answer(pdu, faults) if self.other else super().answer(pdu, faults)


async def test_after_a_silence_the_device_may_be_another_one(monkeypatch, caplog):
    monkeypatch.setattr(poller_module, "FIRST_PROBE_S", 0.05)
    caplog.set_level(logging.INFO)
    old = Exchanged((203,), 7, values={"voltage_l1": 231.0}, faults=Faults(silent=True))
    meter = settings(measurands=["voltage_l1", "active_power_l1"])
    with VirtualLine(LINE, [old], turnaround_s=0.001) as line:
        async with polling(line.path, meter) as (pollers, readings, _):
            await until(lambda: pollers["pv"].state.silent_since_us is not None)
            assert not readings
            old.faults = NO_FAULTS
            await until(lambda: readings)
            assert pollers["pv"].state.silent_since_us is None
            old.faults = Faults(silent=True)
            await until(lambda: pollers["pv"].state.silent_since_us is not None)
            old.other = VirtualSunSpec((111,), 7, base=0, values={"voltage_l1": 225.0})
            old.faults = NO_FAULTS
            count = len(readings)
            await until(lambda: len(readings) > count)
    assert readings[0].values.keys() == {"voltage_l1", "active_power_l1"}
    assert readings[0].values["voltage_l1"] == 231.0
    assert readings[-1].values == {"voltage_l1": 225.0}
    assert "SunSpec model 111 at 70 is read. It does not have active_power_l1." in caplog.text


async def test_a_device_is_known_again_by_the_serial_number_that_it_tells(caplog):
    learned = Learned(longest=100, turnaround_s=0.001)
    known = [KnownMeter("test", 7, number, "SunSpec", learned, 5, int(number)) for number in ("4711", "4712")]
    meter = settings(measurands=["voltage_l1"])
    with VirtualLine(LINE, [VirtualSunSpec((103,), 7)], turnaround_s=0.001) as line:
        async with polling(line.path, meter, timeout_s=0.2, known=known) as (pollers, readings, _):
            await until(lambda: readings)
            one = pollers["pv"].known
    assert (one.serial_number, one.model, one.since_us, one.learned.longest) == ("4711", "SunSpec", 5, 100)
    assert "its serial number is 4711, it was 4712" in caplog.text


async def test_what_is_no_sunspec_device_is_told_once_and_tried_again(monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(poller_module, "FIRST_PROBE_S", 0.01)
    monkeypatch.setattr(poller_module, "LAST_PROBE_S", 0.02)
    device = VirtualSunSpec((203,), 7)
    device.words = {40000: 0}
    with VirtualLine(LINE, [device], turnaround_s=0.001) as line:
        async with polling(line.path, settings(), timeout_s=0.2) as (_, readings, _fast):
            await until(lambda: line.counts.requests >= 9)
            assert not readings
            device.words = {}
            await until(lambda: readings)
    assert "Meter pv reads without errors again." in caplog.text
    assert caplog.text.count("Meter pv: it cannot be read (unit 7: no SunSpec device") == 1


@pytest.mark.parametrize(
    ("device", "value"),
    [
        (VirtualSunSpec((103,), 7, values={"voltage_l1": 229.0}), 229.0),
        (VirtualSunSpec((204,), 7, quirks=Quirks(absent=frozenset({"voltage_l1"}))), None),
        (VirtualMeter(load_model("SDM530"), 7), None),
    ],
    ids=["inverter", "delta", "no SunSpec"],
)
async def test_a_probe_asks_the_device_for_its_voltage(device, value):
    with VirtualLine(LINE, [device], turnaround_s=0.001) as line:
        answer = await probe(str(line.path), LINE, load_model("SunSpec"), 7, 0.2)
        assert (answer.measurand, answer.value) == ("voltage_l1", value)
        assert await probe(str(line.path), LINE, load_model("SunSpec"), 8, 0.02) is None
