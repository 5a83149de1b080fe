"""Reads the original's first format, `[modbus]`, `[pg]`, `[telegram_bot]`, `[[messintervall]]`, for an SDM530."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator

from smartmeter.models import load_model
from smartmeter.periods import system_zone
from smartmeter.settings import defaults
from smartmeter.settings.durations import SECOND_US
from smartmeter.settings.errors import SettingsError
from smartmeter.settings.legacy_common import (
    SECONDS_TEXT,
    DemandTable,
    LegacyInterval,
    LegacySeconds,
    LegacySecret,
    LegacyShape,
    LegacyTcpPort,
    ModbusTable,
    by_measurand,
    first_table,
    legacy_bus,
    legacy_demand_period_min,
    legacy_journal,
    legacy_telegram,
    telegram_notices,
    unknown_key_notices,
)
from smartmeter.settings.mistakes import Mistakes
from smartmeter.settings.model import FastSettings, PostgresqlSettings, Settings, SshSettings
from smartmeter.settings.names import find_model
from smartmeter.settings.own_models import model_notices
from smartmeter.settings.places import beside, state_file
from smartmeter.settings.shape import Text, optional, required, secret, validated
from smartmeter.settings.toml_file import read_toml
from smartmeter.settings.words import quoted

METER_NAME = "smartmeter"
TABLE = "smartmeter"
MODEL = "SDM530"
KNOWN_HOSTS = "ssh_known_hosts"


def _none_if_off(value: object) -> object:
    return None if value in ("", False) else value


class PgTable(LegacyShape):
    """`[pg]`."""

    ip: Text | None = optional("the name or IP address of the database server")
    pgport: LegacyTcpPort = optional("a TCP port, a number from 1 to 65535", defaults.POSTGRESQL_PORT)
    pguser: Text = required("the name of the database user", "")
    pgpw: LegacySecret = secret("the user's password, in quotation marks")
    db: Text = required("the name of the database", "")
    pfad_zu_ssh_auth: Annotated[Text | None, BeforeValidator(_none_if_off)] = optional(
        "the name of the file with the SSH server's data, or false"
    )
    intervall_daten_senden: LegacyInterval = optional(SECONDS_TEXT, defaults.SHIP_INTERVAL_US)
    schnellintervall: LegacyInterval = optional(SECONDS_TEXT, defaults.FAST_INTERVAL_US)
    dauer_schnellintervall: LegacySeconds = optional(SECONDS_TEXT, defaults.FAST_DURATION_US)


class SshAuthFile(LegacyShape):
    """The file that `pfad_zu_ssh_auth` names."""

    ip_server: Text = required("the name or IP address of the SSH server", "")
    ssh_port: LegacyTcpPort = optional("a TCP port, a number from 1 to 65535", defaults.SSH_PORT)
    user: Text = required("the name of the user on the SSH server", "")
    pw: LegacySecret = secret("the user's password, in quotation marks")


class FirstFile(LegacyShape):
    """The whole file."""

    modbus: ModbusTable = required("a table [modbus]", ModbusTable())
    pg: PgTable | None = optional("a table [pg]")
    telegram_bot: object = optional("a table [telegram_bot]")
    demand: DemandTable = optional("a table [demand]", DemandTable())
    messintervall: dict[str, LegacyInterval] = required(
        "a table [[messintervall]] of names and seconds such as Spannung_L1 = 10", {}, item=SECONDS_TEXT
    )


def resolve_first(source: Path, document: Mapping[str, Any]) -> Settings:
    """The settings that mean to us what the document meant to the original.

    Raises SettingsError with every mistake in it and in the file with the SSH server's data.
    """
    mistakes = Mistakes(source)
    # A broken file of the user's own is among the mistakes then.
    model = find_model(MODEL, mistakes, ()) or load_model(MODEL)
    document, notices = first_table(document, "messintervall")
    file = validated(FirstFile, document, mistakes)
    notices += unknown_key_notices(file, document)
    intervals_us = {
        id_: interval_us
        for id_, interval_us in by_measurand(file.messintervall, model, mistakes, "messintervall").items()
        if interval_us is not None
    }
    if not intervals_us and not mistakes.lie_within(("messintervall",)):
        mistakes.add(("messintervall",), "lists nothing, so nothing is read; add names and seconds")
    postgresql = None if file.pg is None else _postgresql(file.pg, mistakes)
    if file.pg is None:
        notices.append("pg: there is no [pg], so the readings stay in the journal")
    period_min = legacy_demand_period_min(file.demand, model, mistakes)
    mistakes.raise_if_any(document)
    fast = file.pg or PgTable()
    buses = (legacy_bus(file.modbus, METER_NAME, model, intervals_us, period_min),)
    return Settings(
        source=source,
        language="de",
        buses=buses,
        journal=legacy_journal(source, has_sink=postgresql is not None),
        postgresql=postgresql,
        fast=FastSettings(fast.schnellintervall, fast.dauer_schnellintervall / SECOND_US),
        notices=(*notices, *model_notices(buses), *telegram_notices(file.telegram_bot)),
        timezone=system_zone(),
        telegram=legacy_telegram(file.telegram_bot),
    )


def _postgresql(pg: PgTable, mistakes: Mistakes) -> PostgresqlSettings:
    if pg.pfad_zu_ssh_auth is None and pg.ip is None and not mistakes.lie_within(("pg",)):
        mistakes.add(("pg", "ip"), "is missing; it must be the name or IP address of the database server")
    ssh = None if pg.pfad_zu_ssh_auth is None else _ssh(beside(mistakes.file, pg.pfad_zu_ssh_auth), mistakes)
    return PostgresqlSettings(
        # The tunnel ends on the SSH server itself; `ip` was only documentation then.
        host=(pg.ip or "") if pg.pfad_zu_ssh_auth is None else "127.0.0.1",
        port=pg.pgport,
        database=pg.db,
        user=pg.pguser,
        password=pg.pgpw,
        sslmode="prefer",
        schema=None,
        table=TABLE,
        manage_schema=False,
        ship_interval_s=pg.intervall_daten_senden / SECOND_US,
        ssh=ssh,
    )


def _ssh(path: Path, mistakes: Mistakes) -> SshSettings | None:
    try:
        path.stat()
    except OSError as error:
        mistakes.add(
            ("pg", "pfad_zu_ssh_auth"),
            f"names the file {quoted(str(path))}, which cannot be read: {error.strerror}; "
            "if the database is reached without a tunnel, take this key out",
        )
        return None
    try:
        document = read_toml(path)
    except SettingsError as error:
        mistakes.add_elsewhere(error.mistakes)
        return None
    inside = Mistakes(path)
    file = validated(SshAuthFile, document, inside)
    if file.pw is None and not inside.spoil(("pw",)):
        inside.add(("pw",), "is missing; it must be the user's password, in quotation marks")
    mistakes.add_elsewhere(inside.in_order_of(document))
    return SshSettings(
        host=file.ip_server,
        port=file.ssh_port,
        user=file.user,
        password=file.pw,
        key_file=None,
        key_passphrase=None,
        known_hosts=state_file(mistakes.file, KNOWN_HOSTS),
        host_keys="pin-first",
    )
