"""Asks panels, and groups the made-up readings as panels do."""

from collections import defaultdict
from statistics import fmean

from tests.grafana import made_up_year as truth
from tests.grafana.macros import Asked
from tests.grafana.made_up_year import (
    END_US,
    EXPORT,
    HOUSE,
    IMPORT,
    QUARTER_US,
    START_US,
    at,
    of_house,
)

HOUR_US = 4 * QUARTER_US
IN = {"Import": IMPORT, "Export": EXPORT}
SIGN = {IMPORT: 1, EXPORT: -1}
CLOSE = {"rel": 1e-9, "abs": 1e-6}
CLOCK_CHANGES = (at(2025, 3, 30), at(2025, 10, 26))
WEEK = (at(2026, 2, 2), at(2026, 2, 9))


def ask(asking, dashboard, title, from_us, until_us, **more):
    return asking(asking.target(dashboard, title), Asked(from_us, until_us, {"meter": HOUSE, "period": "1d"} | more))


def spans(period, from_us, until_us):
    if period == "1d":
        return list(truth.days(from_us, until_us))
    step = {"15m": QUARTER_US, "1h": HOUR_US}[period]
    return [(start, start + step) for start in range(from_us, until_us, step)]


def grouped(measurand, width_us, from_us, until_us):
    groups = defaultdict(list)
    for reading in of_house(from_us, until_us):
        groups[reading.time_us - reading.time_us % width_us].append(reading.values[measurand])
    return groups


def hours_of(measurand):
    """The mean, the least and the greatest value of every hour: the mean is that of its quarter-hours."""
    hours = defaultdict(list)
    for start, values in grouped(measurand, QUARTER_US, START_US, END_US).items():
        hours[start - start % HOUR_US].append((fmean(values), min(values), max(values)))
    return {
        start: (fmean(each[0] for each in found), min(each[1] for each in found), max(each[2] for each in found))
        for start, found in hours.items()
    }


def ours(asking, title):
    """The title in the language of the store's site."""
    german = {
        "Power": "Leistung",
        "Power now": "Leistung jetzt",
        "Power per phase now": "Leistung je Phase jetzt",
        "Age of the newest reading": "Alter des neuesten Messwerts",
    }
    return german[title] if asking.settings.language == "de" else title
