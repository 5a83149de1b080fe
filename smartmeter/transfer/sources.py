"""Finds out what a source is by its name and its first bytes."""

from pathlib import Path
from zoneinfo import ZoneInfo

from smartmeter.settings.model import Settings
from smartmeter.sinks.driver import require_driver
from smartmeter.transfer.errors import TransferError
from smartmeter.transfer.source import Source

DATABASE = "postgresql"


async def open_source(name: str, settings: Settings, table: str | None, meter: str, zone: ZoneInfo) -> Source:
    """The database of the settings if the name is "postgresql", else the SQLite or CSV file of this name.

    `table` None: the one that the settings name, or the only one in the file. `meter` is whose readings they are where
    no column says it ("" if that is not known), `zone` that of times without one.

    Raises SmartmeterError if there is no such source, or no readings are in it.
    """
    if name == DATABASE:
        if settings.postgresql is None:
            raise TransferError(f"{settings.source}: there is no database in the settings to import from")
        require_driver()
        from smartmeter.transfer.postgresql_source import PostgresqlSource  # noqa: PLC0415 - psycopg

        return await PostgresqlSource.open(settings.postgresql, table, meter, zone)
    return _file_source(Path(name), settings.journal.path, table, meter, zone)


def _file_source(path: Path, journal: Path, table: str | None, meter: str, zone: ZoneInfo) -> Source:
    if not path.is_file():
        why = "this is no file" if path.exists() else "there is no such file"
        raise TransferError(f"{path}: {why}; import a CSV file, an SQLite file, or {DATABASE}")
    from smartmeter.transfer.sqlite_source import SqliteSource, is_sqlite  # noqa: PLC0415

    if is_sqlite(path):
        if journal.exists() and path.samefile(journal):
            raise TransferError(f"{path}: this is the journal itself, into which readings are imported")
        return SqliteSource(path, table, meter, zone)
    if table is not None:
        raise TransferError(f"{path}: --table is for databases, and this is no SQLite file")
    from smartmeter.transfer.csv_source import CsvSource  # noqa: PLC0415

    return CsvSource(path, meter, zone)
