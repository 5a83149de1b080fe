"""What each counter of the vocabulary can do at most."""

from smartmeter.energy.guard import Limits
from smartmeter.measurands import measurands

# EN 50160, 4.2.2: in normal operation a supply of 230 V stays below 230 V + 10 %; a fifth more is beyond every meter's.
HIGHEST_VOLTAGE_V = 276.0
# By the notes of the meter models these are import minus export on some meters, and then run both ways.
_RUN_BOTH_WAYS = {
    id_ for id_ in measurands() if id_.startswith(("active_energy_total", "reactive_energy_total", "active_energy_net"))
} | {"reactive_energy_resettable_total", "active_energy_resettable_total"}

COUNTERS = tuple(measurand.id for measurand in measurands().values() if measurand.kind == "counter")


def counter_limits(measurand_id: str, max_current_a: float, phases: int) -> Limits:
    """What the counter can do when its meter carries at most `max_current_a` amperes in each of its phases.

    One of a single phase is given the room of all: a limit that is too wide only makes the guard milder.
    """
    current_a = max_current_a * phases
    is_charge = measurands()[measurand_id].unit == "Ah"
    per_hour = current_a if is_charge else current_a * HIGHEST_VOLTAGE_V / 1000
    return Limits(per_hour, may_fall=measurand_id in _RUN_BOTH_WAYS)
