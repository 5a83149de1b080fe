"""An SSH tunnel: a port on this machine that leads to a port which the SSH server can reach.

The local end is a TCP port and no Unix socket, because libpq speaks TLS over TCP only: so `sslmode` means the same with
and without a tunnel. Importing this imports asyncssh.
"""

import asyncio
import logging
import os

import asyncssh

from smartmeter.settings.model import SshSettings
from smartmeter.sinks.host_keys import HOST_KEY_TYPES, HostKeyJudge, pin, read_known_hosts
from smartmeter.sinks.sink import SinkUnavailableError

CONNECT_TIMEOUT_S = 20
# A server that is gone without a word is noticed after 90 s.
KEEPALIVE_INTERVAL_S = 30
KEEPALIVE_COUNT = 3

_LOCAL = "127.0.0.1"


class Tunnel:
    """Leads to `far_host`:`far_port`, as the SSH server sees them. Opened by `open`, as often as it has to be."""

    def __init__(self, settings: SshSettings, far_host: str, far_port: int) -> None:
        self._settings = settings
        self._far = (far_host, far_port)
        self._connection: asyncssh.SSHClientConnection | None = None
        self._port = 0

    @property
    def is_open(self) -> bool:
        """Whether there is a connection to the server that is not known to be dead."""
        return self._connection is not None and not self._connection.is_closed()

    async def open(self) -> int:
        """The local port; the connection is made anew if there is none or it is dead.

        Raises SinkUnavailableError.
        """
        if not self.is_open:
            self._connection = await _connect(self._settings)
            try:
                listener = await self._connection.forward_local_port(_LOCAL, 0, *self._far)
            except BaseException:
                await self.close()
                raise
            self._port = listener.get_port()
        return self._port

    async def why_blocked(self) -> str | None:
        """What keeps a connection from passing through, None if nothing does."""
        if self._connection is None or self._connection.is_closed():
            return "the SSH connection was lost"
        try:
            _, writer = await self._connection.open_connection(*self._far)
        except asyncssh.ChannelOpenError as error:
            return f"the SSH server does not get through to it: {error.reason}"
        except (OSError, asyncssh.Error) as error:
            return f"the SSH connection was lost: {error}"
        writer.close()
        return None

    async def close(self) -> None:
        """End the connection at once, even when the server does not answer."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.abort()
            await connection.wait_closed()


async def _connect(settings: SshSettings) -> asyncssh.SSHClientConnection:
    """A connection to the server, after its host key has been checked.

    Raises SinkUnavailableError.
    """
    # It tells every step of every connection; what matters is told here, once.
    asyncssh.set_log_level(logging.WARNING)
    known_hosts = await asyncio.to_thread(read_known_hosts, settings.known_hosts)
    # Opening a key with a passphrase takes long on purpose: not on the event loop.
    keys = None if settings.key_file is None else [await asyncio.to_thread(_read_key, settings)]
    judge = HostKeyJudge(settings, known_hosts)
    try:
        connection = await asyncssh.connect(
            settings.host,
            settings.port,
            username=settings.user,
            password=settings.password,
            client_keys=keys,
            known_hosts=judge.known_keys,
            server_host_key_algs=HOST_KEY_TYPES,
            client_factory=lambda: judge,
            # Only what the settings say: no ~/.ssh/config, no agent, no certificates, no Kerberos.
            config=None,
            agent_path=None,
            x509_trusted_certs=None,
            gss_host=None,
            connect_timeout=CONNECT_TIMEOUT_S,
            keepalive_interval=KEEPALIVE_INTERVAL_S,
            keepalive_count_max=KEEPALIVE_COUNT,
        )
    except (OSError, asyncssh.Error, ValueError) as error:
        # Who is asked for a password has proved to have the host key: it counts as seen.
        if isinstance(error, asyncssh.PermissionDenied):
            await _pin(settings, judge)
        raise SinkUnavailableError(_why(settings, judge, error)) from None
    try:
        await _pin(settings, judge)
    except BaseException:
        connection.abort()
        raise
    return connection


async def _pin(settings: SshSettings, judge: HostKeyJudge) -> None:
    if judge.unknown is not None:
        await asyncio.to_thread(pin, settings, judge.unknown)


def _read_key(settings: SshSettings) -> asyncssh.SSHKey:
    try:
        return asyncssh.read_private_key(str(settings.key_file), settings.key_passphrase)
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
        raise SinkUnavailableError(f"SSH key {settings.key_file}: {error}; is the passphrase right?") from None
    except OSError as error:
        raise SinkUnavailableError(f"SSH key {settings.key_file} cannot be read: {error.strerror}") from None


def _why(settings: SshSettings, judge: HostKeyJudge, error: Exception) -> str:
    """Why there is no connection, and what to do about it, in one line."""
    if judge.error is not None:
        return judge.error
    match error:
        case asyncssh.PermissionDenied():
            what = f"does not let user {settings.user!r} in; check user, password and key in the settings"
        case TimeoutError():
            what = f"does not answer within {CONNECT_TIMEOUT_S} s; is it on, and are host and port right?"
        case OSError():
            # asyncio's own text for it is a Python tuple.
            words = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or error
            what = f"is not reached: {words}; is it on, and are host and port right?"
        case _:
            what = f"ended the connection: {error}"
    return f"SSH server {settings.host}:{settings.port} {what}"
