"""The views for people, dashboards, spreadsheets and reports.

Each has the time three times: `time` as a text, `time_s` for Grafana, which takes whole seconds, and `time_us` to
filter by, which has the index.
"""

import sqlite3

from smartmeter.journal.names import measurand_columns, quoted, table_columns
from smartmeter.periods import PERIODS


def make_views(connection: sqlite3.Connection) -> None:
    """Make them anew, with the columns that the tables have now, within the caller's transaction."""
    values = "".join(f", reading.{quoted(name)}" for name in measurand_columns(connection))
    _make(connection, "readings", "reading", f"reading.sequence AS sequence{values}", "time_us")
    for period in PERIODS:
        columns = table_columns(connection, f"rollup_{period}")[2:]
        _make(connection, f"readings_{period}", f"rollup_{period}", ", ".join(map(quoted, columns)), "start_us")
        energy = "measurand, energy, gap_energy, gap_from_us / 1000000 AS gap_from_s, gap_from_us, cost, unpriced"
        _make(connection, f"energy_per_{period}", f"energy_{period}", energy, "start_us")
    _make_health(connection)
    _make(connection, "counter_flags", "counter_flag", "measurand, kind, value, before", "time_us")


def _make_health(connection: sqlite3.Connection) -> None:
    connection.execute("DROP VIEW IF EXISTS health_per_15m")
    connection.execute(
        """CREATE VIEW health_per_15m AS SELECT
            strftime('%Y-%m-%dT%H:%M:%fZ', start_us / 1e6, 'unixepoch') AS time,
            start_us / 1000000 AS time_s, start_us AS time_us, part, name, quantity, value FROM health"""
    )


def _make(connection: sqlite3.Connection, view: str, table: str, columns: str, time: str) -> None:
    connection.execute(f"DROP VIEW IF EXISTS {view}")
    connection.execute(
        f"""CREATE VIEW {view} AS SELECT
            strftime('%Y-%m-%dT%H:%M:%fZ', {table}.{time} / 1e6, 'unixepoch') AS time,
            {table}.{time} / 1000000 AS time_s, {table}.{time} AS time_us,
            meter.name AS meter, {columns}
            FROM {table} JOIN meter ON meter.id = {table}.meter_id"""  # noqa: S608 our vocabulary's names, quoted
    )
