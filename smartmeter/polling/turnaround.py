"""How long a meter really takes before it answers, from what its answers took.

Whatever lies between a request and its answer is in it: the meter, an adapter that holds characters back, a gateway. It
comes in steps and does not follow every change, because each new value is a new plan.
"""

from collections import deque
from collections.abc import Sequence

from smartmeter.modbus.line import Line

# So many answers are looked at together; the first judgement is made on fewer.
ANSWERS_KEPT = 31
FIRST_JUDGED = 8
JUDGED_EVERY = 16
# What is known holds until the median is this far from it, as a part of it or in seconds.
HELD_WITHIN = 0.1
HELD_WITHIN_S = 0.0015
# In milliseconds; the finest of which so many do not reach the value is taken.
STEPS_MS = (1, 2, 5, 10, 20, 50, 100)
STEPS = 20


def turnaround_s(line: Line, count: int, took_s: float) -> float:
    """Seconds of an exchange that are neither characters nor silence.

    `took_s` is from the first character of a request for `count` registers to the last one of its answer. Over a
    network it is what the request took beyond what every request takes.
    """
    return max(0.0, took_s + line.silence_s - line.exchange_s(count, 0.0))


def estimate_s(known_s: float | None, measured_s: Sequence[float]) -> float:
    """The turnaround by what was measured (at least once), or what is `known_s` as long as that is near enough."""
    median_s = sorted(measured_s)[len(measured_s) // 2]
    if known_s is not None and abs(median_s - known_s) <= max(HELD_WITHIN_S, HELD_WITHIN * known_s):
        return known_s
    step_ms = next((step_ms for step_ms in STEPS_MS if 1000 * median_s < STEPS * step_ms), STEPS_MS[-1])
    return round(1000 * median_s / step_ms) * step_ms / 1000


class Turnarounds:
    """The latest turnarounds of one meter, judged once in a while."""

    def __init__(self) -> None:
        self._latest_s: deque[float] = deque(maxlen=ANSWERS_KEPT)
        self._new = 0

    def note(self, measured_s: float) -> None:
        """An answer came after so many seconds."""
        self._latest_s.append(measured_s)
        self._new += 1

    def judge(self, known_s: float | None) -> float | None:
        """The turnaround; what was known if too little was measured since."""
        if self._new < (FIRST_JUDGED if known_s is None else JUDGED_EVERY):
            return known_s
        self._new = 0
        return estimate_s(known_s, self._latest_s)
