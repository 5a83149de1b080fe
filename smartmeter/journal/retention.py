"""Which readings may go.

Age is counted in running time, by the monotonic clock that every reading carries, from the newest reading back; time
during which the machine was off does not count. The wall clock has no say: years ahead or years behind, it takes no
reading away too early and keeps none too long.

What is in a quarter-hour that has still to be rolled up stays: totals do not expire.

Readings go in blocks, because deleting a single row writes as many pages as deleting a hundred.
"""

import sqlite3

from smartmeter.periods import QUARTER_US

BLOCK_ROWS = 100
# What one commit may delete: some 5 ms of work here, and soon done after the daemon was set to keep less.
BLOCKS_PER_COMMIT = 5
_BEYOND_ALL = 2**63 - 1


def delete_expired(connection: sqlite3.Connection, keep_s: float, taken: int | None) -> int:
    """Deletes, within the caller's transaction, the oldest blocks that are older than `keep_s` seconds.

    `taken` is the last reading that every sink has; None if there is no sink. The newest reading always stays, as its
    age is 0: the sequence goes on from it. Gives the number of readings deleted. Raises sqlite3.Error.
    """
    deleted = 0
    for _ in range(BLOCKS_PER_COMMIT):
        last = _oldest_block(connection)
        if last is None or (taken is not None and last > taken) or not _is_older(connection, last, keep_s):
            break
        if _waits_for_roll_up(connection, last):
            break
        deleted += connection.execute("DELETE FROM reading WHERE sequence <= ?", (last,)).rowcount
    return deleted


def _oldest_block(connection: sqlite3.Connection) -> int | None:
    """The last sequence number of the oldest block; None if there is no reading."""
    (last,) = connection.execute(
        "SELECT max(sequence) FROM reading WHERE sequence < (SELECT min(sequence) FROM reading) + ?", (BLOCK_ROWS,)
    ).fetchone()
    return None if last is None else int(last)


def _waits_for_roll_up(connection: sqlite3.Connection, last: int) -> bool:
    """Whether one of the readings up to this one is in a quarter-hour that has still to be rolled up."""
    return (
        connection.execute(
            """SELECT 1 FROM reading JOIN dirty ON dirty.meter_id = reading.meter_id AND dirty.start_us IN (
                   time_us - time_us % :quarter, time_us - 1 - (time_us - 1) % :quarter
               ) WHERE sequence <= :last LIMIT 1""",
            {"quarter": QUARTER_US, "last": last},
        ).fetchone()
        is not None
    )


def _is_older(connection: sqlite3.Connection, sequence: int, keep_s: float) -> bool:
    """Whether the machine has run for more than `keep_s` seconds between this reading and the newest.

    Invariants: sequence numbers grow in the order of measuring; a boot does not come back, so its readings lie between
    its first and the next boot's first; a boot's monotonic clock never goes back. A boot need not have readings.
    """
    boot, monotonic_us = connection.execute(
        "SELECT boot_id, monotonic_us FROM reading WHERE sequence = ?", (sequence,)
    ).fetchone()
    keep_us = keep_s * 1_000_000
    age_us = 0
    end = _BEYOND_ALL
    # Of boots that begin with the same number, all but the latest have no reading.
    boots = connection.execute("SELECT id, first_sequence FROM boot ORDER BY first_sequence DESC, id DESC")
    for boot_id, start in boots:
        last_us = _monotonic_us(connection, (start, end), "DESC")
        if boot_id == boot:
            return bool(age_us + (last_us or 0) - monotonic_us > keep_us)
        age_us += (last_us or 0) - (_monotonic_us(connection, (start, end), "ASC") or 0)
        if age_us > keep_us:
            return True
        end = start
    return False


def _monotonic_us(connection: sqlite3.Connection, span: tuple[int, int], order: str) -> int | None:
    """The clock of the first ("ASC") or the last ("DESC") reading with a number in the span; None if there is none."""
    row = connection.execute(
        f"SELECT monotonic_us FROM reading WHERE sequence >= ? AND sequence < ? ORDER BY sequence {order} LIMIT 1",  # noqa: S608 our own text
        span,
    ).fetchone()
    return None if row is None else int(row[0])
