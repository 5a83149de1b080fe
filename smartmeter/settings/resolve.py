"""Makes the settings from a file of our own shape, and checks what only the whole file can show."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from smartmeter.modbus.line import AsciiFormat, NetworkLine, SerialFormat
from smartmeter.modbus.ports import AsciiPort, Port, PortSyntaxError, SerialPort, TcpPort, parse_port
from smartmeter.models import Model
from smartmeter.periods import system_zone
from smartmeter.settings.alarms import resolve_alarms
from smartmeter.settings.defaults import default_keep_s
from smartmeter.settings.demand import demand_period_min
from smartmeter.settings.durations import SECOND_US
from smartmeter.settings.file import (
    APPRISE_URL_TEXT,
    BYTESIZE_TEXT,
    TOKEN_TEXT,
    AppriseTable,
    BusTable,
    JournalTable,
    MeterTable,
    PostgresqlTable,
    SettingsFile,
    SshTable,
    TelegramTable,
    is_apprise_url,
    is_token,
)
from smartmeter.settings.mistakes import Mistakes, Place, key_text
from smartmeter.settings.model import (
    BusSettings,
    FastSettings,
    JournalSettings,
    MeterSettings,
    PostgresqlSettings,
    Settings,
    SshSettings,
    TelegramSettings,
)
from smartmeter.settings.names import find_measurand_id, find_model, find_timezone
from smartmeter.settings.own_models import model_notices
from smartmeter.settings.places import beside, default_journal
from smartmeter.settings.secrets import SecretKeys, read_secret
from smartmeter.settings.shape import validated
from smartmeter.settings.tariffs import resolve_tariffs
from smartmeter.settings.web import resolve_web
from smartmeter.settings.words import shown

SERIAL_KEYS = ("baudrate", "bytesize", "parity", "stopbits")

# Only holds the place of a format that cannot be known; a mistake was noted then.
_SOME_FORMAT = SerialFormat(9600)


@dataclass(frozen=True, slots=True)
class _Found:
    """What is unique in the file: where which bus name, meter name and port stands."""

    buses: dict[str, Place]
    meters: dict[str, Place]
    ports: dict[str, Place]


def resolve(source: Path, document: Mapping[str, Any]) -> Settings:
    """The settings that the document says.

    Raises SettingsError with every mistake in it.
    """
    mistakes = Mistakes(source)
    file = validated(SettingsFile, document, mistakes)
    found = _Found({}, {}, {})
    if not file.bus and not mistakes.spoil(("bus",)):
        mistakes.add(("bus",), "there is no bus; describe one under [[bus]]")
    buses = tuple(_bus(table, index, found, mistakes) for index, table in enumerate(file.bus))
    postgresql = None if file.postgresql is None else _postgresql(file.postgresql, mistakes)
    journal = _journal(file.journal, mistakes, has_sink=postgresql is not None)
    zone = _timezone(file.timezone, mistakes)
    names = _meter_names(file, found)
    tariffs = resolve_tariffs(file.tariff, names, zone, mistakes)
    meters = None if names is None else tuple(meter for bus in buses for meter in bus.meters)
    ship_interval_us = None if file.postgresql is None else file.postgresql.ship_interval
    alarms = resolve_alarms(file.alarm, meters, ship_interval_us, mistakes)
    telegram = None if file.telegram is None else _telegram(file.telegram, mistakes)
    apprise = () if file.apprise is None else _apprise(file.apprise, mistakes)
    web = resolve_web(file.web, mistakes)
    mistakes.raise_if_any(document)
    return Settings(
        source=source,
        notices=model_notices(buses),
        language=file.language,
        buses=buses,
        journal=journal,
        postgresql=postgresql,
        fast=FastSettings(file.fast.interval, file.fast.duration / SECOND_US),
        timezone=zone.key,
        tariffs=tariffs,
        alarm_set=file.alarms,
        alarms=alarms,
        telegram=telegram,
        apprise=apprise,
        web=web,
    )


def _timezone(name: str | None, mistakes: Mistakes) -> ZoneInfo:
    """The zone; the system's if none is named, or if a mistake was noted."""
    zone = None if name is None else find_timezone(name, mistakes, ("timezone",))
    return zone or ZoneInfo(system_zone())


def _meter_names(file: SettingsFile, found: _Found) -> set[str] | None:
    """What the meters are called; None if one is named after its model, and that is not known."""
    tables = [meter for bus in file.bus for meter in bus.meter]
    named = [meter.name for meter in tables if meter.name is not None]
    names = {*found.meters, *named}
    return names if tables and len(names) == len(tables) else None


def _bus(table: BusTable, index: int, found: _Found, mistakes: Mistakes) -> BusSettings:
    place: Place = ("bus", index)
    name = table.name or f"bus{index + 1}"
    _claim(name, (*place, "name"), found.buses, mistakes)
    port = _port(table, place, found, mistakes)
    if not table.meter and not mistakes.spoil((*place, "meter")):
        mistakes.add((*place, "meter"), "there is no meter on this bus; describe one under [[bus.meter]]")
    models = [
        find_model(meter.model, mistakes, (*place, "meter", position, "model"))
        for position, meter in enumerate(table.meter)
    ]
    addresses: dict[str, Place] = {}
    meters = []
    for position, (meter, model) in enumerate(zip(table.meter, models, strict=True)):
        at = (*place, "meter", position)
        if not mistakes.spoil((*at, "address")):
            _claim(meter.address, (*at, "address"), addresses, mistakes, same=partial(_device, model))
        settings = _meter(meter, model, at, mistakes)
        if settings is not None:
            _claim(settings.name, (*at, "name"), found.meters, mistakes)
            meters.append(settings)
    return BusSettings(
        name, table.port, _format(table, port, models), table.timeout / SECOND_US, tuple(meters), table.pipeline
    )


def _device(model: Model | None, address: str) -> str:
    """What one address is for: a SunSpec device may be several in one, each with the number of its model."""
    return f"{address} {model.name}" if model is not None and len(model.sunspec) == 1 else address


def _port(table: BusTable, place: Place, found: _Found, mistakes: Mistakes) -> Port:
    """What the port is; what does not go with it is noted."""
    if mistakes.spoil((*place, "port")):
        return SerialPort(table.port)
    try:
        port = parse_port(table.port)
    except PortSyntaxError as error:
        mistakes.add((*place, "port"), f"{shown(table.port)} {error}")
        return SerialPort(table.port)
    _claim(table.port, (*place, "port"), found.ports, mistakes, same=lambda _: port.key)
    if isinstance(port, TcpPort):
        for key in SERIAL_KEYS:
            if getattr(table, key) is not None:
                mistakes.add(
                    (*place, key), "is of a serial line, and tcp:// has none that it would matter for; take it out"
                )
    elif table.pipeline > 1:
        mistakes.add((*place, "pipeline"), "must be 1: only tcp:// can have several requests under way")
    if table.bytesize == 7 and not isinstance(port, AsciiPort | TcpPort):  # noqa: PLR2004 - seven bits
        mistakes.add((*place, "bytesize"), f"must be {BYTESIZE_TEXT}, not 7")
    return port


def _claim(
    value: str | int,
    place: Place,
    taken: dict[str, Place],
    mistakes: Mistakes,
    same: Callable[[str], str] = str,
) -> None:
    """Notes a mistake if the value was there before; `same` makes values equal that mean the same thing."""
    first = taken.setdefault(same(str(value)), place)
    if first != place:
        mistakes.add(place, f"{shown(value)} is already taken by {key_text(first)}; each needs its own")


def _format(table: BusTable, port: Port, models: Sequence[Model | None]) -> SerialFormat | NetworkLine:
    """How the line is set; behind a gateway only if the file says so."""
    if not isinstance(port, SerialPort) and all(getattr(table, key) is None for key in SERIAL_KEYS):
        return NetworkLine()
    default = next((model.serial for model in models if model is not None), _SOME_FORMAT)
    kind = AsciiFormat if isinstance(port, AsciiPort) else SerialFormat
    return kind(
        baudrate=table.baudrate or default.baudrate,
        bytesize=table.bytesize or default.bytesize,
        parity=table.parity or default.parity,
        stopbits=table.stopbits or default.stopbits,
    )


def _meter(table: MeterTable, model: Model | None, place: Place, mistakes: Mistakes) -> MeterSettings | None:
    """The meter; None if its model is not known, but what is wrong besides is noted all the same."""
    listed = None if table.measurands is None else _listed(table.measurands, model, place, mistakes)
    own: dict[str, int | None] = {}
    places: dict[str, Place] = {}
    for name, interval_us in table.intervals.items():
        at = (*place, "intervals", name)
        id_ = find_measurand_id(name, model, mistakes, at)
        if id_ is None:
            continue
        if id_ in own:
            mistakes.add(at, f"is the same measurand as {key_text(places[id_])}; give only one of them")
        elif listed is not None and id_ not in listed and interval_us is not None:
            mistakes.add(at, "has an interval, but measurands does not list it; add it there or take it out here")
        own[id_], places[id_] = interval_us, at
    if model is None:
        return None
    intervals_us = {
        id_: interval_us
        for id_ in model.registers
        if (listed is None or id_ in listed) and (interval_us := own.get(id_, table.interval)) is not None
    }
    if not intervals_us and not mistakes.lie_within(place):
        mistakes.add(place, "nothing is read from this meter; list measurands, or give intervals other than never")
    name = table.name or f"{model.name.lower()}_{table.address}"
    period_min = demand_period_min(table.demand_period, model, mistakes, (*place, "demand_period"))
    return MeterSettings(name, model, table.address, intervals_us, table.max_current, period_min)


def _listed(names: Sequence[str], model: Model | None, place: Place, mistakes: Mistakes) -> set[str]:
    return {
        id_
        for index, name in enumerate(names)
        if (id_ := find_measurand_id(name, model, mistakes, (*place, "measurands", index))) is not None
    }


def _journal(table: JournalTable, mistakes: Mistakes, *, has_sink: bool) -> JournalSettings:
    path = default_journal(mistakes.file) if table.path is None else beside(mistakes.file, table.path)
    if path == mistakes.file.absolute():
        mistakes.add(("journal", "path"), "is this settings file itself; name another one")
    if "keep" in table.model_fields_set:
        keep_s = None if table.keep is None else table.keep / SECOND_US
    else:
        keep_s = default_keep_s(has_sink=has_sink)
    return JournalSettings(path, table.commit_interval / SECOND_US, keep_s)


def _postgresql(table: PostgresqlTable, mistakes: Mistakes) -> PostgresqlSettings:
    place: Place = ("postgresql",)
    keys = SecretKeys("password", table.password, table.password_file, table.password_env)
    return PostgresqlSettings(
        host=table.host,
        port=table.port,
        database=table.database,
        user=table.user,
        password=read_secret(keys, mistakes, place),
        sslmode=table.sslmode,
        schema=table.schema_name,
        table=table.table,
        manage_schema=table.manage_schema,
        ship_interval_s=table.ship_interval / SECOND_US,
        ssh=None if table.ssh is None else _ssh(table.ssh, mistakes),
        keep_s=None if table.keep is None else table.keep / SECOND_US,
    )


def _telegram(table: TelegramTable, mistakes: Mistakes) -> TelegramSettings:
    place: Place = ("telegram",)
    token = read_secret(SecretKeys("token", table.token, table.token_file, table.token_env), mistakes, place)
    if token is None and not mistakes.lie_within(place):
        mistakes.add((*place, "token"), f"is missing; it must be {TOKEN_TEXT}")
    elif token is not None and not is_token(token):
        key = "token_file" if table.token_file is not None else "token_env"
        mistakes.add((*place, key), f"holds no token; it must be {TOKEN_TEXT}")
    return TelegramSettings(token or "", table.api_url)


def _apprise(table: AppriseTable, mistakes: Mistakes) -> tuple[str, ...]:
    place: Place = ("apprise",)
    if table.urls_file is None:
        if not table.urls and not mistakes.lie_within(place):
            mistakes.add((*place, "urls"), f"is missing; it must be a list, each {APPRISE_URL_TEXT}")
        return tuple(dict.fromkeys(table.urls or ()))
    if table.urls is not None:
        mistakes.add((*place, "urls_file"), "is there beside urls; give only one of them")
    text = read_secret(SecretKeys("urls", None, table.urls_file, None), mistakes, place) or ""
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), start=1)]
    urls = [(number, line) for number, line in lines if line and not line.startswith("#")]
    for number, url in urls:
        if not is_apprise_url(url):
            mistakes.add((*place, "urls_file"), f"has no URL on line {number}; it must be {APPRISE_URL_TEXT}")
    if text and not urls:
        mistakes.add((*place, "urls_file"), "holds no URL; write one on each line")
    return tuple(dict.fromkeys(url for _, url in urls))


def _ssh(table: SshTable, mistakes: Mistakes) -> SshSettings:
    place: Place = ("postgresql", "ssh")
    password = read_secret(
        SecretKeys("password", table.password, table.password_file, table.password_env), mistakes, place
    )
    passphrase = read_secret(
        SecretKeys("key_passphrase", table.key_passphrase, table.key_passphrase_file, table.key_passphrase_env),
        mistakes,
        place,
    )
    key_file = None if table.key_file is None else beside(mistakes.file, table.key_file)
    if password is None and key_file is None and not mistakes.lie_within(place):
        mistakes.add(place, "has neither a password nor a key_file; give one of them")
    return SshSettings(
        host=table.host,
        port=table.port,
        user=table.user,
        password=password,
        key_file=key_file,
        key_passphrase=passphrase,
        known_hosts=beside(mistakes.file, table.known_hosts),
        host_keys=table.host_keys,
    )
