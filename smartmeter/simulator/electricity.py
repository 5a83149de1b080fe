"""Every measurand of a virtual meter as a pure function of time: what it shows now, and what it has counted."""

from functools import cache
from math import acos, atan2, copysign, degrees, pi, sin, sqrt

from smartmeter.simulator.counters import (
    ENERGIES,
    demand_minute,
    demands_of_house,
    energies,
    neutral_current,
    sums_of_house,
)
from smartmeter.simulator.household import DAY_S, MINUTE_S, PhaseDay, day_of_house

LINE_TO_LINE = ((1, 2), (2, 3), (3, 1))
# How much of its energy a meter with tariffs counts in which; nobody switches this one beyond the second.
TARIFF_SHARES = {1: 0.75, 2: 0.25, 3: 0.0, 4: 0.0}


def electrical_values(seed: int, phases: int, time_s: float) -> dict[str, float]:
    """All values of the meter of the house with this seed, `time_s` (>= 0) seconds after it was installed.

    Powers are positive when the house draws. The total apparent power is the arithmetic one, the sum of the phases'.
    """
    values = {"frequency": _frequency(seed, time_s)}
    days = day_of_house(seed, phases)
    vectors = [_add_phase(values, day, phase, time_s) for phase, day in enumerate(days, start=1)]
    values["current_n"] = neutral_current(vectors)
    _add_totals(values, phases)
    _add_line_to_line(values, phases)
    _add_counters(values, seed, phases, time_s)
    _add_demands(values, seed, phases, time_s)
    return values


def _frequency(seed: int, time_s: float) -> float:
    return 50 + 0.012 * sin(2 * pi * time_s / 97) + 0.018 * sin(2 * pi * time_s / 613 + seed)


def _add_phase(values: dict[str, float], day: PhaseDay, phase: int, time_s: float) -> tuple[float, float, float]:
    """Adds what a phase shows; gives its current in A and the cosine and sine of its angle."""
    second = time_s % DAY_S
    minute = int(second // MINUTE_S)
    voltage_factor, current_factor = day.texture.factors(second)
    voltage, current = day.voltage[minute] * voltage_factor, day.current[minute] * current_factor
    cosine, sine = day.cosine[minute], day.sine[minute]
    apparent = voltage * current
    values[f"voltage_l{phase}"] = voltage
    values[f"current_l{phase}"] = current
    values[f"active_power_l{phase}"] = apparent * cosine
    values[f"reactive_power_l{phase}"] = apparent * sine
    values[f"apparent_power_l{phase}"] = apparent
    values[f"power_factor_l{phase}"] = cosine
    values[f"phase_angle_l{phase}"] = degrees(atan2(sine, cosine))
    values[f"voltage_thd_l{phase}"] = 1.9 + 0.4 * sin(2 * pi * time_s / 5400 + phase)
    # Small loads are the electronic ones.
    values[f"current_thd_l{phase}"] = 4 + 24 / (1 + current)
    return current, cosine, sine


def _add_totals(values: dict[str, float], phases: int) -> None:
    def total(name: str) -> float:
        return sum(values[f"{name}_l{phase}"] for phase in range(1, phases + 1))

    values["voltage_ln_avg"] = total("voltage") / phases
    values["current_sum"] = total("current")
    values["current_avg"] = values["current_sum"] / phases
    values["voltage_thd_ln_avg"] = total("voltage_thd") / phases
    values["current_thd_avg"] = total("current_thd") / phases
    active = values["active_power_total"] = total("active_power")
    values["active_power_import"], values["active_power_export"] = max(active, 0.0), max(-active, 0.0)
    reactive = values["reactive_power_total"] = total("reactive_power")
    apparent = values["apparent_power_total"] = total("apparent_power")
    factor = active / apparent
    values["power_factor_total"] = factor
    values["power_factor_total_negated"] = -factor
    # Rounding may carry a pure load beyond 1.
    values["phase_angle_total"] = copysign(degrees(acos(max(-1.0, min(1.0, factor)))), reactive)


def _add_line_to_line(values: dict[str, float], phases: int) -> None:
    pairs = [pair for pair in LINE_TO_LINE if max(pair) <= phases]
    for one, other in pairs:
        first, second = values[f"voltage_l{one}"], values[f"voltage_l{other}"]
        # Phases stand 120 degrees apart.
        values[f"voltage_l{one}_l{other}"] = sqrt(first * first + second * second + first * second)
        distortion = (values[f"voltage_thd_l{one}"] + values[f"voltage_thd_l{other}"]) / 2
        values[f"voltage_thd_l{one}_l{other}"] = 0.9 * distortion
    if pairs:
        for name in ("voltage", "voltage_thd"):
            together = sum(values[f"{name}_l{one}_l{other}"] for one, other in pairs)
            values[f"{name}_ll_avg"] = together / len(pairs)


@cache
def _counter_names(phase: int) -> tuple[str, ...]:
    return tuple(f"{name}_l{phase}" for name in ENERGIES)


def _add_counters(values: dict[str, float], seed: int, phases: int, time_s: float) -> None:
    totals = [0.0] * len(ENERGIES)
    charge = 0.0
    days, sums = day_of_house(seed, phases), sums_of_house(seed, phases)
    for phase in range(1, phases + 1):
        counted, phase_charge = energies(days[phase - 1], sums[phase - 1], time_s)
        values.update(zip(_counter_names(phase), counted, strict=True))
        totals = [total + value for total, value in zip(totals, counted, strict=True)]
        charge += phase_charge
    values.update(zip(ENERGIES, totals, strict=True))
    values["charge"] = charge
    for name in ("active_energy", "reactive_energy"):
        for suffix in ("", *(f"_l{phase}" for phase in range(1, phases + 1))):
            values[f"{name}_total{suffix}"] = values[f"{name}_import{suffix}"] + values[f"{name}_export{suffix}"]
        values[f"{name}_resettable_total"] = values[f"{name}_total"]
    values["active_energy_net"] = values["active_energy_import"] - values["active_energy_export"]
    for way in ("import", "export"):
        values[f"active_energy_resettable_{way}"] = values[f"active_energy_{way}"]
    for way in ("import", "export", "total"):
        for tariff, share in TARIFF_SHARES.items():
            values[f"active_energy_{way}_t{tariff}"] = share * values[f"active_energy_{way}"]


def _add_demands(values: dict[str, float], seed: int, phases: int, time_s: float) -> None:
    minute = demand_minute(time_s)
    for name, demand in demands_of_house(seed, phases).items():
        values[name] = demand.mean[minute]
        values[f"{name}_max"] = demand.maximum[minute]
