"""Neighbouring requests that differ in length, against every other way to divide the same registers."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smartmeter.modbus.line import SerialFormat
from smartmeter.models import Register, load_model, model_names
from smartmeter.polling.apart import WORTH_REGISTERS, alike_neighbours, tell_apart
from smartmeter.polling.learned import UNKNOWN, block_rules
from smartmeter.polling.plan import BlockRules, Gap, gaps_between, line_time_s, plan_blocks

LINE = SerialFormat(9600)
TURNAROUND_S = 0.02
WORTH_S = LINE.exchange_s(WORTH_REGISTERS, 0) - LINE.exchange_s(0, 0)


@st.composite
def meters(draw, most=7):
    """Registers of a model, those of them that are wanted, and what the meter takes in one request."""
    counts = draw(st.sampled_from([(2,), (1, 2), (2, 4)]))
    registers, address = [], 0
    for _ in range(draw(st.integers(1, most))):
        address += draw(st.sampled_from([0, 0, 0, 2, 3, 30]))
        count = draw(st.sampled_from(counts))
        registers.append(Register(f"at{address}", 4, address, "", count))
        address += count
    wanted = [register for register in registers if draw(st.booleans())] or registers[:1]
    gaps = sorted(gaps_between(registers), key=lambda gap: gap.start)
    barriers = draw(st.sets(st.sampled_from(gaps))) if gaps else set()
    return registers, wanted, BlockRules(draw(st.integers(2, 12)), frozenset(barriers))


def apart(registers, wanted, rules):
    return tell_apart(plan_blocks(wanted, LINE, TURNAROUND_S, rules), registers, LINE, TURNAROUND_S, rules)


def may_be_read(block, registers, rules):
    """Whether the meter of these registers takes this block, by all that is known of it."""
    start, end = block.address, block.address + block.count
    touched = [r for r in registers if r.address < end and start < r.end]
    whole = all(start <= r.address and r.end <= end for r in touched)
    barred = any(gap.start < end and start < gap.end for gap in rules.barriers)
    return whole and not barred and registers[0].address <= start and end <= registers[-1].end


def is_one_value(block):
    return len(block.registers) == 1 and block.count == block.registers[0].count


@given(meters(most=25))
@settings(max_examples=300)
def test_every_value_comes_once_in_blocks_that_the_meter_takes(meter):
    registers, wanted, rules = meter
    blocks = apart(registers, wanted, rules)
    assert sorted((r for block in blocks for r in block.registers), key=lambda r: r.address) == wanted
    for block in blocks:
        assert is_one_value(block) or (
            block.count <= rules.registers_per_request and may_be_read(block, registers, rules)
        )
        assert block.address <= block.registers[0].address
        assert block.registers[-1].end <= block.address + block.count


@given(meters(most=25))
@settings(max_examples=300)
def test_it_costs_a_few_characters_for_each_pair_that_was_alike_and_else_nothing(meter):
    registers, wanted, rules = meter
    fastest = plan_blocks(wanted, LINE, TURNAROUND_S, rules)
    blocks = apart(registers, wanted, rules)
    assert alike_neighbours(blocks) <= alike_neighbours(fastest)
    dearer_s = line_time_s(blocks, LINE, TURNAROUND_S) - line_time_s(fastest, LINE, TURNAROUND_S)
    assert dearer_s <= alike_neighbours(fastest) * WORTH_S + 1e-6


def divisions(wanted, registers, rules):
    """All ways to divide them in order of address; each block as it is, and with up to two registers beside it."""
    for cuts in itertools.product([False, True], repeat=len(wanted) - 1):
        starts = [0, *(number for number, cut in enumerate(cuts, 1) if cut)]
        runs = [tuple(wanted[start:end]) for start, end in zip(starts, [*starts[1:], len(wanted)], strict=True)]
        choices = [list(blocks_for(run, registers, rules)) for run in runs]
        yield from itertools.product(*choices)


def blocks_for(run, registers, rules):
    [plain] = plan_blocks(run, LINE, 10.0, BlockRules(1000))
    for address, count in (
        (plain.address, plain.count),
        (plain.address, plain.count + grain(registers)),
        (plain.address - grain(registers), plain.count + grain(registers)),
    ):
        block = type(plain)(plain.function, address, count, run)
        if is_one_value(block) or (count <= rules.registers_per_request and may_be_read(block, registers, rules)):
            yield block


def grain(registers):
    return 1 if any(register.count == 1 for register in registers) else min(r.count for r in registers)


@given(meters())
@settings(max_examples=150, deadline=None)
def test_no_other_division_has_fewer_alike_at_what_they_are_worth(meter):
    registers, wanted, rules = meter
    blocks = apart(registers, wanted, rules)

    def worth_s(division):
        return line_time_s(division, LINE, TURNAROUND_S) + alike_neighbours(division) * WORTH_S

    best = min(divisions(wanted, registers, rules), key=worth_s)
    assert alike_neighbours(blocks) <= alike_neighbours(best)
    if not alike_neighbours(blocks):
        assert line_time_s(blocks, LINE, TURNAROUND_S) <= worth_s(best) + 1e-6


@pytest.mark.parametrize("name", model_names())
def test_of_every_model_neighbours_differ_wherever_one_length_is_not_the_most(name):
    model = load_model(name)
    registers, line = list(model.registers.values()), model.serial
    by_paper = block_rules(UNKNOWN, model)
    for limit in (10, 20, 40, 125):
        rules = BlockRules(min(limit, by_paper.registers_per_request), by_paper.barriers)
        fastest = plan_blocks(registers, line, model.turnaround_s, rules)
        blocks = tell_apart(fastest, registers, line, model.turnaround_s, rules)
        most = max((sum((b.function, b.count) == (c.function, c.count) for b in fastest) for c in fastest), default=0)
        if 2 * most <= len(fastest):
            assert not alike_neighbours(blocks), limit
        assert line_time_s(blocks, line, model.turnaround_s) <= 1.03 * line_time_s(fastest, line, model.turnaround_s)


def registers_at(*addresses):
    return [Register(f"at{address}", 4, address, "") for address in addresses]


def lengths(blocks):
    return [(block.address, block.count) for block in blocks]


def test_a_plan_without_alike_neighbours_is_the_fastest_one():
    model = load_model("SDM530")
    registers = list(model.registers.values())
    fastest = plan_blocks(registers, LINE, TURNAROUND_S, BlockRules(80))
    assert tell_apart(fastest, registers, LINE, TURNAROUND_S, BlockRules(80)) == fastest


def test_another_order_costs_nothing():
    registers = registers_at(0, 100, 200, 202, 300, 302, 304)
    assert lengths(apart(registers, registers, BlockRules(80))) == [(0, 2), (200, 4), (100, 2), (300, 6)]


def test_a_value_beside_a_block_is_read_as_well():
    registers = registers_at(0, 2, 100)
    wanted = [registers[0], registers[2]]
    refused = BlockRules(80, frozenset({Gap(4, 4, 100)}))
    assert lengths(apart(registers, wanted, refused)) == [(0, 4), (100, 2)]


def test_a_gap_beside_a_block_is_read_as_well_but_not_one_that_is_refused():
    registers = registers_at(0, 4, 100)
    wanted = [registers[0], registers[2]]
    one_readable = BlockRules(80, frozenset({Gap(4, 6, 100)}))
    assert lengths(apart(registers, wanted, one_readable)) == [(0, 4), (100, 2)]
    refused = BlockRules(80, frozenset({Gap(4, 2, 4)}))
    assert lengths(apart(registers, wanted, refused)) == [(0, 2), (98, 4)]


def test_nothing_is_read_before_the_first_register_and_beyond_the_last_one():
    registers = registers_at(2, 100)
    refused = BlockRules(80, frozenset({Gap(4, 4, 100)}))
    assert lengths(apart(registers, registers, refused)) == [(2, 2), (100, 2)]


def test_without_leave_to_read_more_only_the_division_changes():
    registers = registers_at(*range(0, 16, 2))
    rules = BlockRules(8)
    fastest = plan_blocks(registers, LINE, TURNAROUND_S, rules)
    assert lengths(tell_apart(fastest, (), LINE, TURNAROUND_S, rules)) == lengths(fastest) == [(0, 8), (8, 8)]
    registers = registers_at(*range(0, 14, 2))
    rules = BlockRules(8)
    blocks = tell_apart(plan_blocks(registers, LINE, TURNAROUND_S, rules), (), LINE, TURNAROUND_S, rules)
    assert alike_neighbours(blocks) == 0
