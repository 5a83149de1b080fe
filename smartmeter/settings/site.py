"""What energy and its cost depend on, from the settings."""

from zoneinfo import ZoneInfo

from smartmeter.energy.site import Rating, Site
from smartmeter.settings.model import Settings


def site_of(settings: Settings) -> Site:
    """The site that the settings describe."""
    meters = [meter for bus in settings.buses for meter in bus.meters]
    return Site(
        zone=ZoneInfo(settings.timezone),
        tariffs=settings.tariffs,
        ratings={meter.name: Rating(meter.current_limit_a, meter.model.phases) for meter in meters},
    )
