"""What an alarm watches, and where its limit is."""

import json
from dataclasses import dataclass
from typing import Literal

# Two readings in a row may fail without anything being wrong but the line.
GAP_INTERVALS = 3
# At short intervals a line that is busy, or a restart of the program, costs many readings in a row.
LEAST_GAP_US = 60_000_000

Quantity = Literal["measurand", "silence", "backlog", "disk", "day_energy"]
Side = Literal["above", "below"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One alarm: a quantity, and the limit beyond which it is worth telling.

    `name` is what the owner calls it. `subject` is the meter's name; the sink's for "backlog", "" for "disk".
    `measurand` is its id, for "measurand" and "day_energy", else None.

    `limit` is in the measurand's unit; in seconds for "silence" and for "backlog" (the age of the oldest reading that
    waits), in percent used for "disk", in kWh for "day_energy". `hysteresis`, at least 0 and in the same unit: the
    alarm ends only that far inside the limit.

    `hold_us`, at least 0: so long beyond the limit until it begins, and so long inside until it ends. `gap_us`: values
    further apart than this prove nothing about the time between them.
    """

    name: str
    quantity: Quantity
    subject: str
    measurand: str | None
    side: Side
    limit: float
    hysteresis: float
    hold_us: int
    gap_us: int

    @property
    def key(self) -> str:
        """Under which its state is kept: the same whatever becomes of limit, hysteresis, hold and gap."""
        # JSON, because a separator could be part of a name.
        return json.dumps([self.quantity, self.subject, self.measurand, self.side, self.name], ensure_ascii=False)

    def is_beyond(self, value: float) -> bool:
        """Whether the value is beyond the limit; one that equals it is not."""
        return value > self.limit if self.side == "above" else value < self.limit

    def is_inside(self, value: float) -> bool:
        """Whether the value is inside the limit by the hysteresis at least."""
        if self.side == "above":
            return value <= self.limit - self.hysteresis
        return value >= self.limit + self.hysteresis

    def worse(self, one: float, other: float) -> float:
        """The one of both that is farther on the limit's side."""
        return max(one, other) if self.side == "above" else min(one, other)


def gap_of(interval_us: int) -> int:
    """The `gap_us` for what is read at this interval, both in microseconds: three intervals, at least a minute."""
    return max(GAP_INTERVALS * interval_us, LEAST_GAP_US)
