"""Rounds over a virtual line with faults."""

import pytest

from smartmeter.modbus.errors import NoAnswerError
from smartmeter.modbus.line import SerialFormat
from smartmeter.modbus.rtu import LineCounters, RtuConnection
from smartmeter.models import load_model
from smartmeter.polling.learned import Learned
from smartmeter.polling.round import read_round
from smartmeter.settings.model import MeterSettings
from smartmeter.simulator import Faults, Quirks, VirtualLine, VirtualMeter

LINE = SerialFormat(38400, 8, "E", 1)
MODEL = load_model("SDM530")
VALUES = {measurand: float(register.address) for measurand, register in MODEL.registers.items()}
METER = MeterSettings("house", MODEL, 1, dict.fromkeys(MODEL.registers, 1_000_000))
ALL = frozenset(MODEL.registers)


async def read_from(line, learned=Learned(), measurands=ALL):  # noqa: B008 - frozen
    connection = RtuConnection.open(str(line.path), LINE, 0.05, LineCounters())
    try:
        return await read_round(METER, LINE, measurands, learned, connection.read)
    finally:
        connection.close()


def virtual_line(**quirks):
    return VirtualLine(LINE, [VirtualMeter(MODEL, 1, values=VALUES, quirks=Quirks(**quirks))], turnaround_s=0.002)


async def test_a_clean_round_brings_everything():
    with virtual_line() as line:
        result = await read_from(line)
    assert result.values == VALUES
    assert not (result.failures)
    assert not (result.lost)
    assert not (result.silent)


@pytest.mark.parametrize("limit", [50, 20, 10, 2])
async def test_a_meter_that_refuses_long_blocks_is_read_whole_in_the_same_round(limit):
    with virtual_line(max_registers=limit) as line:
        first = await read_from(line)
        second = await read_from(line, first.learned)
    assert first.values == second.values == VALUES
    assert first.failures
    assert not first.lost
    assert not second.failures


async def test_a_meter_without_some_registers_is_read_around_them():
    absent = frozenset({"current_n", "power_factor_total_negated"})
    with virtual_line(refuse_undefined=True, absent=absent) as line:
        result = await read_from(line)
        for _ in range(3):
            result = await read_from(line, result.learned)
    assert result.values.keys() == ALL - absent
    assert result.learned.absent == absent
    assert not result.failures


async def test_a_failed_block_is_tried_again_and_then_costs_its_own_values_only():
    with virtual_line() as line:
        line.faults = Faults(cut_bytes=4, every=5)
        result = await read_from(line)
    assert result.values == VALUES
    assert len(result.failures) == 1
    assert not result.lost


async def test_what_is_given_up_leaves_the_rest_of_the_round():
    with virtual_line() as line:
        asked = []

        connection = RtuConnection.open(str(line.path), LINE, 0.05, LineCounters())

        async def read(request):
            asked.append(request.address)
            line.faults = Faults(silent=request.address == 200)
            return await connection.read(request)

        result = await read_round(METER, LINE, ALL, Learned(), read)
        connection.close()
    assert asked.count(200) == 3
    assert result.values == {m: v for m, v in VALUES.items() if not 200 <= v < 270}
    assert [type(error) for error in result.lost] == [NoAnswerError]
    assert not result.silent


async def test_a_silent_meter_costs_four_attempts_and_not_three_for_each_block():
    with virtual_line() as line:
        line.faults = Faults(silent=True)
        result = await read_from(line)
        assert line.counts.requests == 4
    assert result.silent
    assert result.values == {}


async def test_a_meter_that_is_busy_is_asked_again():
    with virtual_line() as line:
        line.faults = Faults(exception=6, every=1000)
        result = await read_from(line, measurands=frozenset({"voltage_l1"}))
    assert result.values == {"voltage_l1": 0.0}
    assert len(result.failures) == 1
