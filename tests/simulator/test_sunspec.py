"""The virtual SunSpec device: pysunspec2, which others wrote, walks its chain and comes to the same values as we do."""

import asyncio

import pytest
from sunspec2.modbus.client import SunSpecModbusClientDeviceRTU, SunSpecModbusClientDeviceTCP

from smartmeter.modbus.connection import open_connection
from smartmeter.modbus.counters import LineCounters
from smartmeter.modbus.line import NetworkLine, SerialFormat
from smartmeter.modbus.ports import TcpPort
from smartmeter.models import load_model
from smartmeter.models.sunspec.layouts import layouts
from smartmeter.polling.learned import Learned
from smartmeter.polling.round import read_round
from smartmeter.polling.sunspec import look_at
from smartmeter.simulator import Quirks, VirtualLine, VirtualMeter
from smartmeter.simulator.answers import RefusedError
from smartmeter.simulator.of_model import virtual_meter
from smartmeter.simulator.sunspec import VirtualSunSpec
from smartmeter.simulator.tcp import tcp_server
from tests.polling.sunspec_devices import IDS, NOON_S, settings

UNKNOWN = 64900
TEXTS = ("Maker", "SE 10K", "3.2.1", "7E12")


def scanned(peer):
    """Id, address and length of the models that the peer finds, and the points of each by offset."""
    peer.scan()
    chain, contents = [], {}
    for model in peer.model_list:
        chain.append((model.model_id, model.model_addr, model.model_len))
        contents[model.model_id] = {point.offset: point for point in model.points.values()}
    peer.close()
    return chain, contents


def values_of(device, points):
    """What the peer comes to, by measurand, in our units and with our signs; None for what is not there."""
    scales = {register.measurand: register.scale for register in device.model.registers.values()}
    found = {}
    for point in layouts()[device.model.sunspec[0]].points:
        there = points[point.offset]
        value = there.cvalue if there.is_impl() else None
        found[point.measurand] = None if value is None else value * float(scales[point.measurand])
    return found


def lacking_in(values):
    return {name for name, value in values.items() if value is None}


def there_in(values):
    return {name: value for name, value in values.items() if value is not None}


async def own_values(host, port):
    connection = await open_connection(TcpPort(host, port), NetworkLine(), 0.5, LineCounters())
    found = await look_at(settings(), connection.read)
    asked = frozenset(found.meter.intervals_us)
    result = await read_round(found.meter, NetworkLine(), asked, Learned(), connection.read)
    connection.close()
    return found, result.values


@pytest.mark.parametrize("base", [40000, 50000, 0])
@pytest.mark.parametrize("id_", IDS)
async def test_a_peer_reads_what_we_read(id_, base):
    lacking = frozenset({"apparent_power_total", "voltage_l2", "active_energy_import"})
    strange = [(UNKNOWN, 7)] if base else []
    device = VirtualSunSpec(
        (id_,), 7, base=base, strange=strange, texts=TEXTS, quirks=Quirks(absent=lacking), clock=lambda: NOON_S
    )
    async with tcp_server([device]) as (host, port):
        peer = SunSpecModbusClientDeviceTCP(7, host, port, timeout=5)
        chain, contents = await asyncio.to_thread(scanned, peer)
        found, own = await own_values(host, port)
    # The peer does not list what it does not know.
    assert [(link.id, link.address, link.length) for link in found.chain if link.id != UNKNOWN] == chain
    theirs = values_of(device, contents[id_])
    assert lacking_in(theirs) == lacking_in(own)
    assert there_in(own) == pytest.approx(there_in(theirs), rel=1e-6)
    common = contents[1]
    assert [common[offset].value for offset in (2, 18, 42, 50)] == list(TEXTS)


def test_a_peer_reads_it_over_a_serial_line():
    device = VirtualSunSpec((103, 203), 7, clock=lambda: NOON_S)
    with VirtualLine(SerialFormat(19200), [device], turnaround_s=0.001) as line:
        chain, contents = scanned(SunSpecModbusClientDeviceRTU(7, str(line.path), baudrate=19200, timeout=2))
    assert chain == [(1, 40002, 66), (103, 40070, 50), (203, 40122, 105)]
    assert contents[203][18].cvalue == pytest.approx(device.values_at(NOON_S)["active_power_total"])
    assert contents[103][14].cvalue == pytest.approx(-device.values_at(NOON_S)["active_power_total"])


@pytest.mark.parametrize(("function", "start", "count"), [(3, 39999, 2), (3, 40176, 4), (4, 40000, 2), (3, 0, 2)])
def test_outside_of_the_chain_there_is_nothing(function, start, count):
    device = VirtualSunSpec((203,), 7)
    assert device.end == 40179
    with pytest.raises(RefusedError) as refused:
        device.read(function, start, count)
    assert refused.value.code == 2


def test_scale_factors_are_as_fine_as_the_values_allow():
    device = VirtualSunSpec((203,), 7, clock=lambda: NOON_S)

    def exponent(offset):
        return int.from_bytes(device.read(3, 40070 + offset, 1), signed=True)

    for power, expected in ((500.0, 0), (40_000.0, 1), (2_500_000.0, 2), (-40_000_000.0, 4)):
        device.values = {f"active_power_{of}": power for of in ("total", "l1", "l2", "l3")}
        assert exponent(22) == expected
        assert device.values_at(NOON_S)["active_power_total"] == power


def test_what_is_laid_over_is_seen_at_once():
    device = VirtualSunSpec((203,), 7, clock=lambda: NOON_S)
    assert device.read(3, 40000, 2) == b"SunS"
    device.words = {40001: 0}
    assert device.read(3, 40000, 2) == b"Su\0\0"


@pytest.mark.parametrize(("name", "id_"), [("SunSpec", 203), ("SunSpec-111", 111)])
def test_a_sunspec_model_wants_such_a_device(name, id_):
    device = virtual_meter(load_model(name), 9, sunspec_base=0)
    assert device.model is VirtualSunSpec((id_,), base=0).model
    assert (device.address, device.base) == (9, 0)


def test_other_models_do_not():
    assert type(virtual_meter(load_model("SDM530"))) is VirtualMeter
