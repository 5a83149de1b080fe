"""Models are told by what their registers hold; each of the catalogue is among the probable ones of its meter."""

from dataclasses import replace

import pytest

from smartmeter.modbus.errors import DamagedAnswerError, ExceptionAnswerError, NoAnswerError
from smartmeter.modbus.line import SerialFormat
from smartmeter.models import load_model, model_names
from smartmeter.scan.evidence import Candidate, Lack, Rank, choose, judge, place_of
from smartmeter.scan.identify import catalogue, identify
from smartmeter.simulator import Quirks, VirtualMeter
from smartmeter.simulator.answers import RefusedError
from smartmeter.simulator.of_model import virtual_meter


def reader(meter):
    async def read(request):
        assert request.function in {3, 4}
        try:
            return meter.read(request.function, request.address, request.count)
        except RefusedError as refused:
            raise ExceptionAnswerError(refused.code, "refused", b"", b"") from refused

    return read


async def probable(meter):
    identified = await identify(reader(meter), meter.address, catalogue())
    return {candidate.model.name: candidate for candidate in identified.candidates}


@pytest.mark.parametrize("name", model_names())
async def test_every_model_is_among_the_probable_ones_of_its_meter(name):
    # At some times of the day currents and powers look like voltages.
    for seed in range(1, 13):
        meter = virtual_meter(load_model(name), seed=seed)
        meter.clock = lambda time_s=seed * 7211.0: time_s
        assert name in await probable(meter), seed


@pytest.mark.parametrize("name", [name for name in model_names() if load_model(name).identification.codes])
async def test_a_code_leaves_only_models_with_this_code(name):
    model = load_model(name)
    found = await probable(VirtualMeter(model))
    assert all(candidate.model.identification.codes & model.identification.codes for candidate in found.values())
    assert any(text.startswith("code 0x") for text in found[name].evidence)


@pytest.mark.parametrize("name", ["SDM630", "SDM72DM", "EM24"])
async def test_a_code_without_voltages_where_its_model_has_them_proves_nothing(name):
    meter, other = VirtualMeter(load_model("PAC2200")), load_model(name).identification
    content = min(other.codes).to_bytes(2)

    async def read(request):
        asked = (request.function, request.address, request.count)
        if asked == (other.code.function, other.code.address, other.code.count):
            return content
        return await reader(meter)(request)

    identified = await identify(read, 1, catalogue())
    assert [candidate.model.name for candidate in identified.candidates] == ["PAC2200"]


async def test_what_speaks_for_a_model_is_told_in_words():
    values = {"voltage_l1": 231.2, "voltage_l2": 230.9, "voltage_l3": 231.4, "frequency": 50.0}
    found = await probable(VirtualMeter(load_model("SDM630"), values=values, serial_number=4711))
    assert found["SDM630"].evidence == (
        "code 0x0070 at 64514",
        "voltage 231.2 V, 230.9 V, 231.4 V at 0",
        "50.0 Hz at 70",
        "serial number 4711",
    )


async def test_zeros_prove_nothing():
    model = load_model("SDM530")
    nothing = VirtualMeter(model, values=dict.fromkeys(model.registers, 0.0), serial_number=0)
    assert await probable(nothing) == {}


async def test_a_single_phase_meter_is_not_taken_for_one_of_three_phases_with_zeros():
    found = await probable(VirtualMeter(load_model("SDM230")))
    assert {candidate.model.phases for candidate in found.values()} == {1}


async def test_a_serial_number_of_zero_or_all_ones_is_none():
    for number in (0, 0xFFFFFFFF):
        identified = await identify(reader(VirtualMeter(load_model("SDM530"), serial_number=number)), 1, catalogue())
        assert identified.serial_number is None
        assert "SDM530" in {candidate.model.name for candidate in identified.candidates}
    identified = await identify(reader(VirtualMeter(load_model("SDM530"), serial_number=17)), 1, catalogue())
    assert identified.serial_number == 17


async def test_a_meter_that_refuses_or_ignores_what_it_does_not_have_is_found_all_the_same():
    meter = VirtualMeter(load_model("SDM230"), quirks=Quirks(refuse_undefined=True))
    assert "SDM230" in await probable(meter)

    async def read(request):
        try:
            return await reader(meter)(request)
        except ExceptionAnswerError as error:
            raise NoAnswerError("nothing", b"", b"") from error

    identified = await identify(read, 1, catalogue())
    assert "SDM230" in {candidate.model.name for candidate in identified.candidates}
    assert not identified.garbled


async def test_answers_that_cannot_be_understood_are_told():
    meter, damaged = VirtualMeter(load_model("SDM630")), []

    async def read(request):
        if len(damaged) < 2:
            damaged.append(request)
            raise DamagedAnswerError("damaged", b"", b"")
        return await reader(meter)(request)

    identified = await identify(read, 1, catalogue())
    assert identified.garbled
    assert [candidate.model.name for candidate in identified.candidates] == ["SDM630"]


def readings_of(model, volts):
    meter = VirtualMeter(model, values={"voltage_l1": volts})
    registers = [model.registers[id_] for id_ in ("voltage_l1", "voltage_l2", "voltage_l3")]
    return {
        place_of(register): meter.read(register.function, register.address, register.count) for register in registers
    }


@pytest.mark.parametrize(
    ("volts", "rank"),
    [(231.0, (True, 3)), (0.0, (False, 2)), (20.0, (False, 2)), (-9.0, None), (5e6, None)],
)
def test_a_voltage_that_cannot_be_is_against_a_model_and_a_phase_that_is_not_connected_is_not(volts, rank):
    model = load_model("SDM530")
    candidate = judge(model, readings_of(model, volts))
    assert (candidate and (candidate.rank.complete, candidate.rank.facts)) == rank


def test_voltages_that_cannot_be_those_of_one_supply_are_none():
    assert judge(load_model("SDM530"), readings_of(load_model("SDM530"), 150.0)) is None
    assert judge(load_model("SDM530"), readings_of(load_model("SDM530"), 200.0)).rank.complete


def test_a_refused_voltage_is_against_a_model_and_a_missing_answer_is_not():
    model = load_model("SDM530")
    readings, place = readings_of(model, 230.0), place_of(model.registers["voltage_l2"])
    assert judge(model, readings | {place: Lack.REFUSED}) is None
    assert judge(model, readings | {place: Lack.LOST}).rank.facts == 2


def test_of_equals_the_wanted_then_the_factory_settings_then_a_tested_one_then_the_smallest_is_chosen():
    base = load_model("SDM630")
    names = iter("abcd")

    def candidate(**changes):
        return Candidate(
            replace(base, name=next(names), **changes),
            Rank(coded=False, complete=True, timed=True, facts=4, numbered=False),
            (),
        )

    line, other = SerialFormat(9600), SerialFormat(2400)
    small = {"registers": dict(list(base.registers.items())[:3])}
    first = candidate(serial=other, tested=True)
    second = candidate(serial=line, tested=False)
    third = candidate(serial=line, tested=True)
    fourth = candidate(serial=line, tested=True, **small)
    assert choose([first, second, third, fourth], line) is fourth
    assert choose([first, second, third], line) is third
    assert choose([first, second], line) is second
    assert choose([first, second], line, first.model) is first
    assert choose([], line) is None
