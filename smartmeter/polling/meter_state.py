"""How a meter fares: what was counted, and what is known of it."""

from collections import Counter
from dataclasses import dataclass, field

from smartmeter.polling.learned import UNKNOWN, Learned


@dataclass(slots=True)
class MeterState:
    """What happened with a meter since the start.

    `failures` counts attempts without a good answer by kind; `skipped` rounds that would have started late;
    `silent_since_us` is the UTC time since which nothing came. `serial_number` is empty if the meter tells none, None
    while it is not clear which meter it is; `since_us` is the UTC time since which `learned` was learned.
    """

    readings: int = 0
    skipped: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    silent_since_us: int | None = None
    learned: Learned = UNKNOWN
    serial_number: str | None = None
    since_us: int = 0
