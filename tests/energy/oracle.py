"""What energy should be, found another way than the program does: reading by reading over the whole sequence."""

from collections import defaultdict

from smartmeter.energy.guard import Decisions, State, judge
from smartmeter.energy.quarters import GAP_US
from smartmeter.periods import period_start


def expected_energy(points, limits, period, zone, decisions=None):
    """Energy, gap energy and the gap's begin, by start of every period in which something is booked.

    A step is booked when the reading comes that has it accepted: at its end, or when it is confirmed. What a
    quarter-hour has over gaps is told apart as a whole.
    """
    energy, gaps, state = defaultdict(float), defaultdict(list), State()
    for point in sorted(points, key=lambda point: point.time_us):
        judgement = judge(state, [point], limits, decisions or Decisions())
        state, quarter_us = judgement.state, period_start("15m", point.time_us - 1, zone)
        for step in judgement.steps:
            energy[period_start(period, quarter_us, zone)] += step.energy
            if step.from_us < quarter_us and step.until_us - step.from_us > GAP_US:
                gaps[quarter_us].append(step)
    gap = {}
    for quarter_us, steps in gaps.items():
        start_us, from_us = period_start(period, quarter_us, zone), min(step.from_us for step in steps)
        if from_us < start_us:
            before, earlier_us = gap.get(start_us, (0.0, from_us))
            gap[start_us] = (before + sum(step.energy for step in steps), min(earlier_us, from_us))
    return {start_us: (total, *gap.get(start_us, (0.0, None))) for start_us, total in energy.items()}


def assert_same_energy(found, expected):
    """Whether rows (start, energy, gap energy, gap's begin) are as expected; one without a step has none."""
    found = {start_us: rest for start_us, *rest in found if start_us in expected or any(rest)}
    assert found.keys() == expected.keys()
    for start_us, (energy, gap_energy, gap_from_us) in found.items():
        assert abs(energy - expected[start_us][0]) < 1e-6
        assert abs(gap_energy - expected[start_us][1]) < 1e-6
        assert gap_from_us == expected[start_us][2]
