"""The energy of quarter-hours from the counters' readings, and of those after them as far as it changes."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from smartmeter.energy.cost import Booked, cost_of
from smartmeter.energy.guard import NO_DECISIONS, Decisions, State
from smartmeter.energy.quarters import are_all_there, fold_quarter, moved_quarter
from smartmeter.energy.site import Site
from smartmeter.sinks.postgresql.connection import Connection
from smartmeter.sinks.postgresql.energy_rows import Folded, Kept, decisions_of, kept_rows, points_of, store_quarters
from smartmeter.sinks.postgresql.store import Store

# A change of the guard's state goes on from quarter-hour to quarter-hour: so many at once, then those after are marked.
_ROUNDS = 50
# The one price of a longer gap is looked for on many days.
_LONG_GAP_US = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """The quarter-hours that were looked at, and those that still have to be."""

    quarters: frozenset[int]
    left: frozenset[int]


@dataclass(frozen=True, slots=True)
class Counters:
    """The counters of a meter, and what was decided on each."""

    store: Store
    site: Site
    meter: str
    decisions: Mapping[str, Decisions]


async def fold_energy(
    connection: Connection, store: Store, site: Site, meter: str, quarters: Collection[int]
) -> Outcome:
    """Make the energy of these quarter-hours anew, inside the caller's transaction. Raises psycopg.Error."""
    if not store.counters:
        return Outcome(frozenset(), frozenset())
    counters = Counters(store, site, meter, await decisions_of(connection, store.names, meter))
    seen: set[int] = set()
    pending = set(quarters)
    for _ in range(_ROUNDS):
        seen |= pending
        pending = await _fold(connection, counters, sorted(pending))
        if not pending:
            break
    return Outcome(frozenset(seen), frozenset(pending))


async def _fold(connection: Connection, counters: Counters, quarters: Sequence[int]) -> set[int]:
    """Fold each; gives those after them that began with a state which is not true any more."""
    store, meter = counters.store, counters.meter
    kept = await kept_rows(connection, store, meter, quarters)
    points = await points_of(connection, store, meter, quarters)
    latest: dict[str, tuple[int, State]] = {}
    folded: list[Folded] = []
    following: set[int] = set()
    for start in quarters:
        for id_ in store.counters:
            row, found = kept[start, id_], points[start, id_]
            before = _state_before(row, latest.get(id_))
            n = len(found)
            limits = counters.site.limits(meter, id_)
            # Invariant: a row gives way only to one of as many readings or more, because readings may have expired.
            if row.quarter is None or are_all_there(found, row.n, row.quarter):
                decisions = counters.decisions.get(id_, NO_DECISIONS)
                quarter = fold_quarter(start, before, found, limits, decisions) if found else None
            else:
                n, quarter = row.n, None if row.has_flags else moved_quarter(row.quarter, before, limits)
            if quarter is None:
                if row.quarter is not None:
                    latest[id_] = (start, row.quarter.state)
                continue
            booked = Booked(meter, id_, start, quarter.energy, quarter.gap_energy, quarter.gap_from_us)
            cost, unpriced = await cost_in_turn(counters.site, booked)
            folded.append(Folded(id_, n, quarter, cost, unpriced))
            latest[id_] = (start, quarter.state)
            if row.following_us is not None and (row.quarter is None or row.quarter.state != quarter.state):
                following.add(row.following_us)
            await asyncio.sleep(0)
    await store_quarters(connection, store.names, meter, folded)
    return following


def _state_before(row: Kept, latest: tuple[int, State] | None) -> State:
    """The state that a quarter-hour begins with: of the one kept before it, unless a later one was just folded."""
    if latest is None or (row.before_us is not None and row.before_us > latest[0]):
        return row.before
    return latest[1]


async def cost_in_turn(site: Site, booked: Booked) -> tuple[float | None, float]:
    """What it costs, and the part that has no price; found in a thread where that may take long."""
    if booked.gap_from_us is None or booked.start_us - booked.gap_from_us < _LONG_GAP_US:
        return cost_of(site, booked)
    return await asyncio.to_thread(cost_of, site, booked)
