"""The tables of the journal, and the numbered steps that made them.

meter      a number for each meter's name
boot       a number for each boot of the kernel, and the first reading in it
reading    one row per reading, one column per measurand; `sequence` is the order in which they came
cursor     how far each sink has taken the readings
set_aside  the readings that a sink refuses for good, and why
readings   a view for people, dashboards and spreadsheets
"""

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path

from smartmeter.journal.database import transaction, use_log
from smartmeter.journal.errors import JournalError

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
)

KEY_COLUMNS = ("sequence", "meter_id", "time_us", "boot_id", "monotonic_us")


def quoted(name: str) -> str:
    """`name` as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


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
        _make_view(connection)


def measurand_columns(connection: sqlite3.Connection) -> tuple[str, ...]:
    """The measurands that have a column, in the columns' order; none if there is no table yet."""
    names = (name for _, name, *_ in connection.execute("PRAGMA table_info(reading)"))
    return tuple(name for name in names if name not in KEY_COLUMNS)


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


def _make_view(connection: sqlite3.Connection) -> None:
    values = "".join(f", reading.{quoted(name)}" for name in measurand_columns(connection))
    connection.execute("DROP VIEW IF EXISTS readings")
    # time_s for Grafana, which takes whole seconds; time_us to filter by, it has the index.
    connection.execute(
        f"""CREATE VIEW readings AS SELECT
            strftime('%Y-%m-%dT%H:%M:%fZ', reading.time_us / 1e6, 'unixepoch') AS time,
            reading.time_us / 1000000 AS time_s, reading.time_us AS time_us,
            meter.name AS meter, reading.sequence AS sequence{values}
            FROM reading JOIN meter ON meter.id = reading.meter_id"""  # noqa: S608 our vocabulary's names, quoted
    )
