"""The settings as the whole program uses them: frozen, complete, free of any file format."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Literal

from smartmeter.energy.tariff import Tariff
from smartmeter.measurands import Language
from smartmeter.modbus.line import NetworkLine, SerialFormat
from smartmeter.models import Model

HostKeys = Literal["known", "pin-first"]
AlarmKind = Literal["above", "below", "silent", "behind", "disk", "day_energy"]
AlarmSet = Literal["en50160"]
# What the alarms of that set are called.
EN50160_NAME = "EN 50160"
SslMode = Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]


@dataclass(frozen=True, slots=True)
class MeterSettings:
    """A device: a model at an `address` (1 to 247) on its bus.

    `intervals_us` holds the interval in microseconds of every measurand that is read, by measurand id; what is not in
    it is not read. `name` is unique in the whole file. `max_current_a` None: as the model has it. `demand_period_min`:
    what SIGUSR1 writes to it, in minutes, one of those that the model knows; None: nothing.
    """

    name: str
    model: Model
    address: int
    intervals_us: Mapping[str, int]
    max_current_a: float | None = None
    demand_period_min: int | None = None

    @property
    def current_limit_a(self) -> float:
        """The largest current per phase that it can measure, in amperes."""
        return self.model.max_current_a if self.max_current_a is None else self.max_current_a


@dataclass(frozen=True, slots=True)
class BusSettings:
    """A line and the meters on it.

    `port` is what `smartmeter.modbus.ports` understands, `format` how the serial line is set, also the one behind a
    gateway if that is known. `timeout_s`: how long the first character of an answer may take. `pipeline`: so many
    requests may be under way at once.
    """

    name: str
    port: str
    format: SerialFormat | NetworkLine
    timeout_s: float
    meters: tuple[MeterSettings, ...]
    pipeline: int = 1


@dataclass(frozen=True, slots=True)
class JournalSettings:
    """Where readings are kept. `keep_s`: how long those stay that every sink has taken; None: for ever."""

    path: Path
    commit_interval_s: float = 5.0
    keep_s: float | None = None

    @property
    def state_path(self) -> Path:
        """The file beside it, for what the program remembers besides readings: alarms, paired chats, known meters."""
        return self.path.with_name(f"{self.path.stem}_state{self.path.suffix}")


@dataclass(frozen=True, slots=True)
class SshSettings:
    """The server through which a tunnel goes.

    `host_keys` "known" refuses a key that is not in `known_hosts`; "pin-first" writes the first key that it sees into
    that file and refuses any other from then on.
    """

    host: str
    port: int
    user: str
    password: str | None = field(repr=False)
    key_file: Path | None
    key_passphrase: str | None = field(repr=False)
    known_hosts: Path
    host_keys: HostKeys


@dataclass(frozen=True, slots=True)
class PostgresqlSettings:
    """The database and the table in it. With `ssh`, `host` and `port` are as the SSH server sees them.

    `schema` None: the first in the database's search path. `manage_schema`: whether the table may be created and get
    missing columns. `ship_interval_s`: the pause between two batches. `keep_s`: how long readings stay in the database,
    while totals always stay; None: for ever.
    """

    host: str
    port: int
    database: str
    user: str
    password: str | None = field(repr=False)
    sslmode: SslMode
    schema: str | None
    table: str
    manage_schema: bool
    ship_interval_s: float
    ssh: SshSettings | None
    keep_s: float | None = None


@dataclass(frozen=True, slots=True)
class TelegramSettings:
    """The bot. `api_url` is where its requests go, without a slash at its end."""

    token: str = field(repr=False)
    api_url: str


@dataclass(frozen=True, slots=True)
class WebSettings:
    """The page and its API.

    `host` is the address to listen at, an IP address; `port` 0: any that is free. `password_hash` is Argon2's; with it,
    people must log in and programs need one of `tokens`. `names` are host names by which the page is reached, besides
    this machine's own.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    password_hash: str | None = field(default=None, repr=False)
    tokens: tuple[str, ...] = field(default=(), repr=False)
    names: tuple[str, ...] = ()

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return ip_address(self.host).is_loopback


@dataclass(frozen=True, slots=True)
class AlarmSettings:
    """A rule as it was written.

    `limit` and `hysteresis` are in the unit of what is watched: the measurand's for "above" and "below"; seconds
    without a reading for "silent"; seconds that the oldest reading has waited for a sink for "behind"; percent in use
    for "disk"; kWh since midnight for "day_energy". `measurand` is the id, `meter` None: every meter that has it.
    `hold_s`: how long it must be so.
    """

    name: str
    kind: AlarmKind
    limit: float
    measurand: str | None = None
    meter: str | None = None
    hold_s: float = 0.0
    hysteresis: float = 0.0


@dataclass(frozen=True, slots=True)
class FastSettings:
    """What SIGUSR2 asks for: everything is read every `interval_us` microseconds for `duration_s` seconds."""

    interval_us: int
    duration_s: float


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that one settings file says.

    `notices` are lines for the owner about parts of the file that do nothing (yet), `timezone` is the IANA name of the
    zone in which the site's days begin. No meter has two `tariffs` at a time, or in different currencies. `apprise` are
    the URLs to which alarms go besides Telegram; they hold secrets. `web` None: no page.
    """

    source: Path
    language: Language
    buses: tuple[BusSettings, ...]
    journal: JournalSettings
    postgresql: PostgresqlSettings | None
    fast: FastSettings
    notices: tuple[str, ...] = ()
    timezone: str = "UTC"
    tariffs: tuple[Tariff, ...] = ()
    alarm_set: AlarmSet | None = None
    alarms: tuple[AlarmSettings, ...] = ()
    telegram: TelegramSettings | None = None
    apprise: tuple[str, ...] = field(default=(), repr=False)
    web: WebSettings | None = WebSettings()
