import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smartmeter.modbus.line import SerialFormat
from smartmeter.models import Register, load_model
from smartmeter.polling.plan import Block, BlockRules, Gap, gaps_between, line_time_s, plan_blocks

LINE = SerialFormat(19200, 8, "E", 1)
SDM530 = load_model("SDM530")


def register(address, function=4, count=2, scale_at=None):
    return Register(f"m{function}_{address}", function, address, "", count, scale_at=scale_at)


@st.composite
def register_sets(draw, largest=8):
    gaps = draw(st.lists(st.sampled_from([0, 0, 1, 2, 5, 8, 20, 27, 28, 40, 100]), min_size=1, max_size=largest))
    registers, address = [], 0
    for gap in gaps:
        address += gap
        registers.append(register(address))
        address += 2
    return registers


@st.composite
def rules_for(draw, registers):
    gaps = sorted(gaps_between(registers), key=lambda gap: gap.start)
    barriers = draw(st.sets(st.sampled_from(gaps))) if gaps else set()
    return BlockRules(draw(st.integers(2, 125)), frozenset(barriers))


lines = st.builds(
    SerialFormat,
    baudrate=st.sampled_from([1200, 2400, 9600, 19200, 38400, 115200]),
    bytesize=st.just(8),
    parity=st.sampled_from(["N", "E"]),
    stopbits=st.sampled_from([1, 2]),
)


def allowed(run, rules):
    start, end = run[0].address, run[-1].address + run[-1].count
    if len(run) == 1:
        return True
    crossed = any(start <= barrier.start and barrier.end <= end for barrier in rules.barriers)
    return end - start <= rules.registers_per_request and not crossed


def brute_force_s(registers, line, turnaround_s, rules):
    best = None
    for cuts in itertools.product([False, True], repeat=len(registers) - 1):
        runs, run = [], [registers[0]]
        for cut, following in zip(cuts, registers[1:], strict=True):
            if cut:
                runs.append(run)
                run = []
            run.append(following)
        runs.append(run)
        if all(allowed(run, rules) for run in runs):
            time_s = sum(
                line.exchange_s(run[-1].address + run[-1].count - run[0].address, turnaround_s) for run in runs
            )
            best = time_s if best is None else min(best, time_s)
    return best


@given(st.data())
@settings(max_examples=200)
def test_no_plan_is_faster(data):
    registers = data.draw(register_sets())
    rules = data.draw(rules_for(registers))
    line = data.draw(lines)
    turnaround_s = data.draw(st.sampled_from([0.0, 0.005, 0.02, 0.05, 0.1]))
    blocks = plan_blocks(registers, line, turnaround_s, rules)
    best_s = brute_force_s(registers, line, turnaround_s, rules)
    assert line_time_s(blocks, line, turnaround_s) == pytest.approx(best_s, rel=1e-9)


@given(st.data())
def test_every_register_is_in_one_block_and_every_block_is_allowed(data):
    registers = data.draw(register_sets(largest=30))
    rules = data.draw(rules_for(registers))
    shuffled = data.draw(st.permutations(registers))
    blocks = plan_blocks(shuffled, LINE, 0.02, rules)
    assert [r for block in blocks for r in block.registers] == registers
    for block in blocks:
        assert allowed(block.registers, rules)
        assert block.address == block.registers[0].address
        assert block.address + block.count == block.registers[-1].address + block.registers[-1].count


# Starts, lengths and milliseconds: a virtual SDM530 with true line timing, measured for the project's design.
@pytest.mark.parametrize(
    ("line", "turnaround_s", "limit", "undefined_readable", "blocks", "time_ms"),
    [
        (SerialFormat(9600, 8, "N", 1), 0.02, 80, True, 4, 555.0),
        (SerialFormat(9600, 8, "N", 1), 0.05, 80, True, 4, 675.0),
        (SerialFormat(9600, 8, "N", 1), 0.02, 80, False, 15, 895.8),
        (LINE, 0.0, 80, True, 6, 252.1),
        (LINE, 0.02, 80, True, 4, 341.25),
        (LINE, 0.05, 80, True, 4, 461.25),
        (LINE, 0.02, 80, False, 15, 627.7),
        (LINE, 0.02, 40, True, 6, 395.0),
        (LINE, 0.02, 125, True, 3, 312.1),
    ],
)
def test_the_68_values_take_what_was_computed(line, turnaround_s, limit, undefined_readable, blocks, time_ms):
    barriers = frozenset() if undefined_readable else gaps_between(SDM530.registers.values())
    plan = plan_blocks(SDM530.registers.values(), line, turnaround_s, BlockRules(limit, barriers))
    assert len(plan) == blocks
    assert line_time_s(plan, line, turnaround_s) * 1000 == pytest.approx(time_ms, abs=0.06)


def test_the_blocks_of_the_68_values():
    plan = plan_blocks(SDM530.registers.values(), LINE, 0.02, BlockRules(80))
    assert [(block.address, block.count) for block in plan] == [(0, 44), (46, 62), (200, 70), (334, 12)]


@given(st.data())
@settings(max_examples=200)
def test_a_scale_factor_is_in_the_same_block_as_its_value(data):
    """Groups of values with a scale factor before or behind them, as SunSpec and others have them."""
    registers, address = [], 0
    for size, before in data.draw(st.lists(st.tuples(st.integers(1, 4), st.booleans()), min_size=1, max_size=4)):
        address += data.draw(st.integers(0, 30))
        start = address + before
        scale_at = address if before else start + 2 * size
        registers += [register(start + 2 * index, scale_at=scale_at) for index in range(size)]
        address = max(scale_at + 1, start + 2 * size)
    limit = data.draw(st.integers(9, 60))
    blocks = plan_blocks(data.draw(st.permutations(registers)), LINE, 0.02, BlockRules(limit))
    found = [one for block in blocks for one in block.registers]
    assert sorted(found, key=lambda one: one.address) == registers
    for block in blocks:
        assert block.count <= limit
        for one in block.registers:
            assert block.address <= min(one.address, one.scale_at)
            assert max(one.address + 2, one.scale_at + 1) <= block.address + block.count
        assert block.floats is None


def test_between_values_that_share_a_scale_factor_there_is_no_gap():
    registers = [register(0, scale_at=8), register(4, scale_at=8), register(20)]
    assert gaps_between(registers) == {Gap(4, 9, 20)}


def test_functions_do_not_share_a_block():
    plan = plan_blocks([register(0, 4), register(2, 3), register(4, 4)], LINE, 0.02, BlockRules(80))
    assert [(block.function, block.address, block.count) for block in plan] == [(3, 2, 2), (4, 0, 6)]


def test_a_register_longer_than_the_limit_is_read_alone():
    assert len(plan_blocks([register(0, count=4), register(4, count=4)], LINE, 0.02, BlockRules(2))) == 2


def test_nothing_needs_no_block():
    assert plan_blocks([], LINE, 0.02, BlockRules(80)) == ()


def test_a_block_crosses_what_lies_within_it():
    block = Block(4, 10, 10, ())
    assert block.crosses(Gap(4, 12, 14))
    assert block.crosses(Gap(4, 10, 20))
    assert not block.crosses(Gap(4, 8, 12))
