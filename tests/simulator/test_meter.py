import math
import statistics
import struct
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartmeter.models import load_model, model_names
from smartmeter.simulator import NO_FAULTS, Quirks, VirtualMeter
from smartmeter.simulator.answers import RefusedError
from smartmeter.simulator.meter import INSTALLED_S, STEPS_PER_SECOND, seconds_since_installation

INPUT, HOLDING = 4, 3
STEP_S = 1 / STEPS_PER_SECOND
NOON_S = 100 * 86400 + 43_200.0
SDM530 = load_model("SDM530")
METER = VirtualMeter(SDM530, clock=lambda: NOON_S)


def floats(data):
    return struct.unpack(f">{len(data) // 4}f", data)


def refusal(meter, start, count, function=INPUT):
    with pytest.raises(RefusedError) as caught:
        meter.read(function, start, count)
    return caught.value.code


def test_registers_hold_the_values_as_float32_high_word_first():
    values = METER.values_at(NOON_S)
    for measurand, register in SDM530.registers.items():
        assert floats(METER.read(INPUT, register.address, 2)) == (values[measurand],)


@given(st.integers(0, 200), st.integers(1, 40))
def test_a_block_is_its_registers_and_zeros_between(pair, pairs):
    values = METER.values_at(NOON_S)
    by_address = {register.address: values[name] for name, register in SDM530.registers.items()}
    start = 2 * pair
    expected = tuple(by_address.get(address, 0.0) for address in range(start, start + 2 * pairs, 2))
    assert floats(METER.read(INPUT, start, 2 * pairs)) == expected


def test_values_are_float32_numbers():
    for value in METER.values_at(NOON_S).values():
        assert struct.unpack(">f", struct.pack(">f", value)) == (value,)


def test_the_same_time_gives_the_same_values_and_a_step_later_others():
    assert METER.values_at(NOON_S) == VirtualMeter(SDM530).values_at(NOON_S + STEP_S / 2)
    assert METER.values_at(NOON_S) != METER.values_at(NOON_S + 1.5 * STEP_S)


def test_registers_follow_the_clock():
    now_s = NOON_S
    meter = VirtualMeter(SDM530, clock=lambda: now_s)
    before = meter.read(INPUT, 0, 80)
    now_s += 30
    assert meter.read(INPUT, 0, 80) != before


def test_the_clock_says_how_long_ago_the_installation_was():
    assert seconds_since_installation()() == pytest.approx(time.time() - INSTALLED_S, abs=5)


def test_before_the_installation_nothing_is_counted():
    assert METER.values_at(-1e9)["active_energy_import"] == 0


def test_values_can_be_fixed_and_changed():
    meter = VirtualMeter(SDM530, values={"voltage_l1": 230.1}, clock=lambda: NOON_S)
    assert floats(meter.read(INPUT, 0, 2)) == (pytest.approx(230.1, rel=1e-7),)
    assert meter.values_at(NOON_S)["voltage_l2"] == METER.values_at(NOON_S)["voltage_l2"]
    meter.values = {"voltage_l1": math.inf}
    assert floats(meter.read(INPUT, 0, 2)) == (math.inf,)


def test_a_value_that_the_model_does_not_have_is_a_mistake():
    with pytest.raises(ValueError, match="SDM530 has no voltage_l4"):
        VirtualMeter(SDM530, values={"voltage_l4": 230.0})


def test_the_paper_says_how_many_registers_may_be_read():
    assert len(METER.read(INPUT, 0, 80)) == 160
    assert refusal(METER, 0, 82) == 2


@pytest.mark.parametrize("refused_with", [2, 3])
def test_a_meter_may_take_fewer_registers_or_more(refused_with):
    small = VirtualMeter(SDM530, quirks=Quirks(max_registers=20, refusal=refused_with))
    assert len(small.read(INPUT, 0, 20)) == 40
    assert refusal(small, 0, 22) == refused_with
    large = VirtualMeter(SDM530, quirks=Quirks(max_registers=125))
    assert len(large.read(INPUT, 0, 124)) == 248


@pytest.mark.parametrize(
    ("start", "count", "code"),
    [(0, 1, 2), (1, 2, 2), (1, 1, 2), (0, 3, 2), (65534, 4, 2), (0, 0, 3), (0, 126, 3)],
)
def test_what_no_eastron_answers(start, count, code):
    assert refusal(METER, start, count) == code


def test_undefined_holding_registers_and_those_beyond_the_map_are_zero():
    assert METER.read(HOLDING, 100, 4) == bytes(8)
    assert METER.read(INPUT, 60_000, 4) == bytes(8)
    assert METER.read(INPUT, 340, 8)[:4] != bytes(4)


def test_undefined_registers_may_be_refused():
    meter = VirtualMeter(SDM530, quirks=Quirks(refuse_undefined=True))
    assert len(meter.read(INPUT, 0, 44)) == 88
    assert refusal(meter, 0, 46) == 2
    assert refusal(meter, 44, 2) == 2
    assert refusal(meter, 0, 2, HOLDING) == 2


def test_absent_measurands_are_undefined():
    gone = frozenset({"voltage_l2"})
    meter = VirtualMeter(SDM530, quirks=Quirks(absent=gone))
    assert floats(meter.read(INPUT, 0, 6))[1] == 0
    meter.quirks = Quirks()
    assert floats(meter.read(INPUT, 0, 6))[1] > 200
    meter.quirks = Quirks(absent=gone, refuse_undefined=True)
    assert refusal(meter, 0, 6) == 2
    assert len(meter.read(INPUT, 4, 2)) == 4


def test_a_request_costs_little_even_when_all_values_are_new():
    now_s = 0.0
    meter = VirtualMeter(SDM530, clock=lambda: now_s)
    costs_s = []
    for _ in range(200):
        now_s += STEP_S
        before_s = time.process_time()
        meter.answer(b"\x04\x00\x00\x00\x50", NO_FAULTS)
        costs_s.append(time.process_time() - before_s)
    assert statistics.median(costs_s) < 0.0005


@pytest.mark.parametrize("name", [name for name in model_names() if load_model(name).identification.registers])
def test_serial_number_and_code_are_where_the_model_says(name):
    model = load_model(name)
    meter = VirtualMeter(model, serial_number=12_345_678, clock=lambda: NOON_S)
    for register in model.identification.registers:
        content = meter.read(register.function, register.address, register.count)
        number = int.from_bytes(content)
        assert number == 12_345_678 if register.measurand == "serial_number" else number in model.identification.codes
    assert VirtualMeter(model, seed=2).serial_number != VirtualMeter(model, seed=3).serial_number


def test_serial_number_and_code_can_be_read_together():
    model = load_model("SDM120M")
    assert VirtualMeter(model, serial_number=7).read(3, 0xFBFE, 6) == bytes.fromhex("0000 0000 0000 0007 0020 0000")


def test_a_code_that_lies_within_a_value_is_what_is_read_by_itself():
    model = load_model("EM24")
    code = model.identification.code
    voltage = model.registers["voltage_l3_l1"]
    assert voltage.address < code.address < voltage.end
    meter = VirtualMeter(model, values={"voltage_l3_l1": 399.5})
    assert int.from_bytes(meter.read(code.function, code.address, code.count)) in model.identification.codes
    assert meter.read(voltage.function, voltage.address, voltage.count) == bytes.fromhex("0F9B 0000")
