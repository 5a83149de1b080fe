"""What a meter counts: energies, demands and their maxima, as exact integrals of what the house draws."""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from math import cos, hypot, radians, sin

from smartmeter.simulator.household import DAY_S, MINUTE_S, MINUTES_PER_DAY, PhaseDay, day_of_house
from smartmeter.simulator.texture import KNOT_S, PERIOD_S

DEMAND_PERIOD_S = 3600
DEMAND_PERIOD_MINUTES = DEMAND_PERIOD_S // MINUTE_S
WATT_SECONDS_PER_KWH = 3_600_000
SECONDS_PER_HOUR = 3600

ENERGIES = (
    "active_energy_import",
    "active_energy_export",
    "reactive_energy_import",
    "reactive_energy_export",
    "apparent_energy",
)
IMPORT, EXPORT, APPARENT = 0, 1, 4


@dataclass(frozen=True, slots=True)
class PhaseSums:
    """One phase's day, summed from midnight to the start of every minute (1441 entries; the last one is the day's).

    `energies` in Ws, vars or VAs in the order of ENERGIES, `charge` in As.
    """

    energies: tuple[Sequence[float], ...]
    charge: Sequence[float]


@dataclass(frozen=True, slots=True)
class Demand:
    """The mean over the last 60 minutes, at every minute of the first two days, and its maximum since the first.

    From the second day on every day is the same.
    """

    mean: Sequence[float]
    maximum: Sequence[float]


@cache
def sums_of_house(seed: int, phases: int) -> tuple[PhaseSums, ...]:
    """The sums of every phase of the house with this seed."""
    return tuple(_phase_sums(day) for day in day_of_house(seed, phases))


@cache
def demands_of_house(seed: int, phases: int) -> dict[str, Demand]:
    """Every demand of the house with this seed, by measurand, in W, VA or A."""
    sums = sums_of_house(seed, phases)
    imported, exported, apparent = (
        [sum(minute) for minute in zip(*(phase.energies[index] for phase in sums), strict=True)]
        for index in (IMPORT, EXPORT, APPARENT)
    )
    net = [gained - given for gained, given in zip(imported, exported, strict=True)]
    neutral = accumulate(_neutral_currents(day_of_house(seed, phases)), initial=0.0)
    demands = {
        # Import minus export, as Eastron's protocol paper V1.8 of the SDM630 has it.
        "active_power_demand": _demand(net),
        "active_power_demand_import": _demand(imported),
        "active_power_demand_export": _demand(exported),
        "apparent_power_demand": _demand(apparent),
        "current_demand_n": _demand([current * MINUTE_S for current in neutral]),
    }
    return demands | {f"current_demand_l{phase}": _demand(one.charge) for phase, one in enumerate(sums, start=1)}


def energies(day: PhaseDay, sums: PhaseSums, time_s: float) -> tuple[tuple[float, ...], float]:
    """What one phase has counted from time 0 to `time_s`.

    Energies in kWh, kvarh or kVAh in the order of ENERGIES, and charge in Ah.
    """
    days, second = divmod(time_s, DAY_S)
    minute = int(second // MINUTE_S)
    charge_s, power_s = day.texture.integrals(second)
    knot = minute * MINUTE_S % PERIOD_S // KNOT_S
    charge = day.current[minute] * (charge_s - day.texture.charge_s[knot])
    apparent = day.voltage[minute] * day.current[minute] * (power_s - day.texture.power_s[knot])
    counted = (
        days * total[-1] + total[minute] + share * apparent
        for total, share in zip(sums.energies, _shares(day, minute), strict=True)
    )
    return (
        tuple(value / WATT_SECONDS_PER_KWH for value in counted),
        (days * sums.charge[-1] + sums.charge[minute] + charge) / SECONDS_PER_HOUR,
    )


def demand_minute(time_s: float) -> int:
    """Where a Demand holds what is valid at a time: demands change with the full minute."""
    minute = int(time_s // MINUTE_S)
    return minute if minute < MINUTES_PER_DAY else MINUTES_PER_DAY + minute % MINUTES_PER_DAY


def _shares(day: PhaseDay, minute: int) -> tuple[float, ...]:
    """What part of the apparent energy of a minute goes where, in the order of ENERGIES."""
    cosine, sine = day.cosine[minute], day.sine[minute]
    return max(cosine, 0.0), max(-cosine, 0.0), max(sine, 0.0), max(-sine, 0.0), 1.0


def _phase_sums(day: PhaseDay) -> PhaseSums:
    charges, apparents = array("d"), array("d")
    for minute in range(MINUTES_PER_DAY):
        start = minute * MINUTE_S % PERIOD_S // KNOT_S
        end = start + MINUTE_S // KNOT_S
        current = day.current[minute]
        charges.append(current * (day.texture.charge_s[end] - day.texture.charge_s[start]))
        apparents.append(
            day.voltage[minute] * current * (day.texture.power_s[end] - day.texture.power_s[start]),
        )
    by_energy = zip(*(_shares(day, minute) for minute in range(MINUTES_PER_DAY)), strict=True)
    return PhaseSums(
        tuple(
            _running(share * apparent for share, apparent in zip(shares, apparents, strict=True))
            for shares in by_energy
        ),
        _running(charges),
    )


def _running(parts: Iterable[float]) -> Sequence[float]:
    return array("d", accumulate(parts, initial=0.0))


def _neutral_currents(days: Sequence[PhaseDay]) -> Iterator[float]:
    """The neutral current of every minute, in A, without the movement within the minute."""
    for minute in range(MINUTES_PER_DAY):
        yield neutral_current([(day.current[minute], day.cosine[minute], day.sine[minute]) for day in days])


def neutral_current(phases: Iterable[tuple[float, float, float]]) -> float:
    """The neutral conductor's current in A, from the phases' currents and the cosines and sines of their angles."""
    real = imaginary = 0.0
    for (current, cosine, sine), (turn_cosine, turn_sine) in zip(phases, _PHASE_TURNS, strict=False):
        real += current * (turn_cosine * cosine - turn_sine * sine)
        imaginary += current * (turn_sine * cosine + turn_cosine * sine)
    return hypot(real, imaginary)


_PHASE_TURNS = tuple((cos(radians(angle)), sin(radians(angle))) for angle in (0, 120, 240))


def _demand(day_sums: Sequence[float]) -> Demand:
    two_days = [*day_sums[:-1], *(day_sums[-1] + value for value in day_sums)]
    mean = array(
        "d",
        (
            (value - two_days[max(0, minute - DEMAND_PERIOD_MINUTES)]) / DEMAND_PERIOD_S
            for minute, value in enumerate(two_days[:-1])
        ),
    )
    return Demand(mean, array("d", accumulate(mean, max)))
