"""What roll-ups and energy need to know of the place where the meters are."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from smartmeter.energy.counters import counter_limits
from smartmeter.energy.guard import Limits
from smartmeter.energy.tariff import Tariff
from smartmeter.settings.model import Settings

UTC = ZoneInfo("UTC")


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

    zone: ZoneInfo = UTC
    tariffs: tuple[Tariff, ...] = ()
    ratings: Mapping[str, Rating] = field(default_factory=dict)

    def limits(self, meter: str, measurand: str) -> Limits:
        """What this counter can do at most."""
        rating = self.ratings.get(meter, UNKNOWN_METER)
        return counter_limits(measurand, rating.max_current_a, rating.phases)


def site_of(settings: Settings) -> Site:
    """The site that the settings describe."""
    meters = [meter for bus in settings.buses for meter in bus.meters]
    return Site(
        zone=ZoneInfo(settings.timezone),
        tariffs=settings.tariffs,
        ratings={meter.name: Rating(meter.current_limit_a, meter.model.phases) for meter in meters},
    )


# UTC, no tariff, meters of which nothing is known.
NOWHERE = Site()
