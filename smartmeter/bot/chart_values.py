"""What a chart shows: a curve of values, or bars of energy, and what they come to."""

import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from smartmeter.periods import Period


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of time with `n` readings: mean, minimum and maximum of their values, in the measurand's unit."""

    start_us: int
    end_us: int
    n: int
    mean: float
    minimum: float
    maximum: float


@dataclass(frozen=True, slots=True)
class Curve:
    """What a line is drawn of, in order of time; `width_us` is what a stretch has at most.

    Stretches further apart than `bridged_us` are not joined.
    """

    stretches: Sequence[Stretch]
    width_us: int
    bridged_us: int


@dataclass(frozen=True, slots=True)
class Bar:
    """What a counter counted in a period, in its unit; `gap_energy` of it came over a gap from before.

    A bar that is not `whole` lacks something, or has more than its period's.
    """

    start_us: int
    end_us: int
    energy: float
    gap_energy: float
    whole: bool


@dataclass(frozen=True, slots=True)
class Bars:
    """The bars of a counter by this period, in order of time."""

    bars: Sequence[Bar]
    period: Period


@dataclass(frozen=True, slots=True)
class Figures:
    """Minimum, mean and maximum; None when there is nothing."""

    minimum: float | None = None
    mean: float | None = None
    maximum: float | None = None


def figures_of(data: Curve | Bars) -> Figures:
    """Of a curve the least and greatest value of any reading, and the mean weighted by time; of bars the whole ones."""
    if isinstance(data, Curve):
        return Figures(*extremes_and_mean(data.stretches)) if data.stretches else Figures()
    energies = [bar.energy for bar in data.bars if bar.whole]
    return Figures(min(energies), statistics.fmean(energies), max(energies)) if energies else Figures()


def extremes_and_mean(stretches: Sequence[Stretch]) -> tuple[float, float, float]:
    """The least minimum, the mean weighted by time, and the greatest maximum of at least one stretch.

    So all quarter-hours weigh the same, as in roll-ups, and one that the span cuts weighs less.
    """
    weighted = math.fsum(stretch.mean * (stretch.end_us - stretch.start_us) for stretch in stretches)
    mean = weighted / sum(stretch.end_us - stretch.start_us for stretch in stretches)
    low, high = min(stretch.minimum for stretch in stretches), max(stretch.maximum for stretch in stretches)
    return low, min(max(mean, low), high), high


def unbroken(curve: Curve) -> Iterator[list[Stretch]]:
    """The stretches between one hole and the next."""
    run: list[Stretch] = []
    for stretch in curve.stretches:
        if run and stretch.start_us - run[-1].end_us > curve.bridged_us:
            yield run
            run = []
        run.append(stretch)
    if run:
        yield run
