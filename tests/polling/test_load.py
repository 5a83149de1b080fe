import pytest

from smartmeter.modbus.line import SerialFormat
from smartmeter.models import load_model
from smartmeter.polling.load import meter_load
from smartmeter.settings.model import MeterSettings

LINE = SerialFormat(19200, 8, "E", 1)
MODEL = load_model("SDM530")
SECOND_US = 1_000_000


def load_of(intervals_us):
    return meter_load(MeterSettings("house", MODEL, 1, intervals_us), intervals_us, LINE)


def test_everything_every_second_keeps_the_line_busy_for_a_third():
    load = load_of(dict.fromkeys(MODEL.registers, SECOND_US))
    assert load.busy == pytest.approx(0.34125)
    [planned] = load.rounds
    assert planned.line_s == load.longest_round_s == pytest.approx(0.34125)
    assert planned.share == 1
    assert load.shortest_interval_s == 1


def test_two_intervals_make_two_kinds_of_rounds():
    load = load_of({"voltage_l1": SECOND_US, "voltage_thd_ll_avg": 5 * SECOND_US})
    often, seldom = load.rounds
    assert often.intervals_s == (1,)
    assert often.share == pytest.approx(0.8)
    assert seldom.intervals_s == (1, 5)
    assert seldom.share == pytest.approx(0.2)
    assert load.busy == pytest.approx((often.line_s * 4 + seldom.line_s) / 5)
    # One of the two is longer by a value, so that their answers differ.
    assert seldom.line_s == pytest.approx(LINE.exchange_s(2, 0.02) + LINE.exchange_s(4, 0.02))


def test_intervals_without_a_common_divisor_are_counted_right():
    load = load_of({"voltage_l1": 4 * SECOND_US, "voltage_l2": 6 * SECOND_US})
    shares = {planned.intervals_s: planned.share for planned in load.rounds}
    assert shares[(4,)] == pytest.approx(2 / 4, abs=0.001)
    assert shares[(6,)] == pytest.approx(1 / 4, abs=0.001)
    assert shares[(4, 6)] == pytest.approx(1 / 4, abs=0.001)


def test_what_is_practically_never_due_costs_practically_nothing():
    with_rare = load_of({"voltage_l1": SECOND_US, "voltage_thd_ll_avg": 999_999 * SECOND_US})
    without = load_of({"voltage_l1": SECOND_US})
    assert with_rare.busy == pytest.approx(without.busy, rel=0.01)
