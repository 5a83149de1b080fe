"""Whether an SSH server is the one that it was: its host key against the file known_hosts.

Importing this imports asyncssh.
"""

import logging
import os
import shlex
from pathlib import Path

import asyncssh

from smartmeter.settings.model import SshSettings
from smartmeter.sinks.sink import SinkUnavailableError

log = logging.getLogger(__name__)

_SSH_PORT = 22

# Asked for after the types of the keys that are known: so a server whose key is now of another type shows it, and can
# be told from one that is merely broken.
HOST_KEY_TYPES = "+ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,rsa-sha2-256,rsa-sha2-512"

Keys = list[asyncssh.SSHKey]


class HostKeyJudge(asyncssh.SSHClient):
    """Judges the key of a server during one connection attempt.

    `unknown` is a key that known_hosts says nothing of, where such a key is to be pinned; `error` says why a key was
    not accepted.
    """

    def __init__(self, settings: SshSettings, known_hosts: asyncssh.SSHKnownHosts) -> None:
        self._settings = settings
        self._known_hosts = known_hosts
        self._known: Keys = []
        self.unknown: asyncssh.SSHKey | None = None
        self.error: str | None = None

    def known_keys(self, host: str, addr: str, port: int | None) -> tuple[Keys, Keys, Keys]:
        """The keys that known_hosts has for a server: trusted ones, those of authorities, revoked ones.

        `port` None is 22. Any other counts: asyncssh would also take the keys of the server at port 22, but behind one
        address there may be several servers.
        """
        if port is None:
            found = [self._known_hosts.match(host, addr, None)]
        else:
            found = [self._known_hosts.match(f"[{name}]:{port}", "", None) for name in dict.fromkeys((host, addr))]
        self._known = [key for match in found for key in match[0]]
        return self._known, [key for match in found for key in match[1]], [key for match in found for key in match[2]]

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:  # noqa: ARG002
        """Whether to go on with a key that is not among the known ones; asyncssh asks for no other."""
        if self._known:
            self.error = _changed(self._settings, key, self._known)
            return False
        if self._settings.host_keys == "known":
            self.error = _unknown(self._settings, key)
            return False
        self.unknown = key
        return True

    def validate_host_ca_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:  # noqa: ARG002
        """Whether to trust a certificate authority that known_hosts does not name: never."""
        self.error = _unknown(self._settings, key)
        return False


def read_known_hosts(path: Path) -> asyncssh.SSHKnownHosts:
    """The keys that are known; none if there is no such file.

    Raises SinkUnavailableError if it cannot be read.
    """
    try:
        return asyncssh.import_known_hosts(path.read_text("utf-8"))
    except FileNotFoundError:
        return asyncssh.import_known_hosts("")
    except (OSError, ValueError) as error:
        raise SinkUnavailableError(f"{path} cannot be read as known_hosts: {error}") from None


def pin(settings: SshSettings, key: asyncssh.SSHKey) -> None:
    """Write the key into known_hosts: from now on the server must have it.

    Raises SinkUnavailableError if it cannot be written.
    """
    path = settings.known_hosts
    line = f"{_known_hosts_name(settings)} {key.export_public_key().decode('ascii').strip()}\n"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        existing = path.read_text("utf-8") if path.exists() else ""
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "w", encoding="utf-8") as file:
            file.write(line if not existing or existing.endswith("\n") else f"\n{line}")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise SinkUnavailableError(f"the SSH server's host key cannot be kept: {error}; make {path} writable") from None
    log.warning(
        "SSH server %s:%d IS SEEN FOR THE FIRST TIME and trusted from now on, with the host key %s %s, now in %s. "
        "Compare it on the server with: ssh-keygen -lf /etc/ssh/ssh_host_…_key.pub",
        settings.host,
        settings.port,
        key.get_algorithm(),
        key.get_fingerprint(),
        path,
    )


def _changed(settings: SshSettings, key: asyncssh.SSHKey, known: Keys) -> str:
    return (
        f"the host key of SSH server {settings.host}:{settings.port} HAS CHANGED: it is now {key.get_fingerprint()}, "
        f"{settings.known_hosts} has {', '.join(each.get_fingerprint() for each in known)}; somebody may be in "
        f"between. {_forget(settings)}"
    )


def _forget(settings: SshSettings) -> str:
    remove = shlex.join(["ssh-keygen", "-R", _known_hosts_name(settings), "-f", str(settings.known_hosts)])
    return f"Only if you know why, remove the old key: {remove}"


def _unknown(settings: SshSettings, key: asyncssh.SSHKey) -> str:
    scan = shlex.join(["ssh-keyscan", "-p", str(settings.port), settings.host])
    return (
        f"the host key of SSH server {settings.host}:{settings.port} is unknown: {key.get_algorithm()} "
        f"{key.get_fingerprint()}; if that is the server's own (compare it there), accept it: "
        f"{scan} >> {shlex.quote(str(settings.known_hosts))}"
    )


def _known_hosts_name(settings: SshSettings) -> str:
    return settings.host if settings.port == _SSH_PORT else f"[{settings.host}]:{settings.port}"
