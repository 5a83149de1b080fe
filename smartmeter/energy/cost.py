"""What the energy of a quarter-hour costs, and how much of it has no price."""

from dataclasses import dataclass

from smartmeter.energy.site import Site
from smartmeter.energy.tariff import PRICED, price_over
from smartmeter.periods import QUARTER_US


@dataclass(frozen=True, slots=True)
class Booked:
    """What a counter of a meter counted in a quarter-hour; see `smartmeter.energy.quarters.Quarter`."""

    meter: str
    measurand: str
    start_us: int
    energy: float
    gap_energy: float
    gap_from_us: int | None


def cost_of(site: Site, booked: Booked) -> tuple[float | None, float]:
    """The money, None if no price is known for any of it, and the part of the energy that has no price.

    What came over a gap has a price only if one price held during all of it.
    """
    if booked.measurand not in PRICED:
        return None, 0.0
    parts = [(booked.energy - booked.gap_energy, _price(site, booked, booked.start_us))]
    if booked.gap_from_us is not None:
        parts.append((booked.gap_energy, _price(site, booked, booked.gap_from_us)))
    priced = [energy * price for energy, price in parts if price is not None]
    return sum(priced) if priced else None, sum((energy for energy, price in parts if price is None), 0.0)


def _price(site: Site, booked: Booked, from_us: int) -> float | None:
    """The one price that holds from then until the end of the quarter-hour."""
    end_us = booked.start_us + QUARTER_US
    return price_over(site.tariffs, booked.meter, booked.measurand, from_us, end_us, site.zone)
