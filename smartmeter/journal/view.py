"""The newest values in a journal, for other processes: read-only, while the daemon writes."""

import sqlite3
from contextlib import closing
from pathlib import Path

from smartmeter.journal.database import connect_read_only
from smartmeter.journal.errors import JournalError, error_text
from smartmeter.journal.names import measurand_columns, quoted

# How far back to look: at 68 values a row 3 MB, and nearly 7 hours of one meter read every 5 seconds.
TAIL_ROWS = 5000

Latest = dict[str, dict[str, tuple[float | None, int]]]


def latest_readings(path: Path) -> Latest:
    """The newest value of every measurand of every meter, with its UTC time in microseconds, by meter and measurand id.

    Newest is what came last, whatever the clock said. What has no value in the newest 5000 readings is left out.

    Raises JournalError if there is no journal at `path`, or none that can be read.
    """
    if not path.exists():
        raise JournalError(f"{path}: there is no journal; is smartmeter running with these settings?")
    try:
        with closing(connect_read_only(path)) as connection:
            # One transaction: every query sees the same moment.
            connection.execute("BEGIN")
            return _latest(connection)
    except sqlite3.Error as error:
        raise JournalError(f"{path}: cannot be read: {error_text(error)}") from None


def _latest(connection: sqlite3.Connection) -> Latest:
    (newest,) = connection.execute("SELECT coalesce(max(sequence), 0) FROM reading").fetchone()
    meters = connection.execute("SELECT id, name FROM meter ORDER BY id").fetchall()
    columns = measurand_columns(connection)
    found = ((name, _latest_of(connection, id_, columns, newest - TAIL_ROWS)) for id_, name in meters)
    return {name: values for name, values in found if values}


def _latest_of(
    connection: sqlite3.Connection, meter_id: int, measurands: tuple[str, ...], after: int
) -> dict[str, tuple[float | None, int]]:
    values: dict[str, tuple[float | None, int]] = {}
    missing = measurands
    # Each turn asks for the newest row with a value that is still missing. SQLite skips the others; what is read at one
    # time comes in one turn.
    while missing:
        wanted = ", ".join(map(quoted, missing))
        row = connection.execute(
            f"SELECT time_us, {wanted} FROM reading NOT INDEXED WHERE meter_id = ? AND sequence > ? "  # noqa: S608 quoted
            f"AND coalesce({wanted}, NULL) IS NOT NULL ORDER BY sequence DESC LIMIT 1",
            (meter_id, after),
        ).fetchone()
        if row is None:
            break
        time_us, *found = row
        values |= {m: (value, time_us) for m, value in zip(missing, found, strict=True) if value is not None}
        missing = tuple(measurand for measurand in missing if measurand not in values)
    return {measurand: values[measurand] for measurand in measurands if measurand in values}
