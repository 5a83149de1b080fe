"""The shape of our own settings file, `smartmeter.toml`. docs/configuration.md describes every key of it."""

import re
from ipaddress import ip_address
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from smartmeter.measurands import Language
from smartmeter.modbus.line import Parity
from smartmeter.modbus.ports import KINDS
from smartmeter.settings import defaults
from smartmeter.settings.alarm_file import AlarmTable
from smartmeter.settings.durations import MAX_DURATION_US, SECOND_US, UNITS_US, parse_duration
from smartmeter.settings.model import AlarmSet, HostKeys, SslMode
from smartmeter.settings.shape import Duration, Name, Secret, Shape, TcpPort, Text, optional, required, secret
from smartmeter.settings.tariff_file import TariffTable

SHORTEST_INTERVAL_US = SECOND_US // 10
# `keep = 90`, meant as days, would be 90 seconds and throw nearly everything away.
SHORTEST_KEEP_US = UNITS_US["h"]
# Roll-ups are made from the database's rows, late ones too.
SHORTEST_DATABASE_KEEP_US = UNITS_US["d"]
SHORTEST_TIMEOUT_US = UNITS_US["ms"]
LONGEST_TIMEOUT_US = 60 * SECOND_US
# PostgreSQL cuts longer names short (NAMEDATALEN, "Identifiers and Key Words" in its manual).
IDENTIFIER_BYTES = 63
MAX_BAUDRATE = 4_000_000
BYTESIZE_TEXT = "8: Modbus RTU sends whole bytes"
# As many as devices may take by the guide ("MODBUS messaging on TCP/IP implementation guide V1.0b").
MOST_REQUESTS = 16
# Beyond every current transformer.
MAX_CURRENT_A = 100_000
# The file's words for "not read" and "kept without end".
NEVER = "never"
FOREVER = "forever"

INTERVAL_TEXT = 'a duration of at least 0.1 s such as "10s"'
FILE_TEXT = "the name of a file"
TOKEN_TEXT = "the bot's token, which @BotFather gives: digits, a colon, and letters, in quotation marks"  # noqa: S105
APPRISE_URL_TEXT = 'an Apprise URL such as "mailtos://user:password@example.org"'

PASSWORD_HASH_TEXT = "what `smartmeter web password` prints, in quotation marks"  # noqa: S105
WEB_TOKEN_TEXT = "a text of 20 to 200 letters, digits, - and _, in quotation marks"  # noqa: S105

_PASSWORD_HASH = re.compile(r"\$argon2id\$v=\d+\$[A-Za-z0-9=,]+\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+")
_WEB_TOKEN = re.compile(r"[A-Za-z0-9_-]{20,200}")
_HOST_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?")
_TOKEN = re.compile(r"[0-9]{1,20}:[A-Za-z0-9_-]{10,100}")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+")
_HTTP_URL = re.compile(r"https?://[^\s/@?#]+(?:/[^\s?#]*)?")


def _identifier(text: str) -> str:
    if "." in text or len(text.encode()) > IDENTIFIER_BYTES:
        raise ValueError
    return text


def _interval_or_never(value: object) -> int | None:
    return None if value == NEVER else parse_duration(value)


def _keep_or_forever(value: object) -> int | None:
    return None if value == FOREVER else parse_duration(value)


def is_token(text: str) -> bool:
    """Whether it looks like the token of a bot, a number and a key ("Authorizing your bot" in the Bot API)."""
    return _TOKEN.fullmatch(text) is not None


def is_apprise_url(text: str) -> bool:
    """Whether it looks like a URL of Apprise, of whatever service."""
    return _URL.fullmatch(text) is not None


def _token(text: str) -> str:
    if not is_token(text):
        raise ValueError
    return text


def _apprise_url(text: str) -> str:
    if not is_apprise_url(text):
        raise ValueError
    return text


def is_password_hash(text: str) -> bool:
    """Whether it looks like a hash of Argon2id in the form of the Password Hashing Competition."""
    return _PASSWORD_HASH.fullmatch(text) is not None


def is_web_token(text: str) -> bool:
    """Whether it is long enough not to be guessed, and can stand in a header of HTTP."""
    return _WEB_TOKEN.fullmatch(text) is not None


def _password_hash(text: str) -> str:
    if not is_password_hash(text):
        raise ValueError
    return text


def _web_token(text: str) -> str:
    if not is_web_token(text):
        raise ValueError
    return text


def _address(text: str) -> str:
    return str(ip_address("127.0.0.1" if text == "localhost" else text))


def _host_name(text: str) -> str:
    if not _HOST_NAME.fullmatch(text):
        raise ValueError
    return text.lower()


def _http_url(text: str) -> str:
    if not _HTTP_URL.fullmatch(text):
        raise ValueError
    return text.rstrip("/")


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


Interval = Annotated[Duration, Field(ge=SHORTEST_INTERVAL_US)]
IntervalOrNever = Annotated[
    Annotated[int, Field(ge=SHORTEST_INTERVAL_US)] | None,
    BeforeValidator(_interval_or_never),
]
KeepOrForever = Annotated[Annotated[int, Field(ge=SHORTEST_KEEP_US)] | None, BeforeValidator(_keep_or_forever)]
DatabaseKeepOrForever = Annotated[
    Annotated[int, Field(ge=SHORTEST_DATABASE_KEEP_US)] | None, BeforeValidator(_keep_or_forever)
]
Identifier = Annotated[Name, AfterValidator(_identifier)]
Token = Annotated[Text, AfterValidator(_token)]
PasswordHash = Annotated[Text, AfterValidator(_password_hash)]
WebToken = Annotated[Text, AfterValidator(_web_token)]
HostName = Annotated[Text, AfterValidator(_host_name)]
AppriseUrl = Annotated[Text, AfterValidator(_apprise_url)]


class MeterTable(Shape):
    """`[[bus.meter]]`."""

    name: Name | None = optional("the meter's name")
    model: Text = required("the name of a meter model; `smartmeter models` lists them", "")
    address: Annotated[int, Field(ge=1, le=247)] = required("the meter's Modbus address, a number from 1 to 247", 0)
    interval: Interval = optional(INTERVAL_TEXT, defaults.INTERVAL_US)
    measurands: list[Text] | None = optional(
        'a list of names such as ["voltage_l1", "frequency"]', item='a name such as "voltage_l1"'
    )
    intervals: dict[str, IntervalOrNever] = optional(
        'a table of names and durations such as voltage_l1 = "1s"', {}, item=f'{INTERVAL_TEXT}, or "{NEVER}"'
    )
    max_current: Annotated[float, Field(gt=0, le=MAX_CURRENT_A, allow_inf_nan=False)] | None = optional(
        "amperes, a number such as 100"
    )
    demand_period: Duration | None = optional('a duration in minutes such as "15m"')


class BusTable(Shape):
    """`[[bus]]`."""

    name: Name | None = optional("the bus's name")
    port: Text = required(KINDS, "")
    baudrate: Annotated[int, Field(ge=300, le=MAX_BAUDRATE)] | None = optional("bits per second, a number such as 9600")
    bytesize: Annotated[int, Field(ge=7, le=8)] | None = optional(f"{BYTESIZE_TEXT}; 7 is for ascii:// alone")
    parity: Annotated[Parity | None, BeforeValidator(_upper)] = optional('"N" (none), "E" (even) or "O" (odd)')
    stopbits: Annotated[int, Field(ge=1, le=2)] | None = optional("1 or 2")
    timeout: Annotated[Duration, Field(ge=SHORTEST_TIMEOUT_US, le=LONGEST_TIMEOUT_US)] = optional(
        'a duration from 1 ms to 60 s such as "0.5s"', defaults.TIMEOUT_US
    )
    pipeline: Annotated[int, Field(ge=1, le=MOST_REQUESTS)] = optional(
        f"how many requests may be under way at once, 1 to {MOST_REQUESTS}", 1
    )
    meter: list[MeterTable] = required(
        "one or more tables, each written [[bus.meter]] with two brackets", [], item="a table"
    )


class JournalTable(Shape):
    """`[journal]`."""

    path: Text | None = optional(FILE_TEXT)
    commit_interval: Interval = optional(INTERVAL_TEXT, defaults.COMMIT_INTERVAL_US)
    keep: KeepOrForever = optional(
        f'a duration of at least an hour such as "90d" (a number alone is seconds), or "{FOREVER}"'
    )


class SshTable(Shape):
    """`[postgresql.ssh]`."""

    host: Text = required("the name or IP address of the SSH server", "")
    port: TcpPort = optional("a TCP port, a number from 1 to 65535", defaults.SSH_PORT)
    user: Text = required("the name of the user on the SSH server", "")
    password: Secret | None = secret("the user's password, in quotation marks")
    password_file: Text | None = optional(FILE_TEXT)
    password_env: Text | None = optional("the name of an environment variable")
    key_file: Text | None = optional(FILE_TEXT)
    key_passphrase: Secret | None = secret("the passphrase of the key, in quotation marks")
    key_passphrase_file: Text | None = optional(FILE_TEXT)
    key_passphrase_env: Text | None = optional("the name of an environment variable")
    known_hosts: Text = optional(FILE_TEXT, defaults.KNOWN_HOSTS)
    host_keys: HostKeys = optional('"known" or "pin-first"', "known")


class PostgresqlTable(Shape):
    """`[postgresql]`."""

    host: Text = required("the name or IP address of the database server", "")
    port: TcpPort = optional("a TCP port, a number from 1 to 65535", defaults.POSTGRESQL_PORT)
    database: Text = required("the name of the database", "")
    user: Text = required("the name of the database user", "")
    password: Secret | None = secret("the user's password, in quotation marks")
    password_file: Text | None = optional(FILE_TEXT)
    password_env: Text | None = optional("the name of an environment variable")
    sslmode: SslMode = optional('"disable", "allow", "prefer", "require", "verify-ca" or "verify-full"', "prefer")
    schema_name: Identifier | None = optional(
        f"the name of a schema, without a dot, at most {IDENTIFIER_BYTES} bytes", key="schema"
    )
    table: Identifier = optional(
        f'the name of a table without its schema (that stands under "schema"), at most {IDENTIFIER_BYTES} bytes',
        defaults.TABLE,
    )
    manage_schema: bool = optional("true or false", default=True)
    ship_interval: Interval = optional(INTERVAL_TEXT, defaults.SHIP_INTERVAL_US)
    keep: DatabaseKeepOrForever = optional(
        f'a duration of at least a day such as "400d" (a number alone is seconds), or "{FOREVER}"'
    )
    ssh: SshTable | None = optional("a table [postgresql.ssh]")


class TelegramTable(Shape):
    """`[telegram]`."""

    token: Token | None = secret(TOKEN_TEXT)
    token_file: Text | None = optional(FILE_TEXT)
    token_env: Text | None = optional("the name of an environment variable")
    api_url: Annotated[Text, AfterValidator(_http_url)] = optional(
        'the address of a Bot API server such as "https://api.telegram.org"', defaults.TELEGRAM_API_URL
    )


class AppriseTable(Shape):
    """`[apprise]`."""

    urls: list[AppriseUrl] | None = secret(
        'a list of Apprise URLs such as ["ntfys://ntfy.example.org/house"]', item=APPRISE_URL_TEXT
    )
    urls_file: Text | None = optional(FILE_TEXT)


class WebTable(Shape):
    """`[web]`."""

    enabled: bool = optional("true or false", default=True)
    host: Annotated[Text, AfterValidator(_address)] = optional(
        'an IP address to listen at such as "127.0.0.1" or "0.0.0.0"', defaults.WEB_HOST
    )
    port: Annotated[int, Field(ge=0, le=65535)] = optional(
        "a TCP port, a number from 0 to 65535; 0 is any that is free", defaults.WEB_PORT
    )
    password_hash: PasswordHash | None = secret(PASSWORD_HASH_TEXT)
    password_hash_file: Text | None = optional(FILE_TEXT)
    password_hash_env: Text | None = optional("the name of an environment variable")
    tokens: list[WebToken] | None = secret("a list of texts", item=WEB_TOKEN_TEXT)
    tokens_file: Text | None = optional(FILE_TEXT)
    allow_anonymous: bool = optional("true or false", default=False)
    names: list[HostName] = optional(
        'a list of host names such as ["meter.example.org"]', [], item='a host name such as "meter.example.org"'
    )


class FastTable(Shape):
    """`[fast]`."""

    interval: Interval = optional(INTERVAL_TEXT, defaults.FAST_INTERVAL_US)
    duration: Annotated[Duration, Field(le=MAX_DURATION_US)] = optional(
        'a duration such as "2m"', defaults.FAST_DURATION_US
    )


class SettingsFile(Shape):
    """The whole file."""

    language: Language = optional('"en" or "de"', "en")
    timezone: Text | None = optional('the name of a time zone such as "Europe/Berlin"')
    bus: list[BusTable] = required("one or more tables, each written [[bus]] with two brackets", [], item="a table")
    tariff: list[TariffTable] = optional(
        "one or more tables, each written [[tariff]] with two brackets", [], item="a table"
    )
    journal: JournalTable = optional("a table [journal]", JournalTable())
    postgresql: PostgresqlTable | None = optional("a table [postgresql]")
    alarms: AlarmSet | None = optional('"en50160"')
    alarm: list[AlarmTable] = optional(
        "one or more tables, each written [[alarm]] with two brackets", [], item="a table"
    )
    telegram: TelegramTable | None = optional("a table [telegram]")
    apprise: AppriseTable | None = optional("a table [apprise]")
    web: WebTable = optional("a table [web]", WebTable())
    fast: FastTable = optional("a table [fast]", FastTable())
