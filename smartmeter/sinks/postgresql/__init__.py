"""PostgreSQL and TimescaleDB as a sink. Importing this imports psycopg: only where PostgreSQL is configured."""

from smartmeter.sinks.postgresql.check import check_postgresql
from smartmeter.sinks.postgresql.sink import PostgresqlSink
from smartmeter.sinks.postgresql.site import site_of

__all__ = ["PostgresqlSink", "check_postgresql", "site_of"]
