"""What energy and its cost depend on besides the readings: the zone, the tariffs, and what each meter can carry."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from smartmeter.energy.counters import counter_limits
from smartmeter.energy.guard import Limits
from smartmeter.energy.tariff import Tariff


@dataclass(frozen=True, slots=True)
class Rating:
    """What a meter carries at most: amperes in each of its phases."""

    max_current_a: float
    phases: int


# For meters that the settings do not name any more.
UNKNOWN_METER = Rating(100.0, 3)


@dataclass(frozen=True, slots=True)
class Site:
    """The zone of hours and days, the tariffs, and what each meter carries at most, by its name."""

    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    tariffs: tuple[Tariff, ...] = ()
    ratings: Mapping[str, Rating] = field(default_factory=dict)

    def limits(self, meter: str, measurand: str) -> Limits:
        """What this counter of this meter can do at most."""
        rating = self.ratings.get(meter, UNKNOWN_METER)
        return counter_limits(measurand, rating.max_current_a, rating.phases)
