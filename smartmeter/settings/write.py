"""Writes settings as a commented file of our own format."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from smartmeter.measurands import Language, measurands
from smartmeter.modbus.line import SerialFormat
from smartmeter.settings.defaults import INTERVAL_US
from smartmeter.settings.durations import SECOND_US, UNITS_US, format_duration
from smartmeter.settings.file import FOREVER, NEVER
from smartmeter.settings.lines import key_line, list_lines, short_list
from smartmeter.settings.model import (
    BusSettings,
    FastSettings,
    JournalSettings,
    MeterSettings,
    PostgresqlSettings,
    Settings,
    SshSettings,
    TelegramSettings,
    WebSettings,
)
from smartmeter.settings.names import measurand_name
from smartmeter.settings.places import default_journal, name_beside
from smartmeter.settings.write_alarm import write_alarm
from smartmeter.settings.write_tariff import write_tariff

_HEAD = """\
# The settings of Smartmeter. docs/configuration.md explains every key; `smartmeter check` looks for mistakes.
# Durations read like "500ms", "10s", "5m", "2h", "90d", "1h30m"."""


def write_settings(settings: Settings) -> str:
    """The text of a settings file that loads as these settings (without their notices) from `settings.source`.

    Files below its directory are named relative to it, passwords stand in it as they are: only its owner may read it.
    """
    tables = [_top_level(settings)]
    for bus in settings.buses:
        tables += _bus_with_meters(bus, settings.language)
    for tariff in settings.tariffs:
        tables += write_tariff(tariff, settings.source)
    tables.append(_journal(settings.journal, settings.source))
    if settings.postgresql is not None:
        tables.append(_postgresql(settings.postgresql))
        if settings.postgresql.ssh is not None:
            tables.append(_ssh(settings.postgresql.ssh, settings.source))
    for alarm in settings.alarms:
        tables.append(write_alarm(alarm, settings.language))
    if settings.telegram is not None:
        tables.append(_telegram(settings.telegram))
    if settings.apprise:
        tables.append(["# Alarms go to these as well.", "[apprise]", *list_lines("urls", settings.apprise)])
    tables.append(_web(settings.web))
    tables.append(_fast(settings.fast))
    return _text(tables)


def write_bus(bus: BusSettings, language: Language) -> str:
    """The text that stands for this bus and its meters in a settings file."""
    return _text(_bus_with_meters(bus, language))


def _text(tables: Iterable[Sequence[str]]) -> str:
    return "\n\n".join("\n".join(lines) for lines in tables) + "\n"


def _bus_with_meters(bus: BusSettings, language: Language) -> list[list[str]]:
    return [_bus(bus), *(table for meter in bus.meters for table in _meter(meter, language))]


def _seconds(key: str, seconds: float) -> str:
    return key_line(key, format_duration(round(seconds * SECOND_US)))


def _top_level(settings: Settings) -> list[str]:
    return [
        _HEAD,
        "",
        "# Language of names and database columns: en or de.",
        key_line("language", settings.language),
        "# Where the meters are: hours and days begin as clocks there show it.",
        key_line("timezone", settings.timezone),
        *(
            []
            if settings.alarm_set is None
            else ["# Alarms that are ready-made.", key_line("alarms", settings.alarm_set)]
        ),
    ]


def _bus(bus: BusSettings) -> list[str]:
    return [
        "# One line with the meters on it. A name under /dev/serial/by-id/ stays the same when adapters change places.",
        "[[bus]]",
        key_line("name", bus.name),
        key_line("port", bus.port),
        *(_format(bus.format) if isinstance(bus.format, SerialFormat) else []),
        "# How long a meter may take to begin its answer.",
        _seconds("timeout", bus.timeout_s),
        *(
            ["# So many requests may be under way at once.", key_line("pipeline", bus.pipeline)]
            if bus.pipeline > 1
            else []
        ),
    ]


def _format(line: SerialFormat) -> list[str]:
    return [
        key_line("baudrate", line.baudrate),
        key_line("bytesize", line.bytesize),
        "# N: none, E: even, O: odd.",
        key_line("parity", line.parity),
        key_line("stopbits", line.stopbits),
    ]


def _meter(meter: MeterSettings, language: Language) -> list[list[str]]:
    usual_us = _most_common(meter.intervals_us.values())
    read = [id_ for id_ in measurands() if id_ in meter.intervals_us]
    unread = [id_ for id_ in measurands() if id_ in meter.model.registers and id_ not in meter.intervals_us]
    listed = list_lines("measurands", [measurand_name(id_, language) for id_ in read])
    # What is shorter to read: a list of what is read, or a line for each that is not.
    lists = len(unread) > len(listed)
    intervals = {id_: format_duration(us) for id_, us in sorted(meter.intervals_us.items(), key=_by_interval)}
    own = {id_: text for id_, text in intervals.items() if meter.intervals_us[id_] != usual_us}
    if not lists:
        own |= dict.fromkeys(unread, NEVER)
    lines = [
        "[[bus.meter]]",
        "# The name that readings carry; it should never change.",
        key_line("name", meter.name),
        key_line("model", meter.model.name),
        key_line("address", meter.address),
        "# For every measurand without an interval of its own.",
        key_line("interval", format_duration(usual_us)),
    ]
    if lists:
        lines += ["# Only these are read.", *listed]
    if meter.max_current_a is not None:
        lines += [
            "# The largest current per phase that it can measure, in amperes.",
            key_line("max_current", meter.max_current_a),
        ]
    if meter.demand_period_min is not None:
        lines += [
            "# The time over which it averages demands; SIGUSR1 writes it to the meter.",
            key_line("demand_period", format_duration(meter.demand_period_min * UNITS_US["m"])),
        ]
    if not own:
        return [lines]
    return [lines, ["[bus.meter.intervals]", *(key_line(measurand_name(id_, language), own[id_]) for id_ in own)]]


def _most_common(intervals_us: Iterable[int]) -> int:
    """The interval that most have; the shortest of them if there are several."""
    counts = Counter(intervals_us)
    return max(counts, key=lambda interval_us: (counts[interval_us], -interval_us), default=INTERVAL_US)


def _by_interval(item: tuple[str, int]) -> tuple[int, int]:
    """By interval, and within one interval in the order of the vocabulary."""
    id_, interval_us = item
    return interval_us, list(measurands()).index(id_)


def _journal(journal: JournalSettings, source: Path) -> list[str]:
    path = key_line("path", name_beside(source, journal.path))
    return [
        "# The local store through which every reading goes.",
        "[journal]",
        f"# {path}" if journal.path == default_journal(source) else path,
        "# A power cut costs at most the readings of this time; an SD card lives the longer, the longer it is.",
        _seconds("commit_interval", journal.commit_interval_s),
        "# How long readings stay that every database has taken: a duration, or forever.",
        _keep(journal.keep_s),
    ]


def _keep(keep_s: float | None) -> str:
    return key_line("keep", FOREVER) if keep_s is None else _seconds("keep", keep_s)


def _optional(values: Mapping[str, str | None]) -> list[str]:
    return [key_line(key, value) for key, value in values.items() if value is not None]


def _postgresql(postgresql: PostgresqlSettings) -> list[str]:
    return [
        "# The database that gets every reading"
        + ("; host and port as the SSH server sees them." if postgresql.ssh else "."),
        "[postgresql]",
        key_line("host", postgresql.host),
        key_line("port", postgresql.port),
        key_line("database", postgresql.database),
        key_line("user", postgresql.user),
        "# Or password_file, or password_env.",
        *_optional({"password": postgresql.password}),
        key_line("sslmode", postgresql.sslmode),
        *_optional({"schema": postgresql.schema}),
        key_line("table", postgresql.table),
        "# Whether the table is created, and gets the columns that it lacks.",
        key_line("manage_schema", postgresql.manage_schema),
        "# How often readings are sent.",
        _seconds("ship_interval", postgresql.ship_interval_s),
        "# How long readings stay there, a duration or forever; totals always stay.",
        _keep(postgresql.keep_s),
    ]


def _ssh(ssh: SshSettings, source: Path) -> list[str]:
    return [
        "# The SSH server through which the database is reached.",
        "[postgresql.ssh]",
        key_line("host", ssh.host),
        key_line("port", ssh.port),
        key_line("user", ssh.user),
        *_optional(
            {
                "password": ssh.password,
                "key_file": None if ssh.key_file is None else name_beside(source, ssh.key_file),
                "key_passphrase": ssh.key_passphrase,
            }
        ),
        key_line("known_hosts", name_beside(source, ssh.known_hosts)),
        "# known: the server's key must stand in known_hosts; pin-first: the first key that is seen is written there.",
        key_line("host_keys", ssh.host_keys),
    ]


def _telegram(telegram: TelegramSettings) -> list[str]:
    return [
        "# The bot. The token is @BotFather's; or token_file, or token_env.",
        "[telegram]",
        key_line("token", telegram.token),
        key_line("api_url", telegram.api_url),
    ]


def _web(web: WebSettings | None) -> list[str]:
    lines = ["# The page in the browser.", "[web]"]
    if web is None:
        return [*lines, key_line("enabled", value=False)]
    lines += [
        "# 127.0.0.1: only this machine; 0.0.0.0: everyone in the network, who must then log in.",
        key_line("host", web.host),
        key_line("port", web.port),
        *_optional({"password_hash": web.password_hash}),
    ]
    if web.tokens:
        lines += ["# For programs.", *list_lines("tokens", web.tokens)]
    if not web.is_loopback and web.password_hash is None:
        lines.append(key_line("allow_anonymous", value=True))
    if web.names:
        lines.append(short_list("names", web.names))
    return lines


def _fast(fast: FastSettings) -> list[str]:
    return [
        "# After SIGUSR2 everything is read and sent at this interval, for this long.",
        "[fast]",
        key_line("interval", format_duration(fast.interval_us)),
        _seconds("duration", fast.duration_s),
    ]
