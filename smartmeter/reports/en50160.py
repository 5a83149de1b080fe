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
CRITERIA = (VOLTAGE, VOLTAGE_ALWAYS, FREQUENCY_MOSTLY, FREQUENCY_ALWAYS, UNBALANCE, DISTORTION)
# EN 50160:2010, clause 3: a supply voltage below 5 % of the nominal one is an interruption, one of at most 3 minutes a
# short one.
INTERRUPTED_V = 0.05 * NOMINAL_V
SHORT_US = 180_000_000


@dataclass(frozen=True, slots=True)
class Finding:
    """How a phase (None: all of them) does by one criterion.

    `within` and `coverage` are shares from 0 to 1: of the intervals with data those within the limits, and of all
    intervals those with data. `lowest` and `highest` mean of an interval; 5 % of the means are at most `quantile_5`,
    and 95 % at most `quantile_95`.
    """

    criterion: Criterion
    phase: str | None
    within: float
    coverage: float
    lowest: float
    quantile_5: float
    quantile_95: float
    highest: float
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Interruption:
    """A phase that was read without voltage, from the first reading of it until the next one with voltage."""

    phase: str
    from_us: int
    until_us: int

    @property
    def is_short(self) -> bool:
        """Whether it lasted 3 minutes at most."""
        return self.until_us - self.from_us <= SHORT_US


@dataclass(frozen=True, slots=True)
class QualityReport:
    """A week of one meter, as far as it is over. `rows` are the means of ten minutes.

    `silences` are times (begin, end) without any reading, to the ten minutes: none of them proves an interruption.
    `not_measured` are criteria of which the meter showed nothing, `dead` phases that never had voltage.
    """

    meter: str
    span: Span
    until_us: int
    findings: Sequence[Finding]
    not_measured: Sequence[Criterion]
    dead: Sequence[str]
    interruptions: Sequence[Interruption]
    silences: Sequence[tuple[int, int]]
    rows: Sequence[MeansRow]

    @property
    def verdict(self) -> Verdict:
        """Of all criteria that were measured."""
        verdicts = {finding.verdict for finding in self.findings}
        if "fail" in verdicts:
            return "fail"
        return "pass" if verdicts == {"pass"} else "insufficient"


async def quality_report(history: History, meter: str, span: Span, now_us: int) -> QualityReport:
    """The report of this meter, as far as its readings are still kept. Raises SmartmeterError."""
    until_us = max(span.start_us, min(span.end_us, now_us - now_us % TEN_MINUTES_US))
    wanted = (*VOLTAGES, *LINE_VOLTAGES, *THD)
    rows = await history.means(meter, wanted, TEN_MINUTES_US, span.start_us, until_us)
    frequencies = await history.means(meter, (FREQUENCY,), TEN_SECONDS_US, span.start_us, until_us)
    findings = list(_findings(rows, frequencies, span))
    shown = {finding.criterion for finding in findings}
    there = {row.start_us for row in rows}
    missing = [start_us for start_us in range(span.start_us, until_us, TEN_MINUTES_US) if start_us not in there]
    return QualityReport(
        meter=meter,
        span=span,
        until_us=until_us,
        findings=findings,
        not_measured=[criterion for criterion in CRITERIA if criterion not in shown],
        dead=sorted(_measured_phases(rows) - live_phases(rows).keys()),
        interruptions=await _interruptions(history, meter, rows),
        silences=list(_runs(missing)) if rows else [],
        rows=rows,
    )


def live_phases(rows: Sequence[MeansRow]) -> Mapping[str, str]:
    """The id of the voltage of each phase that has any; a meter with fewer phases shows zeros on the others, always."""
    return {
        phase: id_
        for phase, id_ in zip(PHASES, VOLTAGES, strict=True)
        if any(row.means.get(id_, 0.0) >= INTERRUPTED_V for row in rows)
    }


def _measured_phases(rows: Sequence[MeansRow]) -> set[str]:
    return {phase for phase, id_ in zip(PHASES, VOLTAGES, strict=True) if any(id_ in row.means for row in rows)}


def is_interrupted(row: MeansRow, id_: str) -> bool:
    """Whether this voltage was away at some time in the interval: its mean tells nothing of the voltage's level."""
    return row.minima.get(id_, NOMINAL_V) < INTERRUPTED_V


def _findings(rows: Sequence[MeansRow], frequencies: Sequence[MeansRow], span: Span) -> Iterator[Finding]:
    """Periods with interruptions are excepted from all that is demanded of the voltage (4.2.2.1)."""
    intervals = (span.end_us - span.start_us) // TEN_MINUTES_US
    live = live_phases(rows)
    for phase, id_ in live.items():
        present = [row for row in rows if id_ in row.means]
        values = [row.means[id_] for row in present if not is_interrupted(row, id_)]
        for criterion in (VOLTAGE, VOLTAGE_ALWAYS):
            yield from _finding(criterion, phase, values, len(present) / intervals)
    # Frequency does not change from one reading to the next; an interval of ten minutes with any tells of it.
    present = [row for row in frequencies if row.means.get(FREQUENCY)]
    seen = {row.start_us // TEN_MINUTES_US for row in present}
    values = [row.means[FREQUENCY] for row in present]
    for criterion in (FREQUENCY_MOSTLY, FREQUENCY_ALWAYS):
        yield from _finding(criterion, None, values, len(seen) / intervals)
    whole = [row for row in rows if not any(is_interrupted(row, id_) for id_ in live.values())]
    excepted = len(rows) - len(whole)
    unbalances = [value for row in whole if (value := unbalance(row.means)) is not None]
    yield from _finding(UNBALANCE, None, unbalances, (len(unbalances) + excepted) / intervals)
    for phase, voltage in live.items():
        id_ = f"voltage_thd_{phase}"
        present = [row for row in rows if id_ in row.means]
        values = [row.means[id_] for row in present if not is_interrupted(row, voltage)]
        yield from _finding(DISTORTION, phase, values, len(present) / intervals)


def _finding(criterion: Criterion, phase: str | None, values: Sequence[float], coverage: float) -> Iterator[Finding]:
    """None where there is no value at all: the meter does not measure it, or has no such phase."""
    if not values:
        return
    ordered = sorted(values)
    coverage = min(coverage, 1.0)
    within = sum(map(criterion.holds, values)) / len(values)
    # As much as can be wrong at worst: if all that is missing were right, the demand would still not be met.
    outside = (1 - within) * coverage
    verdict: Verdict = "fail" if outside > 1 - criterion.share + 1e-9 else "pass"
    if verdict == "pass" and (coverage < ENOUGH or within < criterion.share):
        verdict = "insufficient"
    yield Finding(
        criterion=criterion,
        phase=phase,
        within=within,
        coverage=coverage,
        lowest=ordered[0],
        quantile_5=_quantile(ordered, 0.05),
        quantile_95=_quantile(ordered, 0.95),
        highest=ordered[-1],
        verdict=verdict,
    )


def _quantile(ordered: Sequence[float], share: float) -> float:
    """The least value that at least this share of the values do not exceed."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


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


async def _interruptions(history: History, meter: str, rows: Sequence[MeansRow]) -> list[Interruption]:
    """To the ten seconds, as far as there are readings."""
    found = []
    for phase, id_ in live_phases(rows).items():
        for begin_us, end_us in _runs(row.start_us for row in rows if is_interrupted(row, id_)):
            closer = await history.means(meter, (id_,), TEN_SECONDS_US, begin_us, end_us)
            from_us: int | None = None
            for row in (each for each in closer if id_ in each.means):
                if not is_interrupted(row, id_) and from_us is not None:
                    found.append(Interruption(phase, from_us, row.start_us))
                    from_us = None
                elif is_interrupted(row, id_) and from_us is None:
                    from_us = row.start_us
            if from_us is not None:
                found.append(Interruption(phase, from_us, end_us))
    return sorted(found, key=lambda each: (each.from_us, each.phase))


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
