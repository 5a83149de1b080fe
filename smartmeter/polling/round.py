"""One round: read what is due from one meter, in spite of refusals, noise and silence."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from smartmeter.modbus.errors import AnswerError, ExceptionAnswerError, NoAnswerError
from smartmeter.modbus.frames import ReadRequest
from smartmeter.modbus.line import Line
from smartmeter.models import Model, Register
from smartmeter.polling.apart import tell_apart
from smartmeter.polling.decode import REGISTER_BYTES, decode, decode_scaled, shortest_float32
from smartmeter.polling.learned import (
    Learned,
    block_rules,
    learn_answer,
    learn_refusal,
    learn_turnaround,
    turnaround_of,
    without_untried,
)
from smartmeter.polling.plan import Block, plan_blocks
from smartmeter.settings.model import MeterSettings

ATTEMPTS = 3
FIRST_PAUSE_S = 0.05
# So many blocks without any sign of life, and the meter counts as silent.
SILENT_BLOCKS = 2
PLAN_CACHE = 64
# Meters of one model with one plan differ in what was learned of them.
LEARNED_CACHE = 512
# Meters are asked the same again and again.
REQUESTS_KEPT = 1024

ReadRegisters = Callable[[ReadRequest], Awaitable[bytes]]
ReadSeveral = Callable[[Sequence[ReadRequest]], Awaitable[Sequence[bytes | AnswerError]]]


@dataclass(frozen=True, slots=True)
class RoundResult:
    """What a round brought.

    `values` by measurand; `learned` what is now known of the meter; `failures` every attempt that had no good answer;
    `lost` the error of each block that was given up; `silent` whether the meter gave no sign of life at all.
    """

    values: dict[str, float | None]
    learned: Learned
    failures: tuple[AnswerError, ...]
    lost: tuple[AnswerError, ...]
    silent: bool


async def read_round(  # noqa: PLR0913, PLR0917 - a round is described by that much
    meter: MeterSettings,
    line: Line,
    measurands: frozenset[str],
    learned: Learned,
    read: ReadRegisters,
    read_several: ReadSeveral | None = None,
) -> RoundResult:
    """Read the measurands from the meter by `read`, which takes one request and returns its registers' bytes.

    Where several requests may be under way, `read_several` makes the first attempts: it gives the bytes or what went
    wrong for each.

    A refused block is split by what the refusal teaches, in the same round. A failed block is tried three times in all
    and then costs its own values only; but two blocks without any sign of life end the round of a meter that has not
    answered before.

    Raises PortError if the port goes away.
    """
    values: dict[str, float | None] = {}
    failures: list[AnswerError] = []
    lost: list[AnswerError] = []
    alive = False
    blocks = list(plan_round(meter.model, line, measurands, learned))
    ahead: dict[ReadRequest, bytes | AnswerError] = {}
    while blocks:
        if read_several is not None and not ahead:
            requests = [_request(meter.address, block.function, block.address, block.count) for block in blocks]
            ahead = dict(zip(requests, await read_several(requests), strict=True))
        block = blocks.pop(0)
        request = _request(meter.address, block.function, block.address, block.count)
        first = ahead.pop(request, None)
        try:
            if isinstance(first, bytes):
                data = first
            else:
                attempts = ATTEMPTS if alive or not lost else 1
                data = await read_patiently(request, read, failures, attempts, first)
        except ExceptionAnswerError as error:
            alive = True
            if not error.is_refusal:
                lost.append(error)
                continue
            learned = learn_refusal(learned, block)
            rest = frozenset(register.measurand for refused in (block, *blocks) for register in refused.registers)
            blocks = list(plan_round(meter.model, line, rest, learned))
        except AnswerError as error:
            lost.append(error)
            alive = alive or not isinstance(error, NoAnswerError)
            if not alive and len(lost) == SILENT_BLOCKS:
                break
        else:
            alive = True
            learned = learn_answer(learned, block, meter.model)
            values.update(_decode(block, data))
    return RoundResult(values, learned, tuple(failures), tuple(lost), silent=bool(lost) and not alive)


@lru_cache(maxsize=LEARNED_CACHE)
def plan_round(model: Model, line: Line, measurands: frozenset[str], learned: Learned) -> tuple[Block, ...]:
    """The blocks that fetch the measurands, without those that the meter does not have."""
    # Where characters take no time, the fewest blocks win whatever the turnaround.
    return _plan(model, line, measurands, learned if line.character_s else learn_turnaround(learned, None))


@lru_cache(maxsize=PLAN_CACHE)
def _plan(model: Model, line: Line, measurands: frozenset[str], learned: Learned) -> tuple[Block, ...]:
    registers = [model.registers[measurand] for measurand in measurands - learned.absent]
    turnaround_s, rules = turnaround_of(learned, model), block_rules(learned, model)
    fastest = plan_blocks(registers, line, turnaround_s, rules)
    beside = () if learned.padding_refused else model.registers.values()
    return tell_apart(fastest, beside, line, turnaround_s, without_untried(rules, learned, model, fastest))


@lru_cache(maxsize=REQUESTS_KEPT)
def _request(unit: int, function: int, address: int, count: int) -> ReadRequest:
    return ReadRequest(unit, function, address, count)


async def read_patiently(
    request: ReadRequest,
    read: ReadRegisters,
    failures: list[AnswerError],
    attempts: int,
    first: AnswerError | None = None,
) -> bytes:
    """The answer to the request; every failed attempt is added to `failures`, and the last one raised.

    `first` is what the first attempt brought, if that was made already.
    """
    pause_s = FIRST_PAUSE_S
    for attempt in range(1, attempts + 1):
        try:
            if attempt == 1 and first is not None:
                raise first
            return await read(request)
        except AnswerError as error:
            failures.append(error)
            if attempt == attempts or (isinstance(error, ExceptionAnswerError) and error.is_refusal):
                raise
        await asyncio.sleep(pause_s)
        pause_s *= 2
    raise AssertionError("at least one attempt")


def _decode(block: Block, data: bytes) -> Iterable[tuple[str, float | None]]:
    """The values in a block's answer, by measurand."""
    if block.floats is not None:
        return zip(block.measurands, map(shortest_float32, block.floats.unpack(data)), strict=True)
    return [(register.measurand, _value(register, block.address, data)) for register in block.registers]


def _value(register: Register, first: int, data: bytes) -> float | None:
    """The value of a register in the bytes of an answer that begins with the register `first`."""
    start = REGISTER_BYTES * (register.address - first)
    content = data[start : start + REGISTER_BYTES * register.count]
    if register.scale_at is None:
        return decode(register, content)
    start = REGISTER_BYTES * (register.scale_at - first)
    return decode_scaled(register, content, data[start : start + REGISTER_BYTES])
