"""What the energy of a quarter-hour costs."""

import asyncio
from dataclasses import dataclass

from smartmeter.energy.tariff import PRICED, price_over
from smartmeter.periods import QUARTER_US
from smartmeter.sinks.postgresql.site import Site

# Finding the one price of a longer span may take long: not on the event loop.
_LONG_US = 86_400_000_000


@dataclass(frozen=True, slots=True)
class QuarterEnergy:
    """What a counter of a meter counted in a quarter-hour; see `smartmeter.energy.quarters.Quarter`."""

    meter: str
    measurand: str
    start_us: int
    energy: float
    gap_energy: float
    gap_from_us: int | None


async def cost_of(site: Site, quarter: QuarterEnergy) -> tuple[float | None, float]:
    """The money, None if no price is known, and the part of the energy that has no price."""
    if quarter.measurand not in PRICED:
        return None, 0.0
    parts = [(quarter.energy - quarter.gap_energy, await _price(site, quarter, quarter.start_us))]
    if quarter.gap_from_us is not None:
        parts.append((quarter.gap_energy, await _price(site, quarter, quarter.gap_from_us)))
    priced = [energy * price for energy, price in parts if price is not None]
    return sum(priced) if priced else None, sum((energy for energy, price in parts if price is None), 0.0)


async def _price(site: Site, quarter: QuarterEnergy, from_us: int) -> float | None:
    """The one price that holds from then until the end of the quarter-hour."""
    end_us = quarter.start_us + QUARTER_US
    arguments = (site.tariffs, quarter.meter, quarter.measurand, from_us, end_us, site.zone)
    if end_us - from_us > _LONG_US:
        return await asyncio.to_thread(price_over, *arguments)
    return price_over(*arguments)
