"""Counters as they are read: what they truly counted, and what was read of it."""

from hypothesis import strategies as st

from smartmeter.energy.guard import Limits, Point

START_US = 1_790_000_100_000_000
SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
# 100 A at 276 V in three phases.
LIMITS = Limits(per_hour=82.8)


def points(*values, start_us=START_US, interval_us=MINUTE_US):
    """A reading a minute; None is one that is missing."""
    return [Point(start_us + number * interval_us, value) for number, value in enumerate(values) if value is not None]


@st.composite
def true_counters(draw, most_readings=60):
    """Readings of a counter at uneven times, growing as its meter can, in hundredths."""
    value = draw(st.integers(0, 10_000_000)) / 100
    time_us = START_US
    readings = []
    for seconds, share in draw(
        st.lists(st.tuples(st.integers(1, 4 * 3600), st.floats(0, 1)), min_size=1, max_size=most_readings)
    ):
        readings.append(Point(time_us, value))
        time_us += seconds * SECOND_US
        value = round(value + share * LIMITS.per_hour * seconds / 3600, 2)
    return readings
