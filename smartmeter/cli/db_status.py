"""What `smartmeter db status` prints."""

import asyncio
import json
from dataclasses import asdict
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from smartmeter.cli.kept import database_of
from smartmeter.periods import local_time
from smartmeter.settings.model import Settings

if TYPE_CHECKING:
    from smartmeter.journal.status import JournalStatus
    from smartmeter.sinks.postgresql.status import DatabaseStatus

_PERIOD_NAMES = {"15m": "quarter-hours", "1h": "hours", "1d": "days"}


def print_status(settings: Settings, *, as_json: bool) -> None:
    """Print what the journal and, if there is one, the database hold.

    Raises SmartmeterError for a database that cannot be looked at; what the journal holds is printed before.
    """
    from smartmeter.journal.status import journal_status  # noqa: PLC0415

    path = settings.journal.path
    journal = journal_status(path) if path.exists() else None
    if as_json:
        database = _database_status(settings)
        found = {"journal": journal and asdict(journal), "database": database and asdict(database)}
        print(json.dumps(found, indent=2, default=str))
        return
    zone = ZoneInfo(settings.timezone)
    lines = [f"journal: {path}: there is none yet"] if journal is None else _journal_lines(journal, zone)
    print("\n".join(lines))
    database = _database_status(settings)
    if database is not None:
        print("\n".join(_database_lines(database, zone)))


def _database_status(settings: Settings) -> "DatabaseStatus | None":
    target = database_of(settings)
    if target is None:
        return None
    from smartmeter.sinks.postgresql.status import database_status  # noqa: PLC0415

    return asyncio.run(database_status(target))


def _journal_lines(status: "JournalStatus", zone: ZoneInfo) -> list[str]:
    rows = ", ".join(f"{count} {_PERIOD_NAMES[period]}" for period, count in status.rollups.items())
    schema = _schema(status.schema, status.newest_schema)
    return [
        f"journal: {status.path}, {_megabytes(status.file_bytes + status.log_bytes)}, {schema}",
        f"  readings: {status.readings}{_span(status.first_us, status.last_us, zone)}",
        f"  roll-ups: {rows or 'none'}; {_waiting(status.dirty)}",
        *(
            f"  {sink}: {backlog} readings wait for it, {status.set_aside.get(sink, 0)} were refused"
            for sink, backlog in status.backlog.items()
        ),
    ]


def _database_lines(status: "DatabaseStatus", zone: ZoneInfo) -> list[str]:
    extension = "without TimescaleDB" if status.timescaledb is None else f"with TimescaleDB {status.timescaledb}"
    kind = "hypertable" if status.is_hypertable else "table"
    readings = f"about {status.readings} readings{_span(status.first_us, status.last_us, zone)}"
    lines = [
        f"database: {status.place}: server version {status.version}, {extension}",
        f"  {kind} {status.table}: {_megabytes(status.raw_bytes)}, {readings}",
    ]
    if not status.schema:
        return [*lines, "  roll-ups: none; make them: smartmeter db init"]
    kind = "continuous aggregates" if status.continuous else "tables"
    in_zone = "not made yet" if status.timezone is None else f"in {status.timezone}"
    sizes = f"{_megabytes(status.rollup_bytes)}; energy {_megabytes(status.energy_bytes)}"
    lines += [
        f"  roll-ups: {kind}, {sizes}; {_schema(status.schema, status.newest_schema)}",
        f"  hours and days: {in_zone}; {_waiting(status.dirty)}",
    ]
    if status.compression is not None:
        chunks = status.compression
        smaller = f", {chunks.bytes_before / chunks.bytes_after:.1f} times smaller" if chunks.bytes_after else ""
        lines.append(f"  compressed: {chunks.compressed_chunks} of {chunks.chunks} chunks{smaller}")
    return lines


def _schema(there: int, newest: int) -> str:
    return f"schema {there}" + ("" if there == newest else f" of {newest}: smartmeter db upgrade")


def _waiting(quarters: int) -> str:
    return "nothing waits to be rolled up" if not quarters else f"{quarters} quarter-hours wait to be rolled up"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


def _span(first_us: int | None, last_us: int | None, zone: ZoneInfo) -> str:
    if first_us is None or last_us is None:
        return ""
    return f" from {local_time(first_us, zone):%Y-%m-%d %H:%M:%S} to {local_time(last_us, zone):%Y-%m-%d %H:%M:%S}"
