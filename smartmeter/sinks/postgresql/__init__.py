"""PostgreSQL and TimescaleDB as a sink. Importing this imports psycopg: only where PostgreSQL is configured."""

from smartmeter.sinks.postgresql.check import check_postgresql
from smartmeter.sinks.postgresql.sink import PostgresqlSink

__all__ = ["PostgresqlSink", "check_postgresql"]
