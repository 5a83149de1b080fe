"""How busy the planned rounds keep a line, before anything is read."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from smartmeter.modbus.line import Line
from smartmeter.polling.learned import UNKNOWN, Learned, turnaround_of
from smartmeter.polling.plan import Block, line_time_s
from smartmeter.polling.round import plan_round
from smartmeter.polling.schedule import due_at, next_instant_us
from smartmeter.settings.model import BusSettings, MeterSettings

# The grid is followed for so many moments; beyond that, what is rarer hardly counts.
MOMENTS = 5000
_MICROSECONDS = 1_000_000
_TENTH_US = 100_000
# What a line needs is a little more than what was computed: repeats, and the machine itself.
_MARGIN = 1.1


@dataclass(frozen=True, slots=True)
class PlannedRound:
    """A round as it recurs: what is due together, with which blocks, how long and how often.

    `intervals_s` are the intervals of the measurands in it, `share` its part of all rounds (0 to 1).
    """

    intervals_s: tuple[float, ...]
    measurands: frozenset[str]
    blocks: tuple[Block, ...]
    line_s: float
    share: float


@dataclass(frozen=True, slots=True)
class MeterLoad:
    """The rounds of a meter, the most frequent first.

    `busy` is the part of the time (1 = all) that they keep the line busy.
    """

    rounds: tuple[PlannedRound, ...]
    busy: float
    shortest_interval_s: float

    @property
    def longest_round_s(self) -> float:
        """The time on the line of the longest round."""
        return max(planned.line_s for planned in self.rounds)


def meter_load(
    meter: MeterSettings, intervals_us: Mapping[str, int], line: Line, learned: Learned = UNKNOWN
) -> MeterLoad:
    """What reading the meter at these intervals takes of the line, by its model and by what is known of it."""
    sets: Counter[frozenset[str]] = Counter()
    # Not from 0 on, where everything is due at once.
    first_us = instant_us = max(intervals_us.values())
    for _ in range(MOMENTS):
        instant_us = next_instant_us(instant_us, intervals_us.values())
        sets[due_at(instant_us, intervals_us)] += 1
    span_s = (instant_us - first_us) / _MICROSECONDS
    rounds = []
    for measurands, times in sets.most_common():
        blocks = plan_round(meter.model, line, measurands, learned)
        line_s = line_time_s(blocks, line, turnaround_of(learned, meter.model))
        intervals_s = tuple(sorted({intervals_us[measurand] / _MICROSECONDS for measurand in measurands}))
        rounds.append(PlannedRound(intervals_s, measurands, blocks, line_s, times / MOMENTS))
    busy = sum(planned.line_s * planned.share for planned in rounds) * MOMENTS / span_s
    return MeterLoad(tuple(rounds), busy, min(intervals_us.values()) / _MICROSECONDS)


def shortest_interval_us(buses: Iterable[BusSettings], learned: Mapping[str, Learned]) -> int:
    """The shortest interval at which the busiest line can give all that is read, rounded up to a tenth of a second.

    `learned` by the meter's name, as far as something is known.
    """
    needed_s = 0.0
    for bus in buses:
        lines_s = (_everything_s(meter, bus.format, learned.get(meter.name, UNKNOWN)) for meter in bus.meters)
        needed_s = max(needed_s, sum(lines_s) * _MARGIN)
    return max(1, math.ceil(needed_s * 10)) * _TENTH_US


def _everything_s(meter: MeterSettings, line: Line, learned: Learned) -> float:
    blocks = plan_round(meter.model, line, frozenset(meter.intervals_us), learned)
    return line_time_s(blocks, line, turnaround_of(learned, meter.model))
