"""The quality of the supply in a week, held against EN 50160:2010 (low voltage).

What a meter's readings can show: its values are looked at every few seconds, while EN 61000-4-30 class A means of 10
minutes are made of 3000 values of 200 ms each. A voltage that dips between two readings is not seen.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from smartmeter.history.model import History, MeansRow
from smartmeter.reports.span import Span

TEN_MINUTES_US = 600_000_000
TEN_SECONDS_US = 10_000_000
# EN 50160:2010, 4.2.2.1: the nominal voltage of public low-voltage networks.
NOMINAL_V = 230.0
# Less of a week than this shows nothing.
ENOUGH = 0.9

PHASES = ("l1", "l2", "l3")
VOLTAGES = tuple(f"voltage_{phase}" for phase in PHASES)
LINE_VOLTAGES = ("voltage_l1_l2", "voltage_l2_l3", "voltage_l3_l1")
THD = tuple(f"voltage_thd_{phase}" for phase in PHASES)
FREQUENCY = "frequency"

Verdict = Literal["pass", "fail", "insufficient"]


@dataclass(frozen=True, slots=True)
class Criterion:
    """A demand of the standard: `share` of the intervals within `low` and `high`, and where it stands."""

    name: str
    unit: str
    low: float | None
    high: float | None
    share: float
    clause: str

    def holds(self, value: float) -> bool:
        """Whether the value is within the limits."""
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)


# EN 50160:2010; 4.2.1 frequency with synchronous connection to an interconnected system (there 99.5 % of a year, here
# of the week), 4.2.2.2 supply voltage, 4.2.4 unbalance, 4.2.5 harmonics.
VOLTAGE = Criterion("voltage", "V", 0.9 * NOMINAL_V, 1.1 * NOMINAL_V, 0.95, "4.2.2.2")
VOLTAGE_ALWAYS = Criterion("voltage_always", "V", 0.85 * NOMINAL_V, 1.1 * NOMINAL_V, 1.0, "4.2.2.2")
FREQUENCY_MOSTLY = Criterion("frequency", "Hz", 49.5, 50.5, 0.995, "4.2.1")
FREQUENCY_ALWAYS = Criterion("frequency_always", "Hz", 47.0, 52.0, 1.0, "4.2.1")
UNBALANCE = Criterion("unbalance", "%", None, 2.0, 0.95, "4.2.4")
DISTORTION = Criterion("thd", "%", None, 8.0, 0.95, "4.2.5")
# EN 50160:2010, 3.4: a supply voltage below 5 % of the nominal one is an interruption.
INTERRUPTED_V = 0.05 * NOMINAL_V


@dataclass(frozen=True, slots=True)
class Finding:
    """How a phase (None: all of them) does by one criterion.

    `within` and `coverage` are shares from 0 to 1: of the intervals with data those within the limits, and of all
    intervals those with data. `low` and `high` are the lowest and highest mean of an interval.
    """

    criterion: Criterion
    phase: str | None
    within: float
    coverage: float
    low: float
    high: float
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Interruption:
    """A phase without voltage, or with `phase` None a time without readings, to the ten minutes."""

    phase: str | None
    from_us: int
    until_us: int


@dataclass(frozen=True, slots=True)
class QualityReport:
    """A week of one meter. `rows` are the means of ten minutes."""

    meter: str
    span: Span
    findings: Sequence[Finding]
    interruptions: Sequence[Interruption]
    rows: Sequence[MeansRow]


async def quality_report(history: History, meter: str, span: Span, now_us: int) -> QualityReport:
    """The report of this meter, as far as its readings are still kept. Raises SmartmeterError."""
    until_us = min(span.end_us, now_us - now_us % TEN_MINUTES_US)
    wanted = (*VOLTAGES, *LINE_VOLTAGES, *THD)
    rows = await history.means(meter, wanted, TEN_MINUTES_US, span.start_us, until_us)
    frequencies = await history.means(meter, (FREQUENCY,), TEN_SECONDS_US, span.start_us, until_us)
    return QualityReport(
        meter=meter,
        span=span,
        findings=list(_findings(rows, frequencies, span)),
        interruptions=sorted(_interruptions(rows, span.start_us, until_us), key=lambda each: each.from_us),
        rows=rows,
    )


def _findings(rows: Sequence[MeansRow], frequencies: Sequence[MeansRow], span: Span) -> Iterator[Finding]:
    intervals = (span.end_us - span.start_us) // TEN_MINUTES_US
    for phase, id_ in zip(PHASES, VOLTAGES, strict=True):
        values = [row.means[id_] for row in rows if id_ in row.means]
        # An interruption is no question of the voltage's level (4.2.2.2 excepts it).
        present = [value for value in values if value >= INTERRUPTED_V]
        for criterion in (VOLTAGE, VOLTAGE_ALWAYS):
            yield from _finding(criterion, phase, present, len(values) / intervals)
    # Frequency does not change from one reading to the next; an interval of ten minutes with any tells of it.
    seen = {row.start_us // TEN_MINUTES_US for row in frequencies if FREQUENCY in row.means}
    values = [row.means[FREQUENCY] for row in frequencies if FREQUENCY in row.means]
    for criterion in (FREQUENCY_MOSTLY, FREQUENCY_ALWAYS):
        yield from _finding(criterion, None, values, len(seen) / intervals)
    unbalances = [value for row in rows if (value := unbalance(row.means)) is not None]
    yield from _finding(UNBALANCE, None, unbalances, len(unbalances) / intervals)
    for phase, id_ in zip(PHASES, THD, strict=True):
        values = [row.means[id_] for row in rows if id_ in row.means]
        yield from _finding(DISTORTION, phase, values, len(values) / intervals)


def _finding(criterion: Criterion, phase: str | None, values: Sequence[float], coverage: float) -> Iterator[Finding]:
    """None where there is no value at all: the meter does not measure it, or has no such phase."""
    if not values:
        return
    within = sum(map(criterion.holds, values)) / len(values)
    # As much as can be wrong at worst: if all that is missing were right, the demand would still not be met.
    outside = (1 - within) * min(coverage, 1.0)
    verdict: Verdict = "fail" if outside > 1 - criterion.share + 1e-9 else "pass"
    if verdict == "pass" and (coverage < ENOUGH or within < criterion.share):
        verdict = "insufficient"
    yield Finding(criterion, phase, within, min(coverage, 1.0), min(values), max(values), verdict)


def unbalance(means: Mapping[str, float]) -> float | None:
    """The negative-sequence voltage in percent of the positive-sequence one, from the three line-to-line voltages.

    IEC 61000-4-30:2015, 5.7.1. None without all three, or without voltage.
    """
    squares = [means[id_] ** 2 for id_ in LINE_VOLTAGES if id_ in means]
    if len(squares) < len(LINE_VOLTAGES) or not all(squares):
        return None
    beta = sum(square**2 for square in squares) / sum(squares) ** 2
    # Rounding may bring three equal voltages a hair below 1/3.
    root = math.sqrt(max(0.0, 3 - 6 * beta))
    return 100 * math.sqrt(max(0.0, (1 - root) / (1 + root)))


def _interruptions(rows: Sequence[MeansRow], from_us: int, until_us: int) -> Iterator[Interruption]:
    for phase, id_ in zip(PHASES, VOLTAGES, strict=True):
        without = [row.start_us for row in rows if row.minima.get(id_, NOMINAL_V) < INTERRUPTED_V]
        # A meter with fewer phases shows zeros on the others, always.
        if len(without) < sum(id_ in row.means for row in rows):
            for begin_us, end_us in _runs(without):
                yield Interruption(phase, begin_us, end_us)
    there = {row.start_us for row in rows}
    missing = [start_us for start_us in range(from_us, until_us, TEN_MINUTES_US) if start_us not in there]
    if rows:
        for begin_us, end_us in _runs(missing):
            yield Interruption(None, begin_us, end_us)


def _runs(starts_us: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Begin and end of what hangs together."""
    run: tuple[int, int] | None = None
    for start_us in starts_us:
        if run is not None and run[1] == start_us:
            run = (run[0], start_us + TEN_MINUTES_US)
            continue
        if run is not None:
            yield run
        run = (start_us, start_us + TEN_MINUTES_US)
    if run is not None:
        yield run
