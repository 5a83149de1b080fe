"""The virtual meter's holding registers: what can be set, what refuses, and when it counts."""

import asyncio
import struct
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus import FramerType
from pymodbus.client import ModbusSerialClient, ModbusTcpClient

from smartmeter.modbus.crc import append_crc
from smartmeter.modbus.line import SerialFormat
from smartmeter.models import load_model, model_names
from smartmeter.simulator import HoldingQuirks, Quirks, VirtualLine, VirtualMeter
from smartmeter.simulator.answers import RefusedError
from smartmeter.simulator.tcp import tcp_server, udp_server
from tests.modbus.test_peers import LINE as PEER_LINE

HOLDING = 3
SETTABLE = [name for name in model_names() if load_model(name).setup.parameters]
READABLE = [
    (model, name)
    for model in SETTABLE
    for name, parameter in load_model(model).setup.parameters.items()
    if not parameter.write_only
]


def meter_of(model, address=1, **holding):
    meter = VirtualMeter(load_model(model), address, clock=lambda: 1e6)
    meter.holding.quirks = HoldingQuirks(**holding)
    return meter


def real(value):
    return struct.pack(">f", value)


def refusal(meter, start, data):
    with pytest.raises(RefusedError) as refused:
        meter.write(start, data)
    return refused.value.code


def test_what_it_shows_is_how_it_is_set():
    meter = VirtualMeter(load_model("SDM630"), 7, format=SerialFormat(19200, 8, "E", 1))
    assert [struct.unpack(">f", meter.read(HOLDING, register, 2))[0] for register in (0x14, 0x1C, 0x12, 2)] == [
        7.0,
        3.0,
        1.0,
        60.0,
    ]


@pytest.mark.parametrize(("model", "name"), READABLE)
def test_every_value_of_every_parameter_can_be_set(model, name):
    meter = meter_of(model, in_set_mode=True)
    parameter, unlock = meter.model.setup.parameters[name], meter.model.setup.unlock
    if unlock is not None:
        meter.write(unlock.password, real(unlock.passwords[0]))
    for value in list(parameter.values.values()) or [parameter.least, parameter.most]:
        content = bytearray(meter.read(HOLDING, parameter.address, parameter.count))
        match parameter.type:
            case "float32":
                content = real(float(value))
            case "u16":
                content = int(value).to_bytes(2, "big")
            case "bcd":
                content[parameter.byte] = int(str(value), 16)
        meter.write(parameter.address, bytes(content))
        assert meter.read(HOLDING, parameter.address, parameter.count) == content
        assert meter.holding[name] == value


@pytest.mark.parametrize(
    ("start", "data", "code"),
    [
        (0x1C, real(7), 3),
        (0x1C, real(0.5), 3),
        (0x1C, real(float("nan")), 3),
        (0x14, real(0), 3),
        (0x14, real(248), 3),
        (0x1C, bytes(2), 2),
        (0x1D, bytes(4), 2),
        (0x1C, bytes(8), 2),
        (0xF000, bytes(2), 2),
        (0xF010, b"\0\7", 3),
    ],
)
def test_what_it_cannot_be_is_refused(start, data, code):
    meter = meter_of("SDM630")
    before = meter.read(HOLDING, 0, 60)
    assert refusal(meter, start, data) == code
    assert meter.read(HOLDING, 0, 60) == before


def test_a_byte_of_several_that_is_wrong_is_refused():
    meter = meter_of("SDM230")
    assert meter.read(HOLDING, 0xF500, 2) == bytes.fromhex("15010000")
    assert refusal(meter, 0xF500, bytes.fromhex("1A010060")) == 3
    assert refusal(meter, 0xF500, bytes.fromhex("15000060")) == 3
    meter.write(0xF500, bytes.fromhex("30020000"))
    assert (meter.holding["demand_period"], meter.holding["slide_time"]) == (30, 2)


def test_a_model_of_which_nothing_is_known_cannot_be_set():
    assert refusal(meter_of("EM340"), 0, bytes(4)) == 1


def test_a_password_opens_it():
    meter = meter_of("SDM630")
    assert refusal(meter, 0x0A, real(1)) == 1
    assert meter.read(HOLDING, 0x0E, 2) == real(0)
    meter.write(0x18, real(999))
    assert refusal(meter, 0x0A, real(1)) == 1
    meter.write(0x18, real(1000))
    assert meter.read(HOLDING, 0x0E, 2) == real(1)
    assert meter.read(HOLDING, 0x18, 2) == real(0)
    meter.write(0x0A, real(1))
    meter.write(0x0E, real(5))
    assert meter.read(HOLDING, 0x0E, 2) == real(0)
    assert refusal(meter, 0x0A, real(3)) == 1


def test_it_closes_by_itself(monkeypatch):
    now_s = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now_s)
    meter = meter_of("SDM630", password=17)
    meter.write(0x18, real(17))
    now_s += 50
    assert meter.read(HOLDING, 0x0E, 2) == real(1)
    now_s += 50
    meter.write(0x0A, real(1))
    now_s += 61
    assert refusal(meter, 0x0A, real(1)) == 1


def test_the_password_of_an_sdm72_is_changed_by_what_opens_an_sdm630():
    meter = meter_of("SDM72DMV2", password=None)
    assert meter.read(HOLDING, 0x18, 2) == real(1000)
    meter.write(0x18, real(17))
    assert meter.holding.password == 17
    meter.write(0x0E, real(1000))
    assert refusal(meter, 0x0A, real(1)) == 1


def test_set_mode():
    meter = meter_of("SDM120")
    assert refusal(meter, 0x14, real(5)) == 1
    meter.holding.quirks = HoldingQuirks(in_set_mode=True)
    meter.write(0x14, real(5))
    assert meter.holding["address"] == 5


def test_a_change_of_the_line_counts_after_a_restart_or_at_once():
    meter = meter_of("SDM630", 1)
    meter.write(0x14, real(9))
    meter.write(0x1C, real(4))
    meter.write(0x12, real(3))
    assert (meter.address, meter.format) == (1, SerialFormat(9600))
    meter.restart()
    assert (meter.address, meter.format) == (9, SerialFormat(38400, 8, "N", 2))
    meter.holding.quirks = HoldingQuirks(effect="at once")
    meter.write(0x14, real(10))
    assert meter.address == 10


def test_what_goes_wrong_on_demand():
    meter = meter_of("SDM630", cannot_store=True)
    assert refusal(meter, 0x14, real(5)) == 5
    assert meter.holding["address"] == 1
    meter.holding.quirks = HoldingQuirks(grumbles=True)
    assert refusal(meter, 0x14, real(5)) == 1
    assert meter.holding["address"] == 5
    meter.holding.quirks = HoldingQuirks(stores_instead={"demand_period": 8}, keeps=frozenset({"parity"}))
    meter.write(2, real(15))
    meter.write(0x12, real(1))
    assert (meter.holding["demand_period"], meter.holding["parity"]) == (8, 0)


def test_resets_show_in_the_measurands():
    meter = meter_of("SDM630")
    before = meter.values_at(1e6)
    meter.write(0xF010, b"\0\0")
    after = meter.values_at(1e6)
    assert after["active_power_demand_max"] == before["active_power_demand"] < before["active_power_demand_max"]
    assert after["active_energy_import"] == before["active_energy_import"]
    meter = meter_of("SDM72DM")
    assert meter.values_at(1e6)["active_energy_resettable_import"] > 0
    meter.write(0xF010, b"\0\3")
    assert meter.values_at(1e6)["active_energy_resettable_import"] == 0
    assert meter.values_at(2e6)["active_energy_resettable_import"] > 0


def test_one_of_the_first_generation_has_no_code():
    meter = meter_of("SDM630")
    assert meter.read(HOLDING, 0xFC02, 1) == b"\0\x70"
    meter.quirks = Quirks(absent=frozenset({"code"}))
    assert meter.read(HOLDING, 0xFC02, 1) == b"\0\0"


@given(
    st.sampled_from(SETTABLE),
    st.integers(0, 0xFFFF),
    st.binary(min_size=2, max_size=8).filter(lambda b: len(b) % 2 == 0),
)
def test_whatever_is_written_is_taken_or_refused(model, start, data):
    meter = meter_of(model, in_set_mode=True)
    try:
        meter.write(start, data)
    except RefusedError as refused:
        assert refused.code in (1, 2, 3)  # noqa: PT017 - either is right


def test_the_answer_to_a_change_of_address_at_once_has_the_old_one():
    meter = meter_of("SDM630", 1, effect="at once")
    with VirtualLine(PEER_LINE, [meter], turnaround_s=0.001) as line, serial_client(line.path) as client:
        assert not client.write_registers(0x14, [0x4110, 0], device_id=1).isError()
        assert client.read_holding_registers(0x14, count=2, device_id=9).registers == [0x4110, 0]


def serial_client(path):
    return ModbusSerialClient(
        str(path), framer=FramerType.RTU, baudrate=PEER_LINE.baudrate, parity="N", stopbits=1, timeout=1, retries=0
    )


def test_mbpoll_writes_and_reads_it(mbpoll):
    with VirtualLine(SerialFormat(9600), [meter_of("SDM630")], turnaround_s=0.001) as line:
        port = ("-m", "rtu", "-b", 9600, "-P", "none", "-s", 1, "-o", 3, line.path)
        mbpoll.write(*port, address=1, start=2, words=(0x4170, 0))
        assert mbpoll(*port, address=1, start=2, count=2, holding=True) == real(15)


async def test_pymodbus_writes_on_tcp():
    meter = meter_of("SDM72DM")

    def write(host, port):
        with ModbusTcpClient(host, port=port, timeout=1, retries=0) as client:
            assert client.write_registers(0x1C, [0x4080, 0], device_id=1).exception_code == 3
            assert not client.write_registers(0x1C, [0x3F80, 0], device_id=1).isError()
            return client.read_holding_registers(0x1C, count=2, device_id=1).registers

    async with tcp_server([meter]) as where:
        assert await asyncio.to_thread(write, *where) == [0x3F80, 0]


RESET = append_crc(bytes.fromhex("01 10 F010 0001 02 0003"))


async def test_rtu_frames_in_tcp_come_in_pieces_and_the_reset_of_an_sdm72_is_answered_as_0():
    async with tcp_server([meter_of("SDM72DM")], rtu=True) as where:
        reader, writer = await asyncio.open_connection(*where)
        try:
            for piece in (RESET[:3], RESET[3:9], RESET[9:]):
                writer.write(piece)
                await asyncio.sleep(0.01)
            answer = await asyncio.wait_for(reader.readexactly(8), 5)
        finally:
            writer.close()
    assert answer[:6] == bytes.fromhex("00 10 F010 0001")


async def test_rtu_frames_over_udp_are_written():
    meter = meter_of("SDM630")
    async with udp_server([meter]) as where:
        loop = asyncio.get_running_loop()
        got = loop.create_future()

        class Client(asyncio.DatagramProtocol):
            def datagram_received(self, data, addr):
                got.set_result(data)

        transport, _ = await loop.create_datagram_endpoint(Client, remote_addr=where)
        transport.sendto(bytes.fromhex("01 10 00 02 00 02 04 42 70 00 00 67 D5"))
        assert (await asyncio.wait_for(got, 5))[:6] == bytes.fromhex("01 10 00 02 00 02")
        transport.close()
    assert meter.holding["demand_period"] == 60
