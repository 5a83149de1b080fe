"""What roll-ups and energy must be, computed from all readings at once."""

import statistics
from collections import defaultdict

from smartmeter.energy.guard import NO_DECISIONS, State, judge
from smartmeter.energy.quarters import fold
from smartmeter.measurands import measurands
from smartmeter.periods import period_start


def energy(points, limits, period, zone, decisions=NO_DECISIONS):
    """By start of the period: energy, energy over gaps, and when the first of these began."""
    found = defaultdict(lambda: (0.0, 0.0, None))
    for quarter in fold(State(), sorted(points, key=lambda point: point.time_us), limits, decisions):
        start = period_start(period, quarter.start_us, zone)
        energy, gap_energy, gap_from = found[start]
        if quarter.gap_from_us is not None and quarter.gap_from_us < start:
            gap_energy += quarter.gap_energy
            gap_from = min(quarter.gap_from_us, gap_from or quarter.gap_from_us)
        found[start] = (energy + quarter.energy, gap_energy, gap_from)
    return dict(found)


def flags(points, limits, decisions=NO_DECISIONS):
    judgement = judge(State(), sorted(points, key=lambda point: point.time_us), limits, decisions)
    return {(flag.time_us, flag.kind, flag.value, flag.before) for flag in judgement.flags}


def rollups(readings, period, zone):
    """By start of the period: the number of readings, and the columns."""
    quarters = defaultdict(list)
    for reading in sorted(readings, key=lambda reading: reading.time_us):
        quarters[period_start("15m", reading.time_us, zone)].append(reading.values)
    rows = {start: (len(values), _columns(values)) for start, values in quarters.items()}
    if period == "15m":
        return rows
    periods = defaultdict(list)
    for start, row in sorted(rows.items()):
        periods[period_start(period, start, zone)].append(row)
    return {start: (sum(n for n, _ in found), _merged([row for _, row in found])) for start, found in periods.items()}


def _columns(readings):
    columns = {}
    for id_ in {id_ for values in readings for id_ in values}:
        values = [reading[id_] for reading in readings if reading.get(id_) is not None]
        if not values:
            continue
        if measurands()[id_].kind == "counter":
            columns |= {f"{id_}_first": values[0], f"{id_}_last": values[-1]}
        else:
            means = {f"{id_}_mean": statistics.fmean(values)}
            columns |= means | {f"{id_}_min": min(values), f"{id_}_max": max(values)}
    return columns


def _merged(rows):
    merge = {"mean": statistics.fmean, "min": min, "max": max, "first": lambda v: v[0], "last": lambda v: v[-1]}
    merged = {}
    for name in {name for row in rows for name in row}:
        values = [row[name] for row in rows if name in row]
        merged[name] = merge[name.rpartition("_")[2]](values)
    return merged
