"""The marks of quarter-hours whose readings changed since they were rolled up.

A reading at the end of a quarter-hour counts for its energy, and for the next one's means: it marks both.
"""

import sqlite3
from collections.abc import Iterable

from smartmeter.energy.quarters import COUNTED_US, energy_quarter
from smartmeter.periods import QUARTER_US

# A meter's number and the start of a quarter-hour.
Mark = tuple[int, int]

# From each quarter-hour on to the next reading, by the index: a year of readings is marked in the time of 70,000 steps.
_MARK_ALL = f"""
    INSERT OR IGNORE INTO dirty (meter_id, start_us)
    WITH RECURSIVE quarter (meter_id, start_us) AS (
        SELECT id, (
            SELECT min(time_us) FROM reading
             WHERE meter_id = meter.id AND time_us >= {COUNTED_US.start} AND time_us < {COUNTED_US.stop}
        ) / {QUARTER_US} * {QUARTER_US} FROM meter {{which}}
        UNION ALL
        SELECT meter_id, (
            SELECT min(time_us) FROM reading
             WHERE meter_id = quarter.meter_id
               AND time_us >= quarter.start_us + {QUARTER_US} AND time_us < {COUNTED_US.stop}
        ) / {QUARTER_US} * {QUARTER_US} FROM quarter WHERE start_us IS NOT NULL
    )
    SELECT meter_id, start_us FROM quarter WHERE start_us IS NOT NULL
    UNION
    SELECT meter_id, start_us - {QUARTER_US} FROM quarter
     WHERE EXISTS (SELECT 1 FROM reading WHERE meter_id = quarter.meter_id AND time_us = quarter.start_us)
"""  # noqa: S608 numbers of ours
MARK_ALL = _MARK_ALL.format(which="")
MARK_ALL_OF_METER = _MARK_ALL.format(which="WHERE id = ?")


def marks_of(meter_id: int, time_us: int) -> tuple[Mark, ...]:
    """The quarter-hours that a reading at this time changes, often twice the same; none at a time that cannot be."""
    if time_us not in COUNTED_US:
        return ()
    return (meter_id, time_us - time_us % QUARTER_US), (meter_id, energy_quarter(time_us))


def mark(connection: sqlite3.Connection, marks: Iterable[Mark]) -> None:
    """Set marks, within the transaction that brings the readings. Raises sqlite3.Error."""
    connection.executemany("INSERT OR IGNORE INTO dirty (meter_id, start_us) VALUES (?, ?)", marks)


def unmark(connection: sqlite3.Connection, done: Mark) -> None:
    """Take a mark away, within the transaction that works it off. Raises sqlite3.Error."""
    connection.execute("DELETE FROM dirty WHERE meter_id = ? AND start_us = ?", done)


def some_marks(connection: sqlite3.Connection, limit: int) -> list[Mark]:
    """The newest quarter-hour that is marked, so that the present is right, and then the oldest, at most `limit`.

    From the oldest on each one is folded once: energy goes on from the quarter-hour before. Raises sqlite3.Error.
    """
    query = "SELECT meter_id, start_us FROM dirty ORDER BY start_us {} LIMIT ?"
    newest = connection.execute(query.format("DESC"), (1,)).fetchall()
    oldest = connection.execute(query.format("ASC"), (limit,)).fetchall()
    return [*newest, *(each for each in oldest if each not in newest)]


def count_marks(connection: sqlite3.Connection) -> int:
    """How many there are. Raises sqlite3.Error."""
    (count,) = connection.execute("SELECT count(*) FROM dirty").fetchone()
    return int(count)


def is_any_marked(connection: sqlite3.Connection) -> bool:
    """Whether there are any. Raises sqlite3.Error."""
    return connection.execute("SELECT 1 FROM dirty LIMIT 1").fetchone() is not None
