"""Connects to the server, and puts its errors into one line for the owner."""

from typing import Any

import psycopg
from psycopg.rows import TupleRow

from smartmeter.settings.model import PostgresqlSettings
from smartmeter.sinks.postgresql.sqlstate import advice
from smartmeter.sinks.sink import SinkUnavailableError

Connection = psycopg.AsyncConnection[TupleRow]

CONNECT_TIMEOUT_S = 10

# A line that died without a word, as a flat's does when it gets its new address at night, is noticed in 30 s.
_KEEPALIVE: dict[str, Any] = {
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}

# The same for the server's end: until it notices, a transaction that we lost blocks its repeat. A statement and no
# start-up options, because connection poolers refuse those. No jit: compiling the hundreds of expressions of a roll-up
# would take far longer than computing them.
_SESSION = b"""
    SET statement_timeout = '60s';
    SET lock_timeout = '30s';
    SET idle_in_transaction_session_timeout = '60s';
    SET tcp_keepalives_idle = 30;
    SET tcp_keepalives_interval = 10;
    SET tcp_keepalives_count = 3;
    SET jit = off
"""


async def connect(settings: PostgresqlSettings, tunnel_port: int | None) -> Connection:
    """An open connection in autocommit mode, over the tunnel's local port if there is one.

    Raises psycopg.Error.
    """
    # Through a tunnel the server keeps its name, so that its certificate can be checked: only the address is ours.
    address: dict[str, Any] = (
        {"port": settings.port} if tunnel_port is None else {"hostaddr": "127.0.0.1", "port": tunnel_port}
    )
    connection = await psycopg.AsyncConnection.connect(
        host=settings.host,
        dbname=settings.database,
        user=settings.user,
        password=settings.password,
        sslmode=settings.sslmode,
        gssencmode="disable",
        application_name="smartmeter",
        client_encoding="utf8",
        connect_timeout=CONNECT_TIMEOUT_S,
        **_KEEPALIVE,
        **address,
        autocommit=True,
        # Prepared statements do not survive a connection pooler, and we send few statements.
        prepare_threshold=None,
    )
    try:
        await connection.execute(_SESSION)
    except BaseException:
        await connection.close()
        raise
    return connection


def place(settings: PostgresqlSettings) -> str:
    """Where the database is, for messages: server, database and user, never the password."""
    through = "" if settings.ssh is None else f" through SSH server {settings.ssh.host}:{settings.ssh.port}"
    return (
        f"PostgreSQL at {settings.host}:{settings.port}{through}, database {settings.database!r}, "
        f"user {settings.user!r}"
    )


def unavailable(settings: PostgresqlSettings, error: psycopg.Error) -> SinkUnavailableError:
    """The error as the owner should read it."""
    words = reason(error)
    hint = advice(error.sqlstate, words)
    return SinkUnavailableError(f"{place(settings)}: {words}" + (f"; {hint}" if hint else ""))


def reason(error: psycopg.Error) -> str:
    """What the server, or the library that did not reach it, says: one line without decoration."""
    if error.diag.message_primary:
        return f"{error.diag.message_primary} ({error.sqlstate})"
    lines = str(error).strip().splitlines() or [type(error).__name__]
    # "connection failed: connection to server at "…", port … failed: FATAL:  …"
    words = lines[0].rpartition(" failed: ")[2].removeprefix("FATAL:").strip()
    return words.removeprefix("connection failed: ")
