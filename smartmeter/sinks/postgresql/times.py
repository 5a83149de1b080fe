"""Times between here, where they are UTC microseconds since 1970-01-01, and the database."""

from datetime import UTC, datetime, timedelta

from psycopg import sql

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def from_us(time_us: int) -> datetime:
    """As a parameter of a statement; years 1 to 9999."""
    return _EPOCH + timedelta(microseconds=time_us)


def bounded(time_us: int) -> int:
    """The time, or the nearest that a database and a datetime both hold: years 1 to 9999."""
    return min(max(time_us, -62_135_596_800_000_000), 253_402_300_799_999_999)


def us(time: sql.Composable) -> sql.Composed:
    """An expression of SQL that gives the microseconds of a time in the database."""
    return sql.SQL("(extract(epoch FROM {}) * 1000000)::int8").format(time)
