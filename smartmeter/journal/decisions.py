"""What the owner decides on counters: written by a command, while the daemon runs or not."""

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from smartmeter.energy.quarters import energy_quarter
from smartmeter.journal.database import connect_read_only, connect_writer, transaction
from smartmeter.journal.dirty import MARK_ALL, MARK_ALL_OF_METER, mark
from smartmeter.journal.errors import JournalError, error_text
from smartmeter.journal.names import table_columns

DecisionKind = Literal["replaced", "counted"]


@dataclass(frozen=True, slots=True)
class Decision:
    """From `time_us` on another meter counts ("replaced"), or the jump at that time is energy ("counted")."""

    meter: str
    measurand: str
    time_us: int
    kind: DecisionKind


def decide(path: Path, decisions: Sequence[Decision]) -> None:
    """Note these, and have what they change worked out anew by the daemon, or when it starts next.

    Raises JournalError.
    """
    with _writing(path) as connection:
        for decision in decisions:
            meter_id = _meter_id(connection, path, decision.meter)
            connection.execute(
                "INSERT OR IGNORE INTO counter_decision (meter_id, measurand, time_us, kind, decided_us) "
                "VALUES (?, ?, ?, ?, ?)",
                (meter_id, decision.measurand, decision.time_us, decision.kind, time.time_ns() // 1000),
            )
            _mark(connection, meter_id, decision)


def undecide(path: Path, decisions: Sequence[Decision]) -> None:
    """Take these back, likewise. Raises JournalError."""
    with _writing(path) as connection:
        for decision in decisions:
            meter_id = _meter_id(connection, path, decision.meter)
            connection.execute(
                "DELETE FROM counter_decision WHERE meter_id = ? AND measurand = ? AND time_us = ? AND kind = ?",
                (meter_id, decision.measurand, decision.time_us, decision.kind),
            )
            _mark(connection, meter_id, decision)


def decisions_in(path: Path) -> list[Decision]:
    """All that were made, in order of time. Raises JournalError."""
    try:
        with closing(connect_read_only(path)) as connection:
            if not table_columns(connection, "counter_decision"):
                return []
            rows = connection.execute(
                "SELECT meter.name, measurand, time_us, kind FROM counter_decision "
                "JOIN meter ON meter.id = meter_id ORDER BY time_us, meter.name, measurand"
            ).fetchall()
    except sqlite3.Error as error:
        raise JournalError(f"{path}: cannot be read: {error_text(error)}") from None
    return [Decision(*row) for row in rows]


def mark_all_dirty(path: Path, meter: str | None) -> None:
    """Have everything rolled up anew, of one meter or, with None, of all. Raises JournalError."""
    with _writing(path) as connection:
        if meter is None:
            connection.execute(MARK_ALL)
        else:
            connection.execute(MARK_ALL_OF_METER, (_meter_id(connection, path, meter),))


@contextmanager
def _writing(path: Path) -> Iterator[sqlite3.Connection]:
    """A short transaction beside the daemon's own: SQLite lets one wait for the other."""
    if not path.exists():
        raise JournalError(f"{path}: there is no journal; is smartmeter running with these settings?")
    try:
        with closing(connect_writer(path)) as connection:
            if not table_columns(connection, "counter_decision"):
                raise JournalError(
                    f"{path}: an older smartmeter wrote this journal; start the new one once, or run "
                    "smartmeter db upgrade"
                )
            with transaction(connection):
                yield connection
    except sqlite3.Error as error:
        raise JournalError(f"{path}: cannot be written: {error_text(error)}") from None


def _meter_id(connection: sqlite3.Connection, path: Path, meter: str) -> int:
    row = connection.execute("SELECT id FROM meter WHERE name = ?", (meter,)).fetchone()
    if row is None:
        known = ", ".join(name for (name,) in connection.execute("SELECT name FROM meter ORDER BY name"))
        raise JournalError(f"{path}: there is no reading of a meter {meter!r}; known are {known or 'none'}")
    return int(row[0])


def _mark(connection: sqlite3.Connection, meter_id: int, decision: Decision) -> None:
    """Mark the quarter-hour in which it takes effect: that of the counter's first reading from then on.

    A jump is confirmed later than it began, so the next ones are marked as well.
    """
    rows = connection.execute(
        "SELECT start_us FROM energy_15m WHERE meter_id = ? AND measurand = ? AND start_us >= ? "
        "ORDER BY start_us LIMIT ?",
        (meter_id, decision.measurand, energy_quarter(decision.time_us), _QUARTERS_CHANGED),
    ).fetchall()
    mark(connection, ((meter_id, start_us) for (start_us,) in rows))


_QUARTERS_CHANGED = 8
