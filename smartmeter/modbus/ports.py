"""Where meters are reached: what stands at `port`, as one frozen class for each kind of line.

A path is a serial line with Modbus RTU. Everything else says its kind, as URLs do: `ascii:///dev/ttyUSB0`,
`tcp://host:502` (Modbus TCP), `rtu+tcp://host:port` and `rtu+udp://host:port` (RTU frames by way of a transparent
gateway). An IPv6 address stands in brackets.
"""

import os
import re
from dataclasses import dataclass
from ipaddress import IPv6Address

# The one that is registered for it ("MODBUS messaging on TCP/IP implementation guide V1.0b", section 3.1.3).
MODBUS_TCP_PORT = 502
KINDS = (
    'the name of a serial port such as "/dev/serial/by-id/…", or "ascii:///dev/…", "tcp://host:502", '
    '"rtu+tcp://host:port" or "rtu+udp://host:port"'
)

_HIGHEST_PORT = 65535
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
_HOST = re.compile(
    r"(?:\[(?P<v6>[0-9A-Fa-f:.]+(?:%[\w.-]+)?)\]|(?P<name>[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252}[A-Za-z0-9_])?))"
    r"(?::(?P<port>[0-9]{1,5}))?/?"
)


class PortSyntaxError(ValueError):
    """What stands there names no port; the text says what would."""


@dataclass(frozen=True, slots=True)
class SerialPort:
    """Modbus RTU on a serial line."""

    path: str

    @property
    def key(self) -> str:
        """The same for all names of one port."""
        return os.path.realpath(self.path)

    def __str__(self) -> str:
        return self.path


@dataclass(frozen=True, slots=True)
class AsciiPort(SerialPort):
    """Modbus ASCII on a serial line."""

    # Without this, `super` finds the class that slots replaced.
    def __str__(self) -> str:
        return f"ascii://{self.path}"


@dataclass(frozen=True, slots=True)
class NetworkPort:
    """A host, by name or address, and a port there."""

    host: str
    port: int

    @property
    def key(self) -> str:
        """The same for all kinds that would take the same connection."""
        return f"tcp {self.host.lower()} {self.port}"

    @property
    def where(self) -> str:
        """Host and port as URLs have them."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class TcpPort(NetworkPort):
    """Modbus TCP."""

    def __str__(self) -> str:
        return f"tcp://{self.where}"


@dataclass(frozen=True, slots=True)
class RtuTcpPort(NetworkPort):
    """RTU frames in a TCP connection."""

    def __str__(self) -> str:
        return f"rtu+tcp://{self.where}"


@dataclass(frozen=True, slots=True)
class RtuUdpPort(NetworkPort):
    """RTU frames in UDP datagrams."""

    @property
    def key(self) -> str:
        return f"udp {self.host.lower()} {self.port}"

    def __str__(self) -> str:
        return f"rtu+udp://{self.where}"


Port = SerialPort | TcpPort | RtuTcpPort | RtuUdpPort

_NETWORK: dict[str, type[TcpPort | RtuTcpPort | RtuUdpPort]] = {
    "tcp": TcpPort,
    "rtu+tcp": RtuTcpPort,
    "rtu+udp": RtuUdpPort,
}


def parse_port(text: str) -> Port:
    """The port that the text names.

    Raises PortSyntaxError.
    """
    url = _URL.fullmatch(text)
    if url is None:
        return SerialPort(text)
    kind, rest = url[1].lower(), url[2]
    if kind == "ascii":
        if not rest.startswith("/"):
            raise PortSyntaxError('has no path; write it with three slashes: "ascii:///dev/ttyUSB0"')
        return AsciiPort(rest)
    if kind not in _NETWORK:
        raise PortSyntaxError(f"is of no known kind; it must be {KINDS}")
    match = _HOST.fullmatch(rest)
    host = None if match is None else _host(match)
    if match is None or host is None:
        raise PortSyntaxError(
            f'names no host and port; write it like "{kind}://192.168.1.50:502" or "{kind}://[::1]:502"'
        )
    if match["port"] is None and kind != "tcp":
        raise PortSyntaxError(
            f'names no port; write the one that the gateway serves: "{kind}://{rest.rstrip("/")}:PORT"'
        )
    number = int(match["port"] or MODBUS_TCP_PORT)
    if not 1 <= number <= _HIGHEST_PORT:
        raise PortSyntaxError(f"names port {number}; it must be a number from 1 to {_HIGHEST_PORT}")
    return _NETWORK[kind](host, number)


def is_network(port: Port) -> bool:
    """Whether it is reached over the network."""
    return isinstance(port, NetworkPort)


def _host(match: re.Match[str]) -> str | None:
    if match["v6"] is None:
        return match["name"]
    try:
        IPv6Address(match["v6"])
    except ValueError:
        return None
    return match["v6"]
