"""The demand period that SIGUSR1 writes to a meter."""

from smartmeter.models import Model
from smartmeter.models.parameter import DEMAND_PERIOD
from smartmeter.settings.durations import UNITS_US, format_duration
from smartmeter.settings.mistakes import Mistakes, Place


def demand_period_min(period_us: int | None, model: Model | None, mistakes: Mistakes, place: Place) -> int | None:
    """The period in minutes; None if there is none, or if the model does not know it, which is a mistake at `place`."""
    if period_us is None or model is None:
        return None
    parameter = model.setup.parameters.get(DEMAND_PERIOD)
    if parameter is None:
        mistakes.add(place, f"a demand period cannot be set at the {model.name}; take it out")
        return None
    minutes, rest = divmod(period_us, UNITS_US["m"])
    known = [int(value) for value in parameter.values.values()] or range(parameter.least, parameter.most + 1)
    if rest or minutes not in known:
        allowed = parameter.allowed
        given = format_duration(period_us)
        mistakes.add(place, f"must be one of the minutes that the {model.name} knows, {allowed}; it is {given}")
        return None
    return minutes
