"""The energy of quarter-hours, each from its readings and the state that the one before it left.

A reading at the very end of a quarter-hour belongs to it: the counter as of midnight closes the day. The energy of a
span is thus the counter as of its end minus the counter as of its start. When the counter was not read for longer than
a quarter-hour, what it counted meanwhile is booked where the gap ends, and told apart: the total is known, its shape
is not.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from smartmeter.energy.guard import NO_DECISIONS, Decisions, Flag, Limits, Point, State, are_explained, judge
from smartmeter.periods import QUARTER_US

GAP_US = QUARTER_US
# Sums of differences are that exact.
_SAME_ENERGY = 1e-6
# The years 1980 to 2199. A clock that says something else was wrong: such readings are kept, and counted nowhere.
COUNTED_US = range(315_532_800_000_000, 7_258_118_400_000_000)


@dataclass(frozen=True, slots=True)
class Quarter:
    """The quarter-hour that begins at `start_us`: its `energy` in the counter's unit, and the `state` at its end.

    `gap_energy` is the part of `energy` that came over a gap which began before the quarter-hour, at `gap_from_us`; 0
    and None if there is no such gap.
    """

    start_us: int
    energy: float
    gap_energy: float
    gap_from_us: int | None
    state: State
    flags: tuple[Flag, ...]


def energy_quarter(time_us: int) -> int:
    """The start of the quarter-hour to whose energy a reading at this time belongs."""
    return time_us - 1 - (time_us - 1) % QUARTER_US


def fold_quarter(
    start_us: int, before: State, points: Sequence[Point], limits: Limits, decisions: Decisions = NO_DECISIONS
) -> Quarter:
    """The quarter-hour with these readings, in order of time, after one that left the state `before`."""
    last = before.last
    is_plain = last is not None and points and not before.held and decisions == NO_DECISIONS
    if is_plain and last is not None and are_explained((last, *points), limits):
        return _plain_quarter(start_us, last, points)
    judgement = judge(before, points, limits, decisions)
    crossing = [step for step in judgement.steps if step.from_us < start_us and step.until_us - step.from_us > GAP_US]
    return Quarter(
        start_us=start_us,
        energy=sum(step.energy for step in judgement.steps),
        gap_energy=sum(step.energy for step in crossing),
        gap_from_us=min((step.from_us for step in crossing), default=None),
        state=judgement.state,
        flags=judgement.flags,
    )


def _plain_quarter(start_us: int, last: Point, points: Sequence[Point]) -> Quarter:
    """The same when nothing has to be judged: then differences add up to that of the ends, which is much faster."""
    is_gap = last.time_us < start_us and points[0].time_us - last.time_us > GAP_US
    return Quarter(
        start_us=start_us,
        energy=points[-1].value - last.value,
        gap_energy=points[0].value - last.value if is_gap else 0,
        gap_from_us=last.time_us if is_gap else None,
        state=State(points[-1]),
        flags=(),
    )


def are_all_there(points: Sequence[Point], n: int, kept: Quarter) -> bool:
    """Whether the `n` readings that a quarter-hour was made of are still there, as far as that can be told."""
    last = kept.state.last
    is_of_before = last is None or last.time_us <= kept.start_us
    return len(points) >= max(1, n) and (is_of_before or any(last == point for point in reversed(points)))


def moved_quarter(kept: Quarter, before: State, limits: Limits) -> Quarter | None:
    """A quarter-hour whose readings have expired, when another state goes before it than while they were there.

    It must have no flags: then its energy is the last count in it minus the last one before it, whatever lay between.
    None if it stays as it is.
    """
    last = kept.state.last
    if last is None or before.last is None or before.held or last.time_us <= kept.start_us:
        return None
    energy = last.value - before.last.value
    if abs(energy - kept.energy) < _SAME_ENERGY or not are_explained((before.last, last), limits):
        return None
    # When its first reading came is not known any more.
    is_gap = kept.start_us - before.last.time_us >= GAP_US
    return Quarter(
        start_us=kept.start_us,
        energy=energy,
        gap_energy=kept.gap_energy + energy - kept.energy if is_gap else 0,
        gap_from_us=before.last.time_us if is_gap else None,
        state=kept.state,
        flags=(),
    )


def fold(
    before: State, points: Iterable[Point], limits: Limits, decisions: Decisions = NO_DECISIONS
) -> Iterator[Quarter]:
    """All quarter-hours that have readings, from readings in order of time."""
    for start_us, in_quarter in groupby(points, lambda point: energy_quarter(point.time_us)):
        quarter = fold_quarter(start_us, before, list(in_quarter), limits, decisions)
        before = quarter.state
        yield quarter
