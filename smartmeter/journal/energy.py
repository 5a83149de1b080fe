"""The energy of quarter-hours in the journal, made anew from the counters' readings."""

import math
import sqlite3
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from smartmeter.energy.cost import Booked, cost_of
from smartmeter.energy.guard import Decisions, Point, State
from smartmeter.energy.held import held_text, state_from
from smartmeter.energy.quarters import Quarter, are_all_there, fold_quarter, moved_quarter
from smartmeter.energy.site import Site
from smartmeter.journal.names import quoted
from smartmeter.periods import QUARTER_US


@dataclass(frozen=True, slots=True)
class Meter:
    """A meter as the journal numbers it, and what its owner decided on its counters, by measurand id."""

    id: int
    name: str
    decisions: Mapping[str, Decisions]


@dataclass(frozen=True, slots=True)
class _Kept:
    """A quarter-hour of a counter as it is kept, without its flags, and of how many readings."""

    n: int
    quarter: Quarter


def meter_of(connection: sqlite3.Connection, meter_id: int) -> Meter:
    """The meter with this number."""
    (name,) = connection.execute("SELECT name FROM meter WHERE id = ?", (meter_id,)).fetchone()
    replaced: defaultdict[str, list[int]] = defaultdict(list)
    counted: defaultdict[str, list[int]] = defaultdict(list)
    for id_, time_us, kind in connection.execute(
        "SELECT measurand, time_us, kind FROM counter_decision WHERE meter_id = ? ORDER BY time_us", (meter_id,)
    ):
        (replaced if kind == "replaced" else counted)[id_].append(time_us)
    decisions = {id_: Decisions(tuple(replaced[id_]), frozenset(counted[id_])) for id_ in {*replaced, *counted}}
    return Meter(meter_id, name, decisions)


def fold_energy(
    connection: sqlite3.Connection, site: Site, meter: Meter, counters: Sequence[str], start_us: int
) -> set[int]:
    """Make the quarter-hour anew for each counter, within the caller's transaction.

    Gives the quarter-hours after it that began with a state which is not true any more.
    """
    following = set()
    for id_, points in _points(connection, meter.id, counters, start_us).items():
        kept = _kept(connection, meter.id, id_, start_us)
        if kept is None and not points:
            continue
        before = _state_before(connection, meter.id, id_, start_us)
        limits = site.limits(meter.name, id_)
        # Invariant: a row gives way only to one of as many readings or more, because readings may have expired.
        if kept is None or are_all_there(points, kept.n, kept.quarter):
            n = len(points)
            quarter = fold_quarter(start_us, before, points, limits, meter.decisions.get(id_, Decisions()))
        else:
            n, moved = kept.n, moved_quarter(kept.quarter, before, limits)
            if moved is None or _has_flags(connection, meter.id, id_, start_us):
                continue
            quarter = moved
        booked = Booked(meter.name, id_, start_us, quarter.energy, quarter.gap_energy, quarter.gap_from_us)
        _store(connection, meter.id, booked, quarter, (n, *cost_of(site, booked)))
        if kept is None or kept.quarter.state != quarter.state:
            (next_us,) = connection.execute(
                "SELECT min(start_us) FROM energy_15m WHERE meter_id = ? AND measurand = ? AND start_us > ?",
                (meter.id, id_, start_us),
            ).fetchone()
            if next_us is not None:
                following.add(next_us)
    return following


def _points(
    connection: sqlite3.Connection, meter_id: int, counters: Sequence[str], start_us: int
) -> Mapping[str, Sequence[Point]]:
    """The readings of each counter, in order of time: the quarter-hour's start is not in it, its end is."""
    if not counters:
        return {}
    columns = ", ".join(map(quoted, counters))
    rows = connection.execute(
        f"SELECT time_us, {columns} FROM reading WHERE meter_id = ? AND time_us > ? AND time_us <= ? "  # noqa: S608 ours
        "ORDER BY time_us, sequence",
        (meter_id, start_us, start_us + QUARTER_US),
    ).fetchall()
    if not rows:
        return dict.fromkeys(counters, ())
    times, *columns_of = zip(*rows, strict=True)
    return {id_: _points_of(times, values) for id_, values in zip(counters, columns_of, strict=True)}


def _points_of(times: Sequence[int], values: Sequence[float | None]) -> Sequence[Point]:
    """Those that have a value which is a number."""
    return [
        Point(time_us, value)
        for time_us, value in zip(times, values, strict=True)
        if value is not None and math.isfinite(value)
    ]


def _kept(connection: sqlite3.Connection, meter_id: int, id_: str, start_us: int) -> _Kept | None:
    row = connection.execute(
        "SELECT n, energy, gap_energy, gap_from_us, last_us, last_value, held FROM energy_15m "
        "WHERE meter_id = ? AND measurand = ? AND start_us = ?",
        (meter_id, id_, start_us),
    ).fetchone()
    if row is None:
        return None
    n, energy, gap_energy, gap_from_us, *state = row
    return _Kept(n, Quarter(start_us, energy, gap_energy, gap_from_us, state_from(*state), ()))


def _has_flags(connection: sqlite3.Connection, meter_id: int, id_: str, start_us: int) -> bool:
    query = "SELECT 1 FROM counter_flag WHERE meter_id = ? AND measurand = ? AND quarter_us = ? LIMIT 1"
    return connection.execute(query, (meter_id, id_, start_us)).fetchone() is not None


def _state_before(connection: sqlite3.Connection, meter_id: int, id_: str, start_us: int) -> State:
    row = connection.execute(
        "SELECT last_us, last_value, held FROM energy_15m WHERE meter_id = ? AND measurand = ? AND start_us < ? "
        "ORDER BY start_us DESC LIMIT 1",
        (meter_id, id_, start_us),
    ).fetchone()
    return State() if row is None else state_from(*row)


def _store(
    connection: sqlite3.Connection,
    meter_id: int,
    booked: Booked,
    quarter: Quarter,
    n_cost_unpriced: tuple[int, float | None, float],
) -> None:
    last = quarter.state.last
    if last is None:
        raise AssertionError("a quarter-hour with readings leaves a last one")
    key = (meter_id, booked.measurand, booked.start_us)
    connection.execute(
        "INSERT OR REPLACE INTO energy_15m (meter_id, measurand, start_us, energy, gap_energy, gap_from_us, n, cost, "
        "unpriced, last_us, last_value, held) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(*key, booked.energy, booked.gap_energy, booked.gap_from_us),
            *(*n_cost_unpriced, last.time_us, last.value, held_text(quarter.state)),
        ),
    )
    connection.execute("DELETE FROM counter_flag WHERE meter_id = ? AND measurand = ? AND quarter_us = ?", key)
    connection.executemany(
        "INSERT OR REPLACE INTO counter_flag (meter_id, measurand, quarter_us, time_us, kind, value, before) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        ((*key, flag.time_us, flag.kind, flag.value, flag.before) for flag in quarter.flags),
    )
