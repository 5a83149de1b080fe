"""Times in which counters were not read: what they counted is known, not when."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from smartmeter.history.model import EnergyRow, History
from smartmeter.periods import QUARTER_US

# So much is looked at in one go for the end of a gap.
_SEARCH_US = 7 * 86_400_000_000


@dataclass(frozen=True, slots=True)
class Gap:
    """From the last reading before it until the end of the quarter-hour with the first one after it.

    `energies` is what each counter counted meanwhile, in its unit.
    """

    from_us: int
    until_us: int
    energies: Mapping[str, float]


def gaps_in(quarters: Iterable[EnergyRow]) -> list[Gap]:
    """Those that end in one of these quarter-hours, in order of time."""
    energies: dict[tuple[int, int], dict[str, float]] = defaultdict(dict)
    for row in quarters:
        if row.gap_from_us is not None:
            energies[row.gap_from_us, row.start_us + QUARTER_US][row.measurand] = row.gap_energy
    return [Gap(from_us, until_us, of_counters) for (from_us, until_us), of_counters in sorted(energies.items())]


async def gap_over(history: History, meter: str, measurands: Sequence[str], at_us: int, last_us: int) -> Sequence[Gap]:
    """What began before `at_us` and ends after it; there are readings until `last_us`. Raises SmartmeterError."""
    for from_us in range(at_us, last_us, _SEARCH_US):
        rows = await history.energy(meter, measurands, "15m", from_us, from_us + _SEARCH_US)
        if rows:
            first: dict[str, EnergyRow] = {}
            for row in rows:
                first.setdefault(row.measurand, row)
            return [gap for gap in gaps_in(first.values()) if gap.from_us < at_us]
    return []


def moments_within(gaps: Iterable[Gap], moments_us: Sequence[int]) -> frozenset[tuple[str, int]]:
    """The counter and the moment for each of these (rising) moments that lies within a gap of that counter."""
    found: set[tuple[str, int]] = set()
    for gap in gaps:
        within = moments_us[bisect_right(moments_us, gap.from_us) : bisect_left(moments_us, gap.until_us)]
        found.update((id_, moment_us) for id_ in gap.energies for moment_us in within)
    return frozenset(found)
