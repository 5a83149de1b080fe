import pytest

from smartmeter.energy.counters import COUNTERS, counter_limits
from smartmeter.measurands import measurands


def test_every_counter_has_limits():
    for id_ in COUNTERS:
        assert counter_limits(id_, 100, 3).per_hour > 0


def test_a_direct_three_phase_meter_counts_no_more_than_its_current_allows():
    assert counter_limits("active_energy_import", 100, 3).per_hour == pytest.approx(82.8)
    assert counter_limits("charge", 100, 3).per_hour == 300


def test_only_totals_and_differences_may_fall():
    assert {id_ for id_ in COUNTERS if counter_limits(id_, 100, 3).may_fall} == {
        id_ for id_ in COUNTERS if "_total" in id_ or "_net" in id_
    }
    assert not counter_limits("active_energy_import", 100, 3).may_fall
    assert measurands()["active_energy_total"].note
