"""Keeps false counter values out of totals.

Energy is the difference of accepted readings of a counter. A reading that the last accepted one cannot explain, because
no meter can count so fast or because counters do not run backwards, is held. What follows decides:

- a reading that fits the last accepted one shows that the held ones were false;
- readings that go on from the held one confirm it. The counter then has been reset (it fell) or replaced (it jumped): a
  new era begins, and what lies between the eras is not known. A rise that the time since the last accepted reading
  explains after all, as when the clock was behind for a while, is energy like any other.

Everything follows from the readings in their order of time, so it does not matter in which order they came.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal, NamedTuple

HOUR_US = 3_600_000_000
# So many readings, over so long, confirm a value that could not be explained.
CONFIRMING_READINGS = 3
CONFIRMING_US = 600_000_000
# A meter may show what it has counted a moment late.
LATE_US = 10_000_000
# Counters are shown in steps of up to 0.1; a float32 of 100,000 has steps of 0.0078.
RESOLUTION = 0.1
# A counter that was rounded to 4 decimals may look as if it had fallen (the original rounded).
ROUNDING = 0.001

FlagKind = Literal["false_value", "reset", "jump", "replaced"]


class Point(NamedTuple):
    """A reading of a counter: UTC time in microseconds since 1970-01-01, and the value in the counter's unit."""

    time_us: int
    value: float


@dataclass(frozen=True, slots=True)
class Limits:
    """What a counter can do: `per_hour` is the most that it can change in an hour, in its unit.

    `may_fall`: it runs both ways, as one that counts import minus export does.
    """

    per_hour: float
    may_fall: bool = False


@dataclass(frozen=True, slots=True)
class Decisions:
    """What the owner has said: from when on another meter counts, and which jumps (by their time) are energy."""

    replaced_us: tuple[int, ...] = ()
    counted_us: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class State:
    """What is known after some readings: the last accepted one, and those since then that are held."""

    last: Point | None = None
    held: tuple[Point, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """What a counter counted between two accepted readings, in its unit."""

    from_us: int
    until_us: int
    energy: float


@dataclass(frozen=True, slots=True)
class Flag:
    """What was found at a reading: `value` is what it said, `before` the last accepted value.

    "false_value": it is left out. "reset", "jump": readings confirmed a fall or an unexplained rise, and a new era
    begins with this one. "replaced": the owner said so.
    """

    time_us: int
    kind: FlagKind
    value: float
    before: float


@dataclass(frozen=True, slots=True)
class Judgement:
    """What follows from some readings."""

    state: State
    steps: tuple[Step, ...]
    flags: tuple[Flag, ...]


NO_DECISIONS = Decisions()


def judge(state: State, points: Sequence[Point], limits: Limits, decisions: Decisions = NO_DECISIONS) -> Judgement:
    """What follows from `points`, in order of time and later than all in `state`."""
    judging = _Judging(state.last, list(state.held), limits, decisions)
    for point in points:
        judging.take(point)
    return Judgement(State(judging.last, tuple(judging.held)), tuple(judging.steps), tuple(judging.flags))


@dataclass(slots=True)
class _Judging:
    last: Point | None
    held: list[Point]
    limits: Limits
    decisions: Decisions
    steps: list[Step] = field(default_factory=list)
    flags: list[Flag] = field(default_factory=list)

    def take(self, point: Point) -> None:
        last = self.last
        if last is None:
            self.last = point
        elif self.decisions.replaced_us and any(
            last.time_us < at_us <= point.time_us for at_us in self.decisions.replaced_us
        ):
            self._drop_held(last)
            self.flags.append(Flag(point.time_us, "replaced", point.value, last.value))
            self.last = point
        elif self._continues_rise(last, point):
            self._hold(last, point)
        elif _is_explained(last, point, self.limits):
            self._drop_held(last)
            self._accept(last, point)
        else:
            self._hold(last, point)

    def _continues_rise(self, last: Point, point: Point) -> bool:
        """Whether it goes on from a held rise. After a fall the way back to the old value counts more."""
        return bool(self.held and self.held[-1].value > last.value and _is_explained(self.held[-1], point, self.limits))

    def _accept(self, last: Point, point: Point) -> None:
        self.steps.append(Step(last.time_us, point.time_us, point.value - last.value))
        self.last = point

    def _hold(self, last: Point, point: Point) -> None:
        if self.held and not _is_explained(self.held[-1], point, self.limits):
            self._drop_held(last)
        self.held.append(point)
        long_enough = point.time_us - self.held[0].time_us >= CONFIRMING_US
        if long_enough and len(self.held) >= CONFIRMING_READINGS:
            self._confirm(last)

    def _confirm(self, last: Point) -> None:
        first, newest = self.held[0], self.held[-1]
        confirmed, self.held = self.held, []
        if _is_explained(last, newest, self.limits):
            self._accept(last, newest)
            return
        kind: FlagKind = "jump" if first.value > last.value else "reset"
        self.flags.append(Flag(first.time_us, kind, first.value, last.value))
        if first.time_us in self.decisions.counted_us:
            self._accept(last, first)
        self.last = first
        for point in confirmed[1:]:
            self._accept(self.last, point)

    def _drop_held(self, last: Point) -> None:
        self.flags += [Flag(point.time_us, "false_value", point.value, last.value) for point in self.held]
        self.held.clear()


def are_explained(points: Iterable[Point], limits: Limits) -> bool:
    """Whether each of these readings, in order of time, is explained by the one before it."""
    return all(_is_explained(before, after, limits) for before, after in pairwise(points))


def _is_explained(before: Point, after: Point, limits: Limits) -> bool:
    """Whether a counter can have gone from one to the other in that time."""
    before_us, before_value = before
    after_us, after_value = after
    change = after_value - before_value
    most = limits.per_hour * (after_us - before_us + LATE_US) / HOUR_US + RESOLUTION
    return (-most if limits.may_fall else -ROUNDING) <= change <= most
