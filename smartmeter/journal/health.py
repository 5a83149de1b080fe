"""How measuring itself fares, by quarter-hour: kept beside the readings, and shipped after them."""

from dataclasses import dataclass
from typing import Literal

Part = Literal["bus", "sink"]
# Of a bus: the share of the time in which it was busy, requests, requests without a good answer, rounds that were
# skipped. Of a sink: the readings that waited for it at the end.
Quantity = Literal["load", "requests", "failures", "skipped", "backlog"]


@dataclass(frozen=True, slots=True)
class Health:
    """What was counted of a part, by its name, in the quarter-hour that begins at `start_us`, as far as it is over."""

    part: Part
    name: str
    quantity: Quantity
    start_us: int
    value: float
