"""Which columns the readings have, and how names stand in SQL."""

import sqlite3

KEY_COLUMNS = ("sequence", "meter_id", "time_us", "boot_id", "monotonic_us")


def quoted(name: str) -> str:
    """`name` as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def measurand_columns(connection: sqlite3.Connection) -> tuple[str, ...]:
    """The measurands that have a column, in the columns' order; none if there is no table yet."""
    return tuple(name for name in table_columns(connection, "reading") if name not in KEY_COLUMNS)


def table_columns(connection: sqlite3.Connection, table: str) -> tuple[str, ...]:
    """The columns of a table or view of ours, in their order; none if there is none of this name."""
    return tuple(name for _, name, *_ in connection.execute(f"PRAGMA table_info({quoted(table)})"))
