"""What dashboards need to know of a site: its meters and what each measures."""

from collections.abc import Iterable
from dataclasses import dataclass

from smartmeter.measurands import Language
from smartmeter.settings.model import MeterSettings, Settings

DAY_US = 86_400_000_000
QUARTERS_PER_DAY = 96
# A value is "now" if it is no older than this, or than three of its intervals.
NOW_S = 300
# Where there is no tariff, and so no cost that it could be the unit of.
CURRENCY = "EUR"


@dataclass(frozen=True, slots=True)
class MeterFacts:
    """A meter: what it measures, and how many readings of it are due in a quarter-hour, on average over a day."""

    name: str
    measurands: frozenset[str]
    readings_per_quarter: float


@dataclass(frozen=True, slots=True)
class Facts:
    """A site: the language of titles, the zone in which its days begin, and the currency of its costs.

    `fastest_s`: the shortest interval of any measurand; `now_s`: how old a power may be to be shown as the present one.
    """

    language: Language
    zone: str
    currency: str
    meters: tuple[MeterFacts, ...]
    fastest_s: float
    now_s: int

    @property
    def least_step(self) -> str:
        """The shortest step of a curve that is worth asking for, at least a second, as Grafana writes it."""
        return f"{max(1, round(self.fastest_s))}s"

    def text(self, english: str, german: str) -> str:
        """The one in the site's language."""
        return english if self.language == "en" else german

    def has(self, *ids: str) -> bool:
        """Whether some meter measures all of these."""
        return any(meter.measurands.issuperset(ids) for meter in self.meters)

    def phases(self, stem: str) -> list[tuple[str, str]]:
        """The name and the measurand of each phase for which there is one, such as ("L1", "voltage_l1")."""
        return [(f"L{number}", id_) for number in (1, 2, 3) if self.has(id_ := f"{stem}_l{number}")]


def facts_of(settings: Settings, language: Language) -> Facts:
    """The site that the settings describe."""
    meters = [meter for bus in settings.buses for meter in bus.meters]
    intervals_us = [interval_us for meter in meters for interval_us in meter.intervals_us.values()]
    power_us = [
        interval_us
        for meter in meters
        for id_, interval_us in meter.intervals_us.items()
        if id_.startswith("active_power_") and "demand" not in id_
    ]
    return Facts(
        language=language,
        zone=settings.timezone,
        currency=next((tariff.currency for tariff in settings.tariffs), CURRENCY),
        meters=tuple(_meter_facts(meter) for meter in meters),
        fastest_s=min(intervals_us, default=10_000_000) / 1_000_000,
        now_s=max(NOW_S, 3 * max(power_us, default=0) // 1_000_000),
    )


def _meter_facts(meter: MeterSettings) -> MeterFacts:
    due = _readings_per_day(meter.intervals_us.values())
    return MeterFacts(meter.name, frozenset(meter.intervals_us), due / QUARTERS_PER_DAY)


def _readings_per_day(intervals_us: Iterable[int]) -> float:
    """How many moments there are at which something is due: the multiples of all intervals, each once."""
    different = {interval_us for interval_us in intervals_us if interval_us > 0}
    # A multiple of another interval brings no moments of its own.
    own = [each for each in different if not any(each % other == 0 for other in different if other < each)]
    if len(own) == 1:
        return DAY_US / own[0]
    return len({moment for interval_us in own for moment in range(0, DAY_US, interval_us)})
