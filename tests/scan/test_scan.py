"""Whole scans: meters that are set differently on one line, and what lies behind a network."""

from contextlib import aclosing

import pytest

from smartmeter.modbus.line import NetworkLine, SerialFormat
from smartmeter.modbus.ports import RtuTcpPort, SerialPort, TcpPort
from smartmeter.models import load_model
from smartmeter.scan.order import Wanted, legs, lines_to_try
from smartmeter.scan.scan import Scan, run_scan
from smartmeter.simulator import Faults, VirtualLine, VirtualMeter
from smartmeter.simulator.of_model import virtual_meter
from smartmeter.simulator.tcp import tcp_server


async def scanned(port, addresses, *, wanted=Wanted(), timeout_s=0.03):  # noqa: B008 - it is frozen
    scan = Scan()
    parts = legs(lines_to_try(port, wanted), addresses)
    async with aclosing(run_scan(scan, port, parts, timeout_s, wanted)) as steps:
        found = [each async for each in steps if each is not None]
    assert scan.asked == sum(len(leg.addresses) for leg in parts)
    return scan, found


def names(found):
    return {candidate.model.name for candidate in found.candidates}


FIVE = (
    ("SDM630", 1, SerialFormat(9600, 8, "N")),
    ("SDM120M", 2, SerialFormat(2400, 8, "N")),
    ("WE-516", 1, SerialFormat(9600, 8, "E")),
    ("SDM530", 1, SerialFormat(19200, 8, "E")),
    ("PAC2200", 3, SerialFormat(38400, 8, "N", 2)),
)


@pytest.mark.slow
async def test_five_meters_at_five_settings_are_all_found_with_their_models():
    meters = [
        VirtualMeter(load_model(name), address, format=form, seed=seed)
        for seed, (name, address, form) in enumerate(FIVE)
    ]
    with VirtualLine(None, meters, turnaround_s=0.005) as line:
        scan, told = await scanned(SerialPort(str(line.path)), range(1, 4))
        assert {request.frame[1] for request in line.requests} <= {3, 4}
    assert told == scan.found
    found = {(each.address, each.line.baudrate, each.line.parity): names(each) for each in scan.found}
    assert len(found) == len(scan.found) == 5
    for name, address, form in FIVE:
        assert name in found[address, form.baudrate, form.parity]


async def test_one_meter_that_answers_at_two_settings_of_one_speed_is_one():
    meter = VirtualMeter(load_model("SDM630"), 2)
    with VirtualLine(None, [meter], turnaround_s=0.005) as line:
        wanted = Wanted(baudrates=(9600,), parities=("N",), stopbits=(1, 2))
        scan, told = await scanned(SerialPort(str(line.path)), [2], wanted=wanted)
    assert len(told) == len(scan.found) == 1
    assert scan.found[0].line == SerialFormat(9600)
    assert scan.found[0].also == (SerialFormat(9600, 8, "N", 2),)


async def test_two_meters_with_one_address_at_different_speeds_are_two():
    meters = [
        VirtualMeter(load_model("SDM630"), 1, format=SerialFormat(9600)),
        VirtualMeter(load_model("SDM630"), 1, format=SerialFormat(19200), seed=2),
    ]
    with VirtualLine(None, meters, turnaround_s=0.005) as line:
        scan, _ = await scanned(
            SerialPort(str(line.path)), [1], wanted=Wanted(baudrates=(9600, 19200), parities=("N",))
        )
    assert [each.line.baudrate for each in scan.found] == [9600, 19200]
    assert len({each.identified.serial_number for each in scan.found}) == 2


async def test_what_only_refuses_is_found_without_a_model():
    with VirtualLine(SerialFormat(9600), [VirtualMeter(load_model("SDM630"), 1)], faults=Faults(exception=4)) as line:
        scan, _ = await scanned(SerialPort(str(line.path)), [1], wanted=Wanted(baudrates=(9600,), parities=("N",)))
    [found] = scan.found
    assert found.candidates == ()
    assert found.chosen(None) is None


@pytest.mark.slow
async def test_a_model_is_asked_for_what_it_has():
    model = load_model("7M.24")
    with VirtualLine(None, [VirtualMeter(model, 33)], turnaround_s=0.005) as line:
        scan, _ = await scanned(SerialPort(str(line.path)), [33], wanted=Wanted(model=model))
        first = line.requests[0].frame
    register = next(iter(model.registers.values()))
    assert (first[1], int.from_bytes(first[2:4])) == (register.function, register.address)
    assert names(scan.found[0]) == {"7M.24"}


async def test_a_line_that_is_given_up_keeps_what_was_found():
    meters = [VirtualMeter(load_model("SDM630"), address) for address in (1, 2)]
    with VirtualLine(SerialFormat(9600), meters, turnaround_s=0.005) as line:
        port = SerialPort(str(line.path))
        scan = Scan()
        parts = legs([SerialFormat(9600)], [1, 2])
        async with aclosing(run_scan(scan, port, parts, 0.03, Wanted())) as steps:
            await anext(steps)
        assert [each.address for each in scan.found] == [1]
        assert scan.asked == 1
        # The port is free again.
        await scanned(port, [5], wanted=Wanted(baudrates=(9600,), parities=("N",)))


@pytest.mark.parametrize(("kind", "rtu"), [(TcpPort, False), (RtuTcpPort, True)])
async def test_over_a_network(kind, rtu):
    meters = [VirtualMeter(load_model("SDM630"), 2), virtual_meter(load_model("SunSpec"), 5)]
    async with tcp_server(meters, rtu=rtu) as (host, port):
        scan, told = await scanned(kind(host, port), range(1, 7), timeout_s=0.06)
    assert [(each.address, names(each), each.everywhere) for each in scan.found] == [
        (2, {"SDM630"}, False),
        (5, {"SunSpec"}, False),
    ]
    assert told == scan.found
    assert scan.found[0].line == NetworkLine()


async def test_a_device_that_does_not_look_at_the_address_is_one():
    meters = [VirtualMeter(load_model("SDM630"), address) for address in range(1, 21)]
    async with tcp_server(meters) as (host, port):
        scan, told = await scanned(TcpPort(host, port), range(1, 21), timeout_s=0.5)
    assert [(each.address, names(each), each.everywhere) for each in told] == [(1, {"SDM630"}, True)]
    assert told == scan.found


@pytest.mark.parametrize("code", [10, 11])
async def test_what_a_gateway_says_of_those_who_are_not_there_is_no_sign_of_life(code):
    meters = [VirtualMeter(load_model("SDM630"), address, faults=Faults(exception=code)) for address in (1, 2)]
    meters.append(VirtualMeter(load_model("SDM630"), 3))
    async with tcp_server(meters) as (host, port):
        scan, _ = await scanned(TcpPort(host, port), [1, 2, 3], timeout_s=0.5)
    assert [each.address for each in scan.found] == [3]


async def test_a_gateway_that_hangs_up_after_each_answer_is_asked_on():
    meters = [VirtualMeter(load_model("SDM630"), address, faults=Faults(hang_up=True)) for address in (1, 2)]
    async with tcp_server(meters) as (host, port):
        scan, _ = await scanned(TcpPort(host, port), [1, 2], timeout_s=0.5)
    assert [(each.address, names(each)) for each in scan.found] == [(1, {"SDM630"}), (2, {"SDM630"})]
