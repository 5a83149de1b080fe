"""What a store of readings gives: energy, roll-ups, means on a grid, the readings themselves, and what was flagged."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from smartmeter.energy.guard import FlagKind
from smartmeter.periods import Period
from smartmeter.reading import Reading


@dataclass(frozen=True, slots=True)
class EnergyRow:
    """The energy of a period, by one counter, in its unit.

    `gap_energy` is the part of `energy` that was counted over a gap which began before the period, at `gap_from_us`:
    how much of it belongs to this period is not known. `cost` is money, negative where it was earned, None without a
    tariff; `unpriced` is the part of `energy` for which no price is known.
    """

    meter: str
    measurand: str
    start_us: int
    energy: float
    gap_energy: float
    gap_from_us: int | None
    cost: float | None
    unpriced: float


@dataclass(frozen=True, slots=True)
class RollupRow:
    """A period of `n` readings; `values` by column, such as `voltage_l1_mean`, without those that have none."""

    meter: str
    start_us: int
    n: int
    values: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class MeansRow:
    """A span of a grid with `n` readings: means, minima and maxima by measurand id, of those that have values."""

    start_us: int
    n: int
    means: Mapping[str, float]
    minima: Mapping[str, float]
    maxima: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class FlagRow:
    """What the guard found at a reading of a counter; see `smartmeter.energy.guard.Flag`."""

    meter: str
    measurand: str
    time_us: int
    kind: FlagKind
    value: float
    before: float


class History(Protocol):
    """A store of readings, for reading. Times are UTC microseconds since 1970-01-01; a span ends before `until_us`.

    Its methods raise SmartmeterError when the store cannot be read.
    """

    @property
    def name(self) -> str:
        """What the store is: "journal" or "postgresql"."""

    async def meters(self) -> Sequence[str]:
        """The names of all meters that ever had a reading."""

    async def span(self, meter: str) -> tuple[int, int] | None:
        """The times of the first and the last reading that is there or has left a roll-up; None if there is none."""

    async def energy(
        self, meter: str, measurands: Collection[str], period: Period, from_us: int, until_us: int
    ) -> Sequence[EnergyRow]:
        """The energy of every period that begins in the span and has any, in order of time."""

    async def rollups(
        self, meter: str, columns: Sequence[str], period: Period, from_us: int, until_us: int
    ) -> Sequence[RollupRow]:
        """These columns (a measurand id with _mean, _min, _max, _first or _last) of every period in the span."""

    async def means(
        self, meter: str, measurands: Sequence[str], width_us: int, from_us: int, until_us: int
    ) -> Sequence[MeansRow]:
        """Means of the readings on a grid of `width_us` since 1970, as far as the readings are still there."""

    def readings(self, meter: str, from_us: int, until_us: int) -> AsyncIterator[Sequence[Reading]]:
        """The readings themselves, in order of time, in batches."""

    async def flags(self, meter: str, from_us: int, until_us: int) -> Sequence[FlagRow]:
        """What the guard found in the span, in order of time."""

    async def close(self) -> None:
        """Give back what is open."""
