"""What a meter has shown of itself: which blocks it takes, and how long it takes to answer.

Papers are no guide: some Eastron meters refuse more than 50, 20 or 10 registers, others what is not defined. A refusal
does not say which, so it is read together with all that the meter has answered:

- a register that is refused alone is absent, and nothing is read across it;
- a block no longer than one that was answered is refused for a gap, one of those never yet crossed;
- any other refused block was too long: half of it is tried, or what was answered already if that is more;
- a block with something beside what is wanted (`apart.py`) says nothing, but there will be no more of these.

Every refusal thus forbids the refused block itself, so that asking ends.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache, lru_cache

from smartmeter.models import Model, Register
from smartmeter.polling.plan import Block, BlockRules, Gap, gaps_between

SMALLEST_LIMIT = 1
# The blocks of many meters are the same few.
BLOCKS_KEPT = 256


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request for `count` registers from `address` by `function` that a meter refused."""

    function: int
    address: int
    count: int

    def crosses(self, gap: Gap) -> bool:
        """Whether the request asked for the whole of the gap."""
        within = self.address <= gap.start and gap.end <= self.address + self.count
        return within and gap.function == self.function


@dataclass(frozen=True, slots=True)
class Learned:
    """The longest answered block, the gaps that were crossed, what was refused, and the measurands that are absent.

    `padding_refused`: whether a block was refused that was longer than needed, so as to differ from its neighbours.
    `turnaround_s`: the measured time from the end of a request to its answer; None: not known yet.
    """

    longest: int = 0
    crossed: frozenset[Gap] = frozenset()
    refusals: frozenset[Refusal] = frozenset()
    absent: frozenset[str] = frozenset()
    padding_refused: bool = False
    turnaround_s: float | None = None


# Of a meter that was never asked.
UNKNOWN = Learned()


def learn_answer(learned: Learned, block: Block, model: Model) -> Learned:
    """What is known after the meter answered `block`."""
    crossed = _crossed(model, block.function, block.address, block.count)
    if crossed <= learned.crossed and block.count <= learned.longest:
        return learned
    return replace(learned, longest=max(learned.longest, block.count), crossed=learned.crossed | crossed)


def learn_refusal(learned: Learned, block: Block) -> Learned:
    """What is known after the meter refused `block`."""
    if block.is_padded:
        return replace(learned, padding_refused=True)
    if len(block.registers) == 1:
        return replace(learned, absent=learned.absent | {block.registers[0].measurand})
    return replace(learned, refusals=learned.refusals | {Refusal(block.function, block.address, block.count)})


def learn_turnaround(learned: Learned, turnaround_s: float | None) -> Learned:
    """The same with this turnaround."""
    return learned if turnaround_s == learned.turnaround_s else replace(learned, turnaround_s=turnaround_s)


def turnaround_of(learned: Learned, model: Model) -> float:
    """The turnaround in seconds that plans count on: the measured one, or what the model assumes."""
    return model.turnaround_s if learned.turnaround_s is None else learned.turnaround_s


def forget_absent(learned: Learned, model: Model) -> Learned:
    """The same, but with every absent register to be tried again, and without the refusals that it explains."""
    absent = [_as_gap(model.registers[measurand]) for measurand in learned.absent]
    refusals = frozenset(refusal for refusal in learned.refusals if not _crosses_any(refusal, absent))
    return replace(learned, absent=frozenset(), refusals=refusals)


def block_rules(learned: Learned, model: Model) -> BlockRules:
    """Which blocks the meter takes, by its paper and by what is known of it."""
    gaps = _gaps(model)
    barriers = {_as_gap(model.registers[measurand]) for measurand in learned.absent}
    if not model.undefined_readable:
        barriers |= gaps
    for refusal in learned.refusals:
        if refusal.count <= learned.longest:
            barriers |= {gap for gap in gaps - learned.crossed if refusal.crosses(gap)}
    too_long = [refusal.count for refusal in learned.refusals if not _crosses_any(refusal, barriers)]
    limits = [_next_limit(count, learned.longest) for count in too_long]
    return BlockRules(min([model.registers_per_request, *limits]), frozenset(barriers))


def without_untried(rules: BlockRules, learned: Learned, model: Model, tried: Iterable[Block]) -> BlockRules:
    """The rules for a meter that has refused something: across no gap that is in none of the blocks `tried`.

    Otherwise every new division of the same registers could be refused for another gap.
    """
    if not learned.refusals:
        return rules
    blocks = tuple(tried)
    untried = {gap for gap in _gaps(model) - learned.crossed if not any(block.crosses(gap) for block in blocks)}
    return BlockRules(rules.registers_per_request, rules.barriers | untried)


def _next_limit(refused: int, answered: int) -> int:
    # Even, as most values have two registers; what was answered although it is longer says nothing about this block.
    known = answered if answered < refused else 0
    return max(refused // 4 * 2, known, SMALLEST_LIMIT)


def describe_news(before: Learned, after: Learned, model: Model) -> str:
    """What `after` knows beyond `before`, in words for the owner; empty if blocks are asked for as they were."""
    news = []
    rules_before, rules = block_rules(before, model), block_rules(after, model)
    if rules.registers_per_request != rules_before.registers_per_request:
        news.append(f"it is asked for at most {rules.registers_per_request} registers at a time")
    absent = after.absent - before.absent
    if absent:
        news.append(f"it does not have {', '.join(sorted(absent))}")
    if len(rules.barriers - rules_before.barriers) > len(absent):
        news.append("undefined registers are no longer crossed where it refused")
    return "; ".join(news)


def describe_learned(learned: Learned, model: Model) -> list[str]:
    """What is known of the meter, in words for the owner, one line each; nothing if nothing is known."""
    lines = []
    paper, rules = block_rules(UNKNOWN, model), block_rules(learned, model)
    if learned.longest:
        lines.append(f"the largest block that it has answered: {learned.longest} registers")
    if rules.registers_per_request != paper.registers_per_request:
        lines.append(f"it is asked for at most {rules.registers_per_request} registers at a time")
    absent = {_as_gap(model.registers[measurand]) for measurand in learned.absent}
    refused = sorted(rules.barriers - paper.barriers - absent, key=lambda gap: (gap.function, gap.start))
    if refused:
        gaps = ", ".join(f"{gap.start} to {gap.end - 1}" for gap in refused)
        lines.append(f"undefined registers that it does not let a request cross: {gaps}")
    if learned.absent:
        lines.append(f"it does not have {', '.join(sorted(learned.absent))}")
    if learned.padding_refused:
        lines.append("it refuses to give more than is needed, so that some of its answers may be of one length")
    if learned.turnaround_s is not None:
        assumed = f"the model assumes {1000 * model.turnaround_s:g} ms"
        lines.append(f"it answers after {1000 * learned.turnaround_s:g} ms; {assumed}")
    return lines


@cache
def _gaps(model: Model) -> frozenset[Gap]:
    return gaps_between(model.registers.values())


@lru_cache(maxsize=BLOCKS_KEPT)
def _crossed(model: Model, function: int, address: int, count: int) -> frozenset[Gap]:
    end = address + count
    of_function = (gap for gap in _gaps(model) if gap.function == function)
    return frozenset(gap for gap in of_function if address <= gap.start and gap.end <= end)


def _as_gap(register: Register) -> Gap:
    return Gap(register.function, register.read_from, register.read_to)


def _crosses_any(refusal: Refusal, barriers: Iterable[Gap]) -> bool:
    return any(refusal.crosses(barrier) for barrier in barriers)
