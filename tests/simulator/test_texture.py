from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartmeter.simulator.texture import CURRENT_SPREAD, PERIOD_S, VOLTAGE_SPREAD, random_texture

TEXTURE = random_texture(Random(1))


@given(st.floats(0, 10 * PERIOD_S))
def test_factors_are_near_1_and_repeat(time_s):
    voltage, current = TEXTURE.factors(time_s)
    assert abs(voltage - 1) <= VOLTAGE_SPREAD
    assert abs(current - 1) <= CURRENT_SPREAD
    assert TEXTURE.factors(time_s + PERIOD_S) == pytest.approx((voltage, current), abs=1e-9)


@given(st.floats(0, PERIOD_S - 2), st.floats(0.01, 1))
def test_integrals_grow_by_the_factors(time_s, step_s):
    before, after = TEXTURE.integrals(time_s), TEXTURE.integrals(time_s + step_s)
    middles = [TEXTURE.factors(time_s + step_s * (part + 0.5) / 50) for part in range(50)]
    assert after[0] - before[0] == pytest.approx(step_s * sum(current for _, current in middles) / 50, rel=1e-5)
    assert after[1] - before[1] == pytest.approx(step_s * sum(volts * amps for volts, amps in middles) / 50, rel=1e-5)
