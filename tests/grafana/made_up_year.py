"""A made-up year of two meters, and what is true of it by plain arithmetic over what was read.

From 1 February 2025 to 10 February 2026 in Berlin: a reading every six hours, on some days every quarter-hour, on one
day every minute and in four hours of it every 10 seconds. Both changes of the clock, gaps within a day and over the end
of a month, a reset, a spike and a false zero.
"""

from bisect import bisect_left
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from smartmeter.journal import Health
from smartmeter.models import load_model
from smartmeter.reading import Reading
from tests.grafana.dashboards import MEASURANDS

BERLIN = ZoneInfo("Europe/Berlin")
HOUSE, PUMP = "house", "heat pump"
IMPORT, EXPORT = "active_energy_import", "active_energy_export"
QUARTER_US = 900_000_000
SECOND_US = 1_000_000


def at(year, month, day, hour=0, minute=0, second=0):
    """UTC microseconds of a local time."""
    return round(datetime(year, month, day, hour, minute, second, tzinfo=BERLIN).timestamp()) * SECOND_US


START_US, END_US = at(2025, 2, 1), at(2026, 2, 10)
FINE_DAY = at(2026, 2, 4), at(2026, 2, 5)
FINE_HOURS = at(2026, 2, 4, 12), at(2026, 2, 4, 16)
# Days with a reading every quarter-hour.
QUARTERLY = (
    (at(2025, 3, 29), at(2025, 3, 31, 6)),
    (at(2025, 5, 5), at(2025, 5, 6)),
    (at(2025, 6, 9), at(2025, 6, 11)),
    (at(2025, 7, 30), at(2025, 8, 4)),
    (at(2025, 9, 15), at(2025, 9, 16)),
    (at(2025, 10, 25), at(2025, 10, 27)),
    (at(2026, 2, 1), END_US + 1),
)
# No reading from the first until before the second.
GAPS = ((at(2025, 6, 10, 5, 15), at(2025, 6, 10, 8)), (at(2025, 7, 31, 20, 15), at(2025, 8, 2, 9)))
RESET_US = at(2025, 9, 15, 12, 7)
SPIKE_US = at(2025, 5, 5, 10)
FALSE_ZERO_US = at(2026, 2, 4, 13, 0, 20)
PUMP_FROM_US = at(2026, 2, 8)


def times():
    """When the house was read."""
    found = set(range(START_US + 24 * QUARTER_US, END_US + 1, 24 * QUARTER_US))
    for first, last in QUARTERLY:
        found |= set(range(first, last, QUARTER_US))
    found |= set(range(*FINE_DAY, 60 * SECOND_US)) | set(range(*FINE_HOURS, 10 * SECOND_US))
    return sorted(each for each in found if not any(first <= each < last for first, last in GAPS))


def power(time_us):
    """The mean power of the quarter-hour, in W; below zero it is delivered."""
    quarter = time_us // QUARTER_US
    return (quarter * 7919 % 5000) - 1200


@cache
def _sums(sign):
    """The energy from the start of the year until each quarter-hour, in kWh."""
    sums = [0.0]
    for start_us in range(START_US, END_US + QUARTER_US, QUARTER_US):
        sums.append(sums[-1] + max(0, sign * power(start_us)) / 4000)
    return sums


def true_energy(measurand, time_us):
    """What the house has counted since the start of the year."""
    sign = 1 if measurand == IMPORT else -1
    quarters, rest_us = divmod(time_us - START_US, QUARTER_US)
    return _sums(sign)[quarters] + max(0, sign * power(time_us)) / 4000 * rest_us / QUARTER_US


def shown(measurand, time_us):
    """What the counter shows."""
    if time_us == SPIKE_US:
        return 100_000.0
    if time_us == FALSE_ZERO_US:
        return 0.0
    since_us = RESET_US if time_us >= RESET_US else START_US
    before = 1234.5 if since_us == START_US else 0.0
    return before + true_energy(measurand, time_us) - true_energy(measurand, since_us)


def value(measurand, time_us):
    """What fluctuates: different for every measurand and time, always the same."""
    if measurand in (IMPORT, EXPORT):
        return shown(measurand, time_us)
    number = time_us // (10 * SECOND_US)
    salt = sum(map(ord, measurand))
    spread = (number * 2654435761 + salt * 40503) % 10_007 / 10_007
    if measurand.startswith("active_power"):
        return round(power(time_us) * (0.5 + spread), 1)
    low, high = {"volt": (200.0, 260.0), "freq": (49.3, 50.7), "powe": (-1.0, 1.0)}.get(measurand[:4], (0.0, 12.0))
    if "thd" in measurand:
        low, high = 0.0, 12.0
    elif measurand in ("voltage_l1_l2", "voltage_l2_l3", "voltage_l3_l1"):
        low, high = 385.0, 410.0
    return round(low + (high - low) * spread, 3)


@cache
def readings():
    """All readings of both meters, in order of time."""
    house = [Reading(HOUSE, each, "boot", each, {id_: value(id_, each) for id_ in MEASURANDS}) for each in times()]
    ids = [id_ for id_ in MEASURANDS if id_ in load_model("SDM230").registers]
    pump = [
        Reading(
            PUMP,
            each,
            "boot",
            each,
            {id_: abs(value(id_, each)) if id_ not in (IMPORT, EXPORT) else 5.0 for id_ in ids},
        )
        for each in range(PUMP_FROM_US, END_US, QUARTER_US)
    ]
    return sorted(house + pump, key=lambda reading: reading.time_us)


def of_house(from_us=START_US, until_us=END_US + 1):
    """The readings of the house in the span, its end not included."""
    return [each for each in readings() if each.meter == HOUSE and from_us <= each.time_us < until_us]


@dataclass(frozen=True)
class Step:
    """What was counted from one believable reading to the next."""

    from_us: int
    until_us: int
    energy: float


@cache
def steps(measurand):
    """All steps of the house: without the false values, and without what the reset hides."""
    believable = [each for each in times() if each not in (SPIKE_US, FALSE_ZERO_US)]
    return [
        Step(before, after, true_energy(measurand, after) - true_energy(measurand, before))
        for before, after in pairwise(believable)
        if not before < RESET_US <= after
    ]


@dataclass(frozen=True)
class Energy:
    """What is true of a span: in kWh, and in money."""

    energy: float
    gap: float
    cost: float


def energy(measurand, from_us, until_us):
    """The truth about a span of quarter-hours; a step lies where it ends, and the very start is not in it."""
    own = steps(measurand)
    first = bisect_left(own, from_us + 1, key=lambda step: step.until_us)
    last = bisect_left(own, until_us + 1, key=lambda step: step.until_us)
    ending = own[first:last]
    return Energy(
        energy=sum(step.energy for step in ending),
        gap=sum(step.energy for step in ending if step.from_us < from_us and is_gap(step)),
        cost=sum(_cost(measurand, step) for step in ending),
    )


def is_gap(step):
    return step.until_us - step.from_us > QUARTER_US


def quarter_of(time_us):
    """The quarter-hour that a counter's reading belongs to: one at its end still does."""
    return time_us - 1 - (time_us - 1) % QUARTER_US


def _cost(measurand, step):
    """At the price of its quarter-hour; over a gap only if one price held all the time."""
    start_us = quarter_of(step.until_us)
    first_us = min(step.from_us, start_us) if is_gap(step) else start_us
    first_us -= first_us % QUARTER_US
    prices = {price(measurand, each) for each in range(first_us, start_us + 1, QUARTER_US)}
    return step.energy * prices.pop() if len(prices) == 1 else 0.0


def price(measurand, time_us):
    if measurand == EXPORT:
        return -0.08
    return 0.20 if local(time_us).hour < 6 else 0.30


def local(time_us):
    return datetime.fromtimestamp(time_us / SECOND_US, BERLIN)


def days(from_us=START_US, until_us=END_US):
    """Start and end of every local day that begins in the span."""
    day = local(from_us).replace(hour=0, minute=0, second=0, microsecond=0)
    while (start_us := round(day.timestamp()) * SECOND_US) < until_us:
        # Arithmetic on the wall clock: the next midnight, however long the day is.
        day = (day + timedelta(days=1)).replace(hour=0)
        if start_us >= from_us:
            yield start_us, round(day.timestamp()) * SECOND_US


# How the measuring fared in the days at the end, by quarter-hour.
HEALTH_FROM_US = at(2026, 2, 3)


def health():
    """A bus that is busy a quarter of the time, with a failure in every third quarter-hour; a sink that waits."""
    for number, start_us in enumerate(range(HEALTH_FROM_US, END_US, QUARTER_US)):
        yield Health("bus", "cellar", "load", start_us, 0.25)
        yield Health("bus", "cellar", "requests", start_us, 90)
        yield Health("bus", "cellar", "failures", start_us, number % 3 == 2)
        yield Health("bus", "cellar", "skipped", start_us, 0)
        yield Health("sink", "postgresql", "backlog", start_us, number)
