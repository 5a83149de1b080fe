import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smartmeter.measurands import measurands
from smartmeter.models import load_model, model_names
from smartmeter.simulator.counters import DEMAND_PERIOD_S, ENERGIES
from smartmeter.simulator.electricity import electrical_values

YEAR_S = 365 * 86400
TIMES = st.floats(0, 10 * YEAR_S)
SEEDS = st.sampled_from((1, 2, 3))
PHASES = st.sampled_from((1, 3))
EXACT = 1e-9


def about(value):
    return pytest.approx(value, rel=EXACT, abs=EXACT)


@given(SEEDS, PHASES, TIMES)
def test_every_phase_is_consistent(seed, phases, time_s):
    values = electrical_values(seed, phases, time_s)
    for phase in range(1, phases + 1):
        voltage, current, active, reactive, apparent, factor, angle = (
            values[f"{name}_l{phase}"]
            for name in (
                "voltage",
                "current",
                "active_power",
                "reactive_power",
                "apparent_power",
                "power_factor",
                "phase_angle",
            )
        )
        assert apparent == about(voltage * current)
        assert active**2 + reactive**2 == about(apparent**2)
        assert factor == about(active / apparent)
        assert active == about(apparent * math.cos(math.radians(angle)))
        assert reactive == about(apparent * math.sin(math.radians(angle)))


@given(SEEDS, PHASES, TIMES)
def test_totals_and_means_are_those_of_the_phases(seed, phases, time_s):
    values = electrical_values(seed, phases, time_s)

    def total(name):
        return sum(values[f"{name}_l{phase}"] for phase in range(1, phases + 1))

    for name in ("active_power", "reactive_power", "apparent_power"):
        assert values[f"{name}_total"] == about(total(name))
    assert values["current_sum"] == about(total("current"))
    assert values["current_avg"] == about(total("current") / phases)
    assert values["voltage_ln_avg"] == about(total("voltage") / phases)
    assert values["voltage_thd_ln_avg"] == about(total("voltage_thd") / phases)
    assert values["current_thd_avg"] == about(total("current_thd") / phases)
    factor = values["power_factor_total"]
    assert factor == about(values["active_power_total"] / values["apparent_power_total"])
    assert values["power_factor_total_negated"] == -factor
    assert math.cos(math.radians(values["phase_angle_total"])) == about(factor)
    assert values["phase_angle_total"] * values["reactive_power_total"] >= 0
    for name in ENERGIES[:4]:
        assert values[name] == about(total(name))
    assert values["active_power_import"] - values["active_power_export"] == values["active_power_total"]
    assert values["active_energy_net"] == about(values["active_energy_import"] - values["active_energy_export"])
    for way in ("import", "export", "total"):
        tariffs = [values[f"active_energy_{way}_t{tariff}"] for tariff in (1, 2, 3, 4)]
        assert sum(tariffs) == about(values[f"active_energy_{way}"])
    for name in ("active_energy", "reactive_energy"):
        assert values[f"{name}_total"] == about(values[f"{name}_import"] + values[f"{name}_export"])
        assert values[f"{name}_total"] == about(total(f"{name}_total"))


@given(SEEDS, TIMES)
def test_three_phases_stand_120_degrees_apart(seed, time_s):
    values = electrical_values(seed, 3, time_s)
    turns = [math.radians(-120 * phase) for phase in range(3)]
    voltages = [
        complex(values[f"voltage_l{phase}"] * math.cos(turn), values[f"voltage_l{phase}"] * math.sin(turn))
        for phase, turn in enumerate(turns, start=1)
    ]
    for one, other in ((1, 2), (2, 3), (3, 1)):
        assert values[f"voltage_l{one}_l{other}"] == about(abs(voltages[one - 1] - voltages[other - 1]))
    assert values["voltage_ll_avg"] == about(
        (values["voltage_l1_l2"] + values["voltage_l2_l3"] + values["voltage_l3_l1"]) / 3
    )
    currents = [
        values[f"current_l{phase}"] * complex(math.cos(turn - lag), math.sin(turn - lag))
        for phase, turn in enumerate(turns, start=1)
        for lag in [math.radians(values[f"phase_angle_l{phase}"])]
    ]
    assert values["current_n"] == about(abs(sum(currents)))


@given(SEEDS, PHASES, TIMES)
def test_values_are_plausible(seed, phases, time_s):
    values = electrical_values(seed, phases, time_s)
    assert all(math.isfinite(value) for value in values.values())
    for phase in range(1, phases + 1):
        assert 215 < values[f"voltage_l{phase}"] < 245
        assert 0 < values[f"current_l{phase}"] < 60
        assert 0 < values[f"voltage_thd_l{phase}"] < 8
        assert 0 < values[f"current_thd_l{phase}"] < 50
    assert 49.9 < values["frequency"] < 50.1


@given(SEEDS, PHASES, TIMES, TIMES)
def test_what_counts_never_falls(seed, phases, one_s, other_s):
    earlier, later = (electrical_values(seed, phases, time_s) for time_s in sorted((one_s, other_s)))
    for name in earlier.keys() - {"active_energy_net"}:
        if measurands()[name].kind in ("counter", "maximum") if name in measurands() else "energy" in name:
            assert earlier[name] <= later[name] * (1 + 1e-12)


@given(SEEDS, st.integers(0, 2 * YEAR_S), st.integers(1, 100))
@settings(max_examples=15)
def test_counters_are_the_integral_of_the_powers(seed, start_s, duration_s):
    before, after = electrical_values(seed, 3, start_s), electrical_values(seed, 3, start_s + duration_s)
    # Within half a second, powers and currents run along one parabola: the middle is the mean, nearly.
    middles = [electrical_values(seed, 3, start_s + 0.25 + 0.5 * part) for part in range(2 * duration_s)]

    def grown(name):
        return after[name] - before[name]

    def mean(name):
        return sum(values[name] for values in middles) / len(middles)

    hours = duration_s / 3600
    for phase in (1, 2, 3):
        active = grown(f"active_energy_import_l{phase}") - grown(f"active_energy_export_l{phase}")
        assert active * 1000 / hours == pytest.approx(mean(f"active_power_l{phase}"), rel=1e-4, abs=0.01)
        reactive = grown(f"reactive_energy_import_l{phase}") - grown(f"reactive_energy_export_l{phase}")
        assert reactive * 1000 / hours == pytest.approx(mean(f"reactive_power_l{phase}"), rel=1e-4, abs=0.01)
    assert grown("apparent_energy") * 1000 / hours == pytest.approx(mean("apparent_power_total"), rel=1e-4)
    assert grown("charge") / hours == pytest.approx(mean("current_sum"), rel=1e-4)


@given(SEEDS, st.integers(120, 50_000))
def test_demands_are_means_over_the_last_hour(seed, minute):
    now_s = minute * 60.0
    now, then = electrical_values(seed, 3, now_s), electrical_values(seed, 3, now_s - DEMAND_PERIOD_S)
    for direction in ("import", "export"):
        grown = now[f"active_energy_{direction}"] - then[f"active_energy_{direction}"]
        assert now[f"active_power_demand_{direction}"] == pytest.approx(grown * 1000, abs=1e-4)
    assert now["active_power_demand"] == about(now["active_power_demand_import"] - now["active_power_demand_export"])
    assert now["apparent_power_demand"] == pytest.approx(
        (now["apparent_energy"] - then["apparent_energy"]) * 1000, abs=1e-4
    )
    demands = sum(now[f"current_demand_l{phase}"] for phase in (1, 2, 3))
    assert demands == pytest.approx(now["charge"] - then["charge"], abs=1e-6)


@given(SEEDS, PHASES, TIMES)
def test_no_demand_is_above_its_maximum(seed, phases, time_s):
    values = electrical_values(seed, phases, time_s)
    maxima = [name for name in values if name.endswith("_max")]
    assert maxima
    for name in maxima:
        assert values[name] >= values[name.removesuffix("_max")]


def test_the_house_draws_more_in_the_evening_than_by_night_and_feeds_in_at_noon():
    def energy(name, from_h, to_h):
        return electrical_values(1, 3, to_h * 3600)[name] - electrical_values(1, 3, from_h * 3600)[name]

    assert energy("active_energy_import", 18, 22) > 2 * energy("active_energy_import", 1, 5)
    assert energy("active_energy_export", 10, 14) > 1
    assert energy("active_energy_export", 22, 24) == 0


def test_another_seed_is_another_house():
    assert electrical_values(1, 3, 1000.0) != electrical_values(2, 3, 1000.0)


@pytest.mark.parametrize("name", model_names())
def test_every_measurand_of_every_model_has_a_value(name):
    model = load_model(name)
    assert model.registers.keys() <= electrical_values(1, model.phases, 0.0).keys()
