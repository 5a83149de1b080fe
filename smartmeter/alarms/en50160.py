"""The ready-made set of rules after EN 50160:2010 (low voltage, nominal voltage 230 V).

The limits are the standard's, the holds are not all: the standard judges a week by means of ten minutes, an owner wants
to hear of it while it lasts. `smartmeter.reports.en50160` judges the week.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from smartmeter.alarms.rules import Rule, Side, gap_of
from smartmeter.settings.model import EN50160_NAME

_SECOND_US = 1_000_000


@dataclass(frozen=True, slots=True)
class _Limit:
    """`limit` and `hysteresis` in the unit of the measurands, `hold_us` in microseconds."""

    measurands: tuple[str, ...]
    side: Side
    limit: float
    hysteresis: float
    hold_us: int


# What is over within a minute is a dip by the standard, and nobody needs to hear of each of those.
_VOLTAGE_HOLD_US = 60 * _SECOND_US
# About what these meters err by (0.5 % of 230 V), so that a voltage which hovers at the limit is one alarm.
_VOLTAGE_HYSTERESIS_V = 1.0
# The standard's means of the frequency are those of ten seconds.
_FREQUENCY_HOLD_US = 10 * _SECOND_US
# In normal operation the frequency moves by so much (Regulation (EU) 2017/1485, annex III: +/- 50 mHz).
_FREQUENCY_HYSTERESIS_HZ = 0.05
# The standard's means are those of ten minutes, and distortion does harm by heat, which is slow.
_THD_HOLD_US = 600 * _SECOND_US
# So that distortion which hovers at the limit is one alarm.
_THD_HYSTERESIS_PERCENT = 0.5

_VOLTAGES = ("voltage_l1", "voltage_l2", "voltage_l3")
_FREQUENCY = ("frequency",)
_THD = ("voltage_thd_l1", "voltage_thd_l2", "voltage_thd_l3")
# 4.2.2.2: 230 V - 10 % and + 10 %; 4.2.1: 50 Hz - 1 % and + 1 %, where the network is connected synchronously to an
# interconnected system; 4.2.5: all harmonics up to order 40 together.
_LIMITS = (
    _Limit(_VOLTAGES, "below", 207.0, _VOLTAGE_HYSTERESIS_V, _VOLTAGE_HOLD_US),
    _Limit(_VOLTAGES, "above", 253.0, _VOLTAGE_HYSTERESIS_V, _VOLTAGE_HOLD_US),
    _Limit(_FREQUENCY, "below", 49.5, _FREQUENCY_HYSTERESIS_HZ, _FREQUENCY_HOLD_US),
    _Limit(_FREQUENCY, "above", 50.5, _FREQUENCY_HYSTERESIS_HZ, _FREQUENCY_HOLD_US),
    _Limit(_THD, "above", 8.0, _THD_HYSTERESIS_PERCENT, _THD_HOLD_US),
)


def en50160_rules(meter: str, intervals_us: Mapping[str, int]) -> tuple[Rule, ...]:
    """The rules for what this meter measures of the set.

    `intervals_us`: by the ids of all that is read of the meter, the microseconds from one reading to the next.
    """
    return tuple(
        Rule(
            name=EN50160_NAME,
            quantity="measurand",
            subject=meter,
            measurand=measurand,
            side=each.side,
            limit=each.limit,
            hysteresis=each.hysteresis,
            hold_us=each.hold_us,
            gap_us=gap_of(intervals_us[measurand]),
        )
        for each in _LIMITS
        for measurand in each.measurands
        if measurand in intervals_us
    )
