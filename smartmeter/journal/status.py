"""What a journal holds, for `smartmeter db status`, and bringing one up to date while no daemon keeps it."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from smartmeter.energy.site import Site
from smartmeter.journal.bulk import JournalImport, Progress
from smartmeter.journal.database import connect_read_only
from smartmeter.journal.dirty import count_marks
from smartmeter.journal.errors import JournalError, error_text
from smartmeter.journal.names import table_columns
from smartmeter.journal.schema import STEPS
from smartmeter.periods import PERIODS


@dataclass(frozen=True, slots=True)
class JournalStatus:
    """`schema` is the step that the file has, `newest_schema` the one that this program makes of it.

    Sizes are in bytes, times in UTC microseconds since 1970-01-01. `rollups` counts the rows of each period, `dirty`
    the quarter-hours that wait to be rolled up, `backlog` by sink the readings that it has not taken yet, `set_aside`
    those that it refused.
    """

    path: Path
    schema: int
    newest_schema: int
    file_bytes: int
    log_bytes: int
    readings: int
    first_us: int | None
    last_us: int | None
    rollups: Mapping[str, int]
    dirty: int
    backlog: Mapping[str, int]
    set_aside: Mapping[str, int]


def journal_status(path: Path) -> JournalStatus:
    """What the journal at `path` holds. Raises JournalError if there is none, or none that can be read."""
    if not path.exists():
        raise JournalError(f"{path}: there is no journal; is smartmeter running with these settings?")
    log = path.with_name(path.name + "-wal")
    try:
        with closing(connect_read_only(path)) as connection:
            connection.execute("BEGIN")
            (schema,) = connection.execute("PRAGMA user_version").fetchone()
            readings, first_us, last_us = connection.execute(
                "SELECT count(*), min(time_us), max(time_us) FROM reading"
            ).fetchone()
            is_upgraded = bool(table_columns(connection, "dirty"))
            return JournalStatus(
                path=path,
                schema=schema,
                newest_schema=len(STEPS),
                file_bytes=path.stat().st_size,
                log_bytes=log.stat().st_size if log.exists() else 0,
                readings=readings,
                first_us=first_us,
                last_us=last_us,
                rollups={period: _count(connection, f"rollup_{period}") for period in PERIODS} if is_upgraded else {},
                dirty=count_marks(connection) if is_upgraded else 0,
                backlog=_backlog(connection),
                set_aside=dict(connection.execute("SELECT sink, count(*) FROM set_aside GROUP BY sink").fetchall()),
            )
    except (sqlite3.Error, OSError) as error:
        raise JournalError(f"{path}: cannot be read: {error_text(error)}") from None


def upgrade_journal(path: Path, site: Site) -> None:
    """Run the steps that the file lacks. Raises JournalError if a daemon keeps the journal."""
    JournalImport.for_shipping(path, (), site).close()


def refresh_journal(path: Path, site: Site, tell: Progress) -> None:
    """Roll up all that waits for it. Raises JournalError if a daemon keeps the journal: then it does so itself."""
    with JournalImport.for_shipping(path, (), site) as journal:
        journal.refresh(tell)


def _count(connection: sqlite3.Connection, table: str) -> int:
    (count,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608 a name of ours
    return int(count)


def _backlog(connection: sqlite3.Connection) -> dict[str, int]:
    return dict(
        connection.execute(
            "SELECT sink, (SELECT count(*) FROM reading WHERE sequence > cursor.sequence) FROM cursor"
        ).fetchall()
    )
