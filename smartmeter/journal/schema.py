"""The tables of the journal, and the numbered steps that made them.

meter      a number for each meter's name
boot       a number for each boot of the kernel, and the first reading in it
reading    one row per reading, one column per measurand; `sequence` is the order in which they came
cursor     how far each sink has taken the readings
set_aside  the readings that a sink refuses for good, and why
rollup_*   quarter-hours, hours and days of each meter: what `smartmeter.history.columns` says of each measurand
energy_*   likewise the energy that each counter counted
dirty      the quarter-hours whose readings changed since they were rolled up
counter_*  what the guard found at counters (flag), and what the owner decided (decision)
health     how measuring itself fares: load and failures of each bus, backlog of each sink
import_*   how far each import has come
meta       the zone and the tariffs by which hours, days and costs were made

For people, dashboards and reports there are views; `smartmeter/journal/views.py` has them.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path

from smartmeter.journal.database import transaction, use_log
from smartmeter.journal.dirty import MARK_ALL
from smartmeter.journal.errors import JournalError
from smartmeter.journal.names import measurand_columns, quoted
from smartmeter.journal.rollup_tables import make_rollup_tables
from smartmeter.journal.views import make_views

# "SmMe" in ASCII; tells `file` and us whose database this is (https://www.sqlite.org/pragma.html#pragma_application_id).
APPLICATION_ID = 0x536D4D65

# A step never changes once it has been released: a new need is a new step at the end.
STEPS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE meter (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
        "CREATE TABLE boot (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, first_sequence INTEGER NOT NULL)",
        """CREATE TABLE reading (
            sequence INTEGER PRIMARY KEY,
            meter_id INTEGER NOT NULL REFERENCES meter,
            time_us INTEGER NOT NULL,
            boot_id INTEGER NOT NULL REFERENCES boot,
            monotonic_us INTEGER NOT NULL
        )""",
        # Not unique: the clock of a Pi can jump back.
        "CREATE INDEX reading_by_time ON reading (meter_id, time_us)",
        "CREATE TABLE cursor (sink TEXT PRIMARY KEY, sequence INTEGER NOT NULL) WITHOUT ROWID",
        """CREATE TABLE set_aside (
            sink TEXT NOT NULL,
            sequence INTEGER NOT NULL,
            error TEXT NOT NULL,
            at_us INTEGER NOT NULL,
            PRIMARY KEY (sink, sequence)
        ) WITHOUT ROWID""",
        # What ANALYZE would find in a grown journal: a few meters, many readings. It tells SQLite that the index serves
        # a span of time also where no meter is named, and it costs nothing to keep
        # (https://www.sqlite.org/optoverview.html#skipscan).
        "ANALYZE",
        "INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('meter', NULL, '4')",
        "INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('reading', 'reading_by_time', '10000000 2500000 1')",
    ),
    # The counters of a quarter-hour lie side by side: they are written together, and an SD card is spared pages.
    # IF NOT EXISTS: what is recovered from a damaged journal is given the number 1, whatever it was.
    (
        *(
            f"""CREATE TABLE IF NOT EXISTS energy_{period} (
                meter_id INTEGER NOT NULL REFERENCES meter,
                measurand TEXT NOT NULL,
                start_us INTEGER NOT NULL,
                energy REAL NOT NULL,
                gap_energy REAL NOT NULL,
                gap_from_us INTEGER,
                cost REAL,
                unpriced REAL NOT NULL,
                {more}PRIMARY KEY (meter_id, start_us, measurand)
            ) WITHOUT ROWID"""
            for period, more in (
                # Of how many readings, and the state of the guard at the end.
                (
                    "15m",
                    "n INTEGER NOT NULL, last_us INTEGER NOT NULL, last_value REAL NOT NULL, held TEXT, ",
                ),
                ("1h", ""),
                ("1d", ""),
            )
        ),
        """CREATE TABLE IF NOT EXISTS dirty (
            meter_id INTEGER NOT NULL REFERENCES meter,
            start_us INTEGER NOT NULL,
            PRIMARY KEY (meter_id, start_us)
        ) WITHOUT ROWID""",
        """CREATE TABLE IF NOT EXISTS counter_flag (
            meter_id INTEGER NOT NULL REFERENCES meter,
            measurand TEXT NOT NULL,
            time_us INTEGER NOT NULL,
            kind TEXT NOT NULL,
            value REAL NOT NULL,
            before REAL NOT NULL,
            quarter_us INTEGER NOT NULL,
            PRIMARY KEY (meter_id, measurand, time_us)
        ) WITHOUT ROWID""",
        """CREATE TABLE IF NOT EXISTS counter_decision (
            meter_id INTEGER NOT NULL REFERENCES meter,
            measurand TEXT NOT NULL,
            time_us INTEGER NOT NULL,
            kind TEXT NOT NULL,
            decided_us INTEGER NOT NULL,
            PRIMARY KEY (meter_id, measurand, time_us, kind)
        ) WITHOUT ROWID""",
        """CREATE TABLE IF NOT EXISTS health (
            part TEXT NOT NULL,
            name TEXT NOT NULL,
            quantity TEXT NOT NULL,
            start_us INTEGER NOT NULL,
            value REAL NOT NULL,
            PRIMARY KEY (start_us, part, name, quantity)
        ) WITHOUT ROWID""",
        """CREATE TABLE IF NOT EXISTS import_position (
            source TEXT PRIMARY KEY,
            position TEXT NOT NULL,
            readings INTEGER NOT NULL
        ) WITHOUT ROWID""",
        "CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
        MARK_ALL,
    ),
)


def migrate(
    connection: sqlite3.Connection, path: Path, measurands: Iterable[str], steps: Sequence[Sequence[str]] = STEPS
) -> None:
    """Brings the schema up to date: the steps that are missing, and a column for each of `measurands`.

    Raises JournalError if a newer smartmeter, or another program, made the file, and sqlite3.Error. Then nothing has
    changed.
    """
    version = _known_version(connection, path, len(steps))
    use_log(connection)
    present = measurand_columns(connection)
    missing = [measurand for measurand in dict.fromkeys(measurands) if measurand not in present]
    if version == len(steps) and not missing:
        return
    with transaction(connection):
        for step in steps[version:]:
            for statement in step:
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {len(steps)}")
        for measurand in missing:
            connection.execute(f"ALTER TABLE reading ADD COLUMN {quoted(measurand)} REAL")
        make_rollup_tables(connection)
        make_views(connection)


def _known_version(connection: sqlite3.Connection, path: Path, newest: int) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if tables and application != APPLICATION_ID:
        raise JournalError(f"{path}: this is another program's database; set another [journal] path")
    if version > newest:
        raise JournalError(
            f"{path}: a newer smartmeter wrote this journal (schema {version}, this one knows {newest}); "
            "install one as new as that, or set another [journal] path"
        )
    return int(version)
