"""How a meter answers, in figures: rates of what went wrong, how long answers took, which time-out fits."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from smartmeter.doctor.evidence import Exchange, MeterEvidence
from smartmeter.modbus import ascii_frames
from smartmeter.modbus.errors import (
    AnswerError,
    DamagedAnswerError,
    ExceptionAnswerError,
    ForeignAnswerError,
    NoAnswerError,
    ShortAnswerError,
    SilentTargetError,
)
from smartmeter.modbus.frames import answer_length
from smartmeter.modbus.line import AsciiFormat, Line

# The time-out that is suggested: three times what 99 % of the answers took to begin, but at least this, in these steps.
FACTOR = 3.0
LEAST_TIMEOUT_S = 0.1
TIMEOUT_STEP_S = 0.05
# Room for rounding.
_HAIR = 1e-9

KINDS: dict[type[AnswerError], str] = {
    # The first that fits counts.
    SilentTargetError: "gateway",
    NoAnswerError: "no_answer",
    ShortAnswerError: "short",
    DamagedAnswerError: "damaged",
    ForeignAnswerError: "foreign",
    ExceptionAnswerError: "exception",
}


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Of a number of times, in seconds."""

    p50_s: float
    p90_s: float
    p99_s: float
    max_s: float


@dataclass(frozen=True, slots=True)
class Figures:
    """Of all requests to a meter: how many had a good answer, and how many failed, by kind.

    `first_byte` is how long answers took to begin after the request was on the line, `beyond_line` what a whole
    exchange took beyond the time of its characters on the line. `timeout_s` is the time-out that fits. All of good
    answers only; None if there was none.
    """

    requests: int
    answers: int
    failures: dict[str, int]
    first_byte: Percentiles | None
    beyond_line: Percentiles | None
    timeout_s: float | None


def figures(evidence: MeterEvidence, line: Line) -> Figures:
    """How the meter answered."""
    answered = [exchange for exchange in evidence.exchanges if exchange.data is not None and exchange.answer]
    failures = Counter(failure_of(exchange) for exchange in evidence.exchanges)
    first = percentiles([first_byte_s(exchange, line) for exchange in answered])
    return Figures(
        len(evidence.exchanges),
        len(answered),
        {kind: failures[kind] for kind in KINDS.values() if failures[kind]},
        first,
        percentiles([_beyond_line_s(exchange, line) for exchange in answered]),
        suggested_timeout_s(first),
    )


def failure_of(exchange: Exchange) -> str:
    """What kind of failure this was, in one word of KINDS; empty for a good answer."""
    error = exchange.error
    if error is None:
        return ""
    if exchange.is_echoed and not exchange.answer:
        # An echo alone is no answer that broke off.
        return KINDS[NoAnswerError]
    return next(word for kind, word in KINDS.items() if isinstance(error, kind))


def first_byte_s(exchange: Exchange, line: Line) -> float:
    """How long after the request's last character the answer began; something must have come.

    What came first may be more than one character, and then took its time on the line.
    """
    first = exchange.answer[0]
    asked_s = exchange.sent.at_s + len(exchange.sent.data) * line.character_s
    return max(0.0, first.at_s - len(first.data) * line.character_s - asked_s)


def _beyond_line_s(exchange: Exchange, line: Line) -> float:
    came, whole_s, length = 0, exchange.answer[-1].at_s, _answer_characters(exchange, line)
    for piece in exchange.answer:
        came += len(piece.data)
        if came >= length:
            whole_s = piece.at_s
            break
    characters = len(exchange.sent.data) + length
    return max(0.0, whole_s - exchange.sent.at_s - characters * line.character_s)


def _answer_characters(exchange: Exchange, line: Line) -> int:
    if isinstance(line, AsciiFormat):
        return ascii_frames.answer_length(exchange.request)
    return answer_length(exchange.request)


def percentiles(times_s: Sequence[float]) -> Percentiles | None:
    """By the nearest rank: each is a time that was measured. None of none."""
    if not times_s:
        return None
    in_order = sorted(times_s)

    def rank(percent: int) -> float:
        return in_order[math.ceil(percent * len(in_order) / 100) - 1]

    return Percentiles(rank(50), rank(90), rank(99), in_order[-1])


def suggested_timeout_s(first_byte: Percentiles | None) -> float | None:
    """The time-out that fits answers which begin like that, rounded up to 50 ms."""
    if first_byte is None:
        return None
    needed_s = max(LEAST_TIMEOUT_S, FACTOR * first_byte.p99_s)
    return round(math.ceil(needed_s / TIMEOUT_STEP_S - _HAIR) * TIMEOUT_STEP_S, 3)
