import asyncio
import math
import struct
import tomllib

from hypothesis import given, settings
from hypothesis import strategies as st

from smartmeter.modbus.errors import ExceptionAnswerError
from smartmeter.modbus.line import NetworkLine, SerialFormat
from smartmeter.models import load_model
from smartmeter.models.definition import read_definition
from smartmeter.polling.learned import Learned, block_rules, describe_learned, forget_absent
from smartmeter.polling.plan import gaps_between
from smartmeter.polling.round import plan_round, read_round
from smartmeter.settings.model import MeterSettings

# Values of all lengths, side by side and apart, and two functions at the same addresses.
MIXED, _ = read_definition(
    tomllib.loads("""
        brand = "Maker"
        name = "mixed"
        description = { en = "Meter", de = "Zähler" }
        phases = 3
        source = "P"
        serial = { baudrate = 9600, parity = "N" }
        limits = { registers_per_request = 40, undefined_readable = true }
        sources = { P = "paper" }
        [[map]]
        function = 3
        type = "u16"
        registers = [
            { address = 0, measurand = "voltage_l1" },
            { address = 1, measurand = "voltage_l2" },
            { address = 2, measurand = "voltage_l3" },
            { address = 5, measurand = "frequency" },
            { address = 6, measurand = "active_energy_import", type = "u64" },
            { address = 10, measurand = "active_energy_export", type = "u64" },
            { address = 30, measurand = "current_l1", type = "u32" },
            { address = 33, measurand = "current_l2" },
        ]
        [[map]]
        function = 4
        type = "u16"
        registers = [
            { address = 1, measurand = "active_power_l1" },
            { address = 3, measurand = "active_power_l2" },
            { address = 4, measurand = "active_power_l3", type = "s32" },
            { address = 20, measurand = "active_power_total", type = "s64" },
        ]
    """),
    "mixed",
    lambda name: None,
)
LINE = SerialFormat(19200, 8, "E", 1)
MODEL = load_model("SDM630")
METER = MeterSettings("house", MODEL, 1, dict.fromkeys(MODEL.registers, 1_000_000))
GAPS = sorted(gaps_between(MODEL.registers.values()), key=lambda gap: gap.start)


class Meter:
    """Takes at most `limit` registers, and nothing that crosses `closed` gaps or touches `absent` measurands."""

    def __init__(self, limit, closed=(), absent=()):
        self.limit = limit
        self.refused = [range(gap.start, gap.end) for gap in closed]
        self.refused += [range(MODEL.registers[m].address, MODEL.registers[m].address + 2) for m in absent]
        self.asked = 0
        self.refusals = 0

    async def read(self, request):
        self.asked += 1
        span = range(request.address, request.address + request.count)
        if request.count > self.limit or any(r.start < span.stop and span.start < r.stop for r in self.refused):
            self.refusals += 1
            raise ExceptionAnswerError(2, "exception 2", b"", b"")
        return b"".join(struct.pack(">f", address) for address in range(request.address, span.stop, 2))


def read_once(meter, learned):
    return asyncio.run(read_round(METER, LINE, frozenset(MODEL.registers), learned, meter.read))


@given(
    limit=st.integers(2, 125),
    closed=st.sets(st.sampled_from(GAPS)),
    absent=st.sets(st.sampled_from(sorted(MODEL.registers)), max_size=4),
)
@settings(max_examples=100, deadline=None)
def test_whatever_a_meter_refuses_every_value_comes_in_every_round_and_refusals_end(limit, closed, absent):
    meter = Meter(limit, closed, absent)
    learned = Learned()
    refusals = []
    for _ in range(8):
        meter.refusals = 0
        result = read_once(meter, learned)
        assert result.values == {m: r.address for m, r in MODEL.registers.items() if m not in absent}
        assert result.learned.absent == absent
        assert not result.lost
        learned = result.learned
        refusals.append(meter.refusals)
    assert refusals[-1] == 0
    assert sum(refusals) <= len(MODEL.registers)


def test_a_meter_that_takes_all_is_asked_by_the_paper():
    meter = Meter(125)
    result = read_once(meter, Learned())
    assert block_rules(result.learned, MODEL).registers_per_request == MODEL.registers_per_request
    assert meter.asked == 4


def test_a_limit_of_50_is_halved_once_and_no_gap_is_blamed():
    result = read_once(Meter(50), Learned())
    rules = block_rules(result.learned, MODEL)
    assert 20 <= rules.registers_per_request <= 50
    assert rules.barriers == frozenset()


def test_a_closed_gap_is_found_and_the_length_is_not_blamed():
    closed = next(gap for gap in GAPS if gap.start == 50)
    result = read_once(Meter(80, [closed]), Learned())
    rules = block_rules(result.learned, MODEL)
    assert closed in rules.barriers
    assert rules.registers_per_request == 80


def test_an_absent_register_does_not_shorten_the_blocks_for_ever():
    result = read_once(Meter(80, absent=["current_n"]), Learned())
    assert block_rules(result.learned, MODEL).registers_per_request == 80


def test_what_was_absent_is_tried_again_when_forgotten():
    learned = read_once(Meter(80, absent=["frequency"]), Learned()).learned
    result = read_once(Meter(80), forget_absent(learned, MODEL))
    assert "frequency" in result.values
    assert not math.isnan(result.values["frequency"])


class MixedMeter:
    """Takes at most `limit` registers (but every value by itself), and nothing that touches what is `absent`.

    Nor does it take what crosses a gap of `closed`. Every register holds its own address.
    """

    def __init__(self, limit, closed, absent):
        self.limit = limit
        self.refused = [(gap.function, range(gap.start, gap.end)) for gap in closed]
        self.refused += [(r.function, range(r.address, r.end)) for r in map(MIXED.registers.get, absent)]
        self.refusals = 0

    async def read(self, request):
        span = range(request.address, request.address + request.count)
        touches = any(
            function == request.function and each.start < span.stop and span.start < each.stop
            for function, each in self.refused
        )
        alone = any(
            (r.function, r.address, r.count) == (request.function, request.address, request.count)
            for r in MIXED.registers.values()
        )
        if touches or (request.count > self.limit and not alone):
            self.refusals += 1
            raise ExceptionAnswerError(2, "exception 2", b"", b"")
        return b"".join(struct.pack(">H", address) for address in span)


MIXED_GAPS = sorted(gaps_between(MIXED.registers.values()), key=lambda gap: (gap.function, gap.start))


def held_by(register):
    return float(int.from_bytes(b"".join(struct.pack(">H", a) for a in range(register.address, register.end))))


@given(
    limit=st.integers(1, 50),
    closed=st.sets(st.sampled_from(MIXED_GAPS)),
    absent=st.sets(st.sampled_from(sorted(MIXED.registers)), max_size=4),
)
@settings(max_examples=200, deadline=None)
def test_so_it_is_with_values_of_all_lengths_and_two_functions(limit, closed, absent):
    house = MeterSettings("house", MIXED, 1, dict.fromkeys(MIXED.registers, 1_000_000))
    meter, learned, refusals = MixedMeter(limit, closed, absent), Learned(), []
    for _ in range(6):
        meter.refusals = 0
        result = asyncio.run(read_round(house, LINE, frozenset(MIXED.registers), learned, meter.read))
        assert result.values == {id_: held_by(r) for id_, r in MIXED.registers.items() if id_ not in absent}
        assert result.learned.absent == absent
        learned = result.learned
        refusals.append(meter.refusals)
    assert refusals[-1] == 0
    assert sum(refusals) <= 2 * len(MIXED.registers)


def test_a_meter_that_refuses_what_is_longer_than_needed_loses_no_value_and_is_not_asked_so_again():
    few = frozenset({"voltage_l1", "frequency"})
    voltage, frequency = (MODEL.registers[measurand] for measurand in ("voltage_l1", "frequency"))

    class Strict:
        refusals = 0

        async def read(self, request):
            if (request.address, request.count) not in {(voltage.address, 2), (frequency.address, 2)}:
                self.refusals += 1
                raise ExceptionAnswerError(2, "exception 2", b"", b"")
            return struct.pack(">f", request.address)

    meter = Strict()
    result = asyncio.run(read_round(METER, LINE, few, Learned(), meter.read))
    assert result.values == {"voltage_l1": voltage.address, "frequency": frequency.address}
    assert result.learned == Learned(longest=2, padding_refused=True)
    asyncio.run(read_round(METER, LINE, few, result.learned, meter.read))
    assert meter.refusals == 1


def test_the_measured_turnaround_decides_whether_a_gap_is_worth_crossing():
    asked = frozenset({"voltage_l1", "active_power_total"})
    slow, quick = (plan_round(MODEL, LINE, asked, Learned(turnaround_s=seconds)) for seconds in (0.1, 0.001))
    assert (len(slow), len(quick)) == (1, 2)
    assert len({plan_round(MODEL, NetworkLine(), asked, Learned(turnaround_s=seconds)) for seconds in (0, 0.1)}) == 1


def test_what_is_known_is_told_in_words():
    assert describe_learned(Learned(), MODEL) == []
    learned = read_once(Meter(50, absent=["current_n"]), Learned(turnaround_s=0.035)).learned
    lines = describe_learned(learned, MODEL)
    assert f"the largest block that it has answered: {learned.longest} registers" in lines
    assert "it does not have current_n" in lines
    assert "it answers after 35 ms; the model assumes 20 ms" in lines
    closed = next(gap for gap in GAPS if gap.start == 50)
    crossing = read_once(Meter(80, [closed]), Learned()).learned
    assert any("not let a request cross: 50 to 51" in line for line in describe_learned(crossing, MODEL))
