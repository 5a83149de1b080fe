"""Every model of the catalogue: its plan obeys its limits, and a virtual one is read whole by the real client."""

from decimal import Decimal
from random import Random

import pytest

from smartmeter.modbus.line import SerialFormat
from smartmeter.modbus.rtu import LineCounters, RtuConnection
from smartmeter.models import load_model, model_names
from smartmeter.models.register import FLOATS, SIGNED, bits
from smartmeter.polling.learned import Learned
from smartmeter.polling.plan import gaps_between
from smartmeter.polling.round import plan_round, read_round
from smartmeter.settings.model import MeterSettings
from smartmeter.simulator import Quirks, VirtualLine, VirtualMeter
from smartmeter.simulator.electricity import electrical_values

LINE = SerialFormat(115200, 8, "N", 1)
# More than a float keeps whole is in no meter, and could not be told to the virtual one.
LARGEST = 10**12
# Those whose registers are where their files say.
FIXED = [name for name in model_names() if not load_model(name).sunspec]


def made_up_values(model):
    """A number for every register, each another one, as exact decimals in the measurands' units."""
    rng = Random(model.name)
    values = {}
    for id_, register in model.registers.items():
        while True:
            if register.type in FLOATS:
                raw = Decimal(rng.randint(-999_999, 999_999)) / 1000
            else:
                half = 1 << (bits(register.type) - 1)
                least, most = (-half, half - 1) if register.type in SIGNED else (0, 2 * half - 1)
                raw = Decimal(rng.randint(max(least, -LARGEST), min(most, LARGEST)))
            content = int(raw) % (1 << bits(register.type))
            if content not in register.na and raw * register.scale not in values.values():
                break
        values[id_] = raw * register.scale
    return {id_: float(value) for id_, value in values.items()}


async def read(meter, line):
    connection = RtuConnection.open(str(line.path), LINE, 0.5, LineCounters())
    settings = MeterSettings("house", meter.model, meter.address, dict.fromkeys(meter.model.registers, 1_000_000))
    try:
        return await read_round(settings, LINE, frozenset(meter.model.registers), Learned(), connection.read)
    finally:
        connection.close()


@pytest.mark.parametrize("name", FIXED)
async def test_every_value_comes_back(name):
    model = load_model(name)
    values = made_up_values(model)
    meter = VirtualMeter(model, 7, values=values)
    with VirtualLine(LINE, [meter], turnaround_s=0.001) as line:
        result = await read(meter, line)
        asked = line.counts.requests
    assert result.values == values
    assert not result.failures
    assert asked == len(plan_round(model, LINE, frozenset(model.registers), Learned()))


@pytest.mark.parametrize("name", FIXED)
async def test_a_meter_that_refuses_long_requests_and_undefined_registers_is_read_whole(name):
    model = load_model(name)
    values = made_up_values(model)
    longest = max(register.count for register in model.registers.values())
    meter = VirtualMeter(model, 7, values=values, quirks=Quirks(max_registers=max(4, longest), refuse_undefined=True))
    with VirtualLine(LINE, [meter], turnaround_s=0.001) as line:
        result = await read(meter, line)
    assert result.values == values
    assert not result.lost


@pytest.mark.parametrize("name", FIXED)
def test_every_plan_obeys_the_limits_of_its_model(name):
    model = load_model(name)
    blocks = plan_round(model, model.serial, frozenset(model.registers), Learned())
    assert {id_ for block in blocks for id_ in (each.measurand for each in block.registers)} == model.registers.keys()
    for block in blocks:
        assert block.count <= model.registers_per_request
        assert block.address + block.count <= 65536
        if not model.undefined_readable:
            assert not any(block.crosses(gap) for gap in gaps_between(model.registers.values()))


@pytest.mark.parametrize("name", FIXED)
def test_what_a_house_shows_fits_into_every_register(name):
    model = load_model(name)
    for evening_s in (68_000.0, 400 * 86_400 + 68_000.0):
        house = electrical_values(1, model.phases, evening_s)
        for id_, value in VirtualMeter(model).values_at(evening_s).items():
            register = model.registers[id_]
            can_be_negative = register.type in FLOATS | SIGNED
            expected = house[id_] if can_be_negative else max(0.0, house[id_])
            step = 0.0 if register.type in FLOATS else float(abs(register.scale))
            assert value == pytest.approx(expected, rel=1e-6, abs=0.51 * step), id_
