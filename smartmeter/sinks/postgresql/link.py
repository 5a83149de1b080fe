"""The way to the server: one connection, and the SSH tunnel if it needs one, each opened anew when it is gone."""

import asyncio
import importlib
from typing import TYPE_CHECKING

import psycopg

from smartmeter.settings.model import PostgresqlSettings, SshSettings
from smartmeter.sinks.postgresql.connection import Connection, connect, place, unavailable
from smartmeter.sinks.sink import SinkUnavailableError

if TYPE_CHECKING:
    from smartmeter.sinks.tunnel import Tunnel


class Link:
    """Holds at most one connection and one tunnel."""

    def __init__(self, settings: PostgresqlSettings) -> None:
        self._settings = settings
        self._connection: Connection | None = None
        self._tunnel: Tunnel | None = None

    @property
    def is_open(self) -> bool:
        """Whether there is a connection, as far as is known without using it."""
        return self._connection is not None and not self._connection.closed

    async def connection(self) -> Connection:
        """The connection; opened if there is none.

        Raises SinkUnavailableError.
        """
        if self._connection is None or self._connection.closed:
            ssh = self._settings.ssh
            tunnel_port = None if ssh is None else await self._open_tunnel(ssh)
            try:
                self._connection = await connect(self._settings, tunnel_port)
            except psycopg.Error as error:
                raise await self._why(error) from None
        return self._connection

    async def drop(self) -> None:
        """Close the connection, whatever it is doing; the tunnel stays."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def close(self) -> None:
        """Close connection and tunnel."""
        await self.drop()
        tunnel, self._tunnel = self._tunnel, None
        if tunnel is not None:
            await tunnel.close()

    async def _open_tunnel(self, ssh: SshSettings) -> int:
        if self._tunnel is None:
            # This takes a second on a small machine, and meters are being read: not on the event loop.
            await asyncio.to_thread(importlib.import_module, "asyncssh")
            from smartmeter.sinks.tunnel import Tunnel  # noqa: PLC0415  heavy, and only for those who have a tunnel

            self._tunnel = Tunnel(ssh, self._settings.host, self._settings.port)
        return await self._tunnel.open()

    async def _why(self, error: psycopg.Error) -> SinkUnavailableError:
        """Why the server was not reached; the tunnel knows better than libpq, which only sees its local end."""
        blocked = None if self._tunnel is None else await self._tunnel.why_blocked()
        if blocked is None:
            return unavailable(self._settings, error)
        return SinkUnavailableError(f"{place(self._settings)}: {blocked}; is PostgreSQL running and listening there?")
