"""Reads the original's later format (2021): `[modbus]`, `[mess_cfg]`, `[durchlaufintervall]`, `[db]` and `[mqtt]`."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator

from smartmeter.models import Model
from smartmeter.periods import system_zone
from smartmeter.settings import defaults
from smartmeter.settings.durations import MAX_DURATION_US, SECOND_US
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
from smartmeter.settings.model import FastSettings, JournalSettings, PostgresqlSettings, Settings
from smartmeter.settings.names import find_model
from smartmeter.settings.own_models import directories_beside, model_notices, own_model_files
from smartmeter.settings.places import beside
from smartmeter.settings.shape import Text, optional, required, secret, validated
from smartmeter.settings.words import shown, suggestion

# Devices of the original for which there is no model file: no paper of its registers is public, and its driver failed.
DEVICES_WITHOUT_MODEL = ("DDS353B",)
# What a model measures and the original did not read (or only when told), so that its table may lack the columns.
UNREAD_UNLESS_LISTED = {
    "SDM230": {
        "reactive_energy_import",
        "reactive_energy_export",
        "active_power_demand_export_max",
        "active_energy_resettable_total",
        "reactive_energy_resettable_total",
    },
}
DATABASES = ("postgresql", "mysql", "sqlite", "postgrest")
OTHER_JOURNAL_NAME = "smartmeter_journal.db"


def _every(value: object) -> int | None:
    """At every how many passes a value is read; None for never."""
    if value is False:
        return None
    number = float(value) if isinstance(value, str) else value
    if isinstance(number, bool) or not isinstance(number, int | float) or number != number // 1 or number < 1:
        raise ValueError
    return min(int(number), MAX_DURATION_US)


class MessCfgTable(LegacyShape):
    """`[mess_cfg]`."""

    device: Text = required('the name of the meter\'s model such as "SDM530"', "")
    messintervall: LegacyInterval = required(SECONDS_TEXT, 0)
    schnelles_messintervall: LegacyInterval = optional(SECONDS_TEXT, defaults.FAST_INTERVAL_US)
    dauer_schnelles_messintervall: LegacySeconds = optional(SECONDS_TEXT, defaults.FAST_DURATION_US)
    intervall_daten_senden: LegacyInterval = optional(SECONDS_TEXT, defaults.SHIP_INTERVAL_US)


class DbPostgresqlTable(LegacyShape):
    """`[db.postgresql]`."""

    host: Text = required("the name or IP address of the database server", "")
    port: LegacyTcpPort = optional("a TCP port, a number from 1 to 65535", defaults.POSTGRESQL_PORT)
    database: Text = required("the name of the database", "")
    user: Text = required("the name of the database user", "")
    password: LegacySecret = secret("the user's password, in quotation marks")


class DbTable(LegacyShape):
    """`[db]`; `postgresql` only if it is the chosen one, the others as they stand."""

    db: object = optional("the name of a database")
    postgresql: DbPostgresqlTable | None = optional("a table [db.postgresql]")
    mysql: object = optional("a table [db.mysql]")
    sqlite: object = optional("a table [db.sqlite]")
    postgrest: object = optional("a table [db.postgrest]")


class File2021(LegacyShape):
    """The whole file."""

    modbus: ModbusTable = required("a table [modbus]", ModbusTable())
    mess_cfg: MessCfgTable = required("a table [mess_cfg]", MessCfgTable())
    durchlaufintervall: dict[str, Annotated[int | None, BeforeValidator(_every)]] = optional(
        "a table of names and numbers of passes such as Frequenz = 6",
        {},
        item="a whole number of passes from 1, or false for never",
    )
    db: DbTable = optional("a table [db]", DbTable())
    mqtt: object = optional("a table [mqtt]")
    telegram_bot: object = optional("a table [telegram_bot]")
    demand: DemandTable = optional("a table [demand]", DemandTable())


def resolve_2021(source: Path, document: Mapping[str, Any]) -> Settings:
    """The settings that mean to us what the document meant to the original.

    Raises SettingsError with every mistake in it.
    """
    mistakes = Mistakes(source)
    document, notices = first_table(_without_idle_postgresql(document), "durchlaufintervall")
    file = validated(File2021, document, mistakes)
    notices += unknown_key_notices(file, document)
    device = file.mess_cfg.device
    model = _model(device, mistakes)
    intervals_us = {} if model is None else _intervals_us(file, model, mistakes)
    database = _database(file.db, mistakes)
    postgresql = _postgresql(file, mistakes) if database == "postgresql" else None
    period_min = legacy_demand_period_min(file.demand, model, mistakes)
    mistakes.raise_if_any(document)
    if model is None:
        raise LookupError(device)
    journal = legacy_journal(source, has_sink=postgresql is not None)
    buses = (legacy_bus(file.modbus, device.lower(), model, intervals_us, period_min),)
    return Settings(
        source=source,
        language="de",
        buses=buses,
        journal=_apart_from_sqlite(journal, file.db, source),
        postgresql=postgresql,
        fast=FastSettings(
            file.mess_cfg.schnelles_messintervall, file.mess_cfg.dauer_schnelles_messintervall / SECOND_US
        ),
        notices=(
            *notices,
            *model_notices(buses),
            *_database_notices(database),
            *_mqtt_notices(file.mqtt),
            *telegram_notices(file.telegram_bot),
        ),
        timezone=system_zone(),
        telegram=legacy_telegram(file.telegram_bot),
    )


def _without_idle_postgresql(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """The document without `[db.postgresql]` if another database is chosen: what stands there does not matter then."""
    db = document.get("db")
    if not isinstance(db, Mapping) or _chosen(db.get("db")) == "postgresql":
        return document
    return {**document, "db": {key: value for key, value in db.items() if key != "postgresql"}}


def _chosen(value: object) -> str | None:
    return value.lower() if isinstance(value, str) and value.lower() in DATABASES else None


def _model(device: str, mistakes: Mistakes) -> Model | None:
    place = ("mess_cfg", "device")
    own = {name.upper() for name in own_model_files(directories_beside(mistakes.file))}
    if device.upper() in DEVICES_WITHOUT_MODEL and device.upper() not in own:
        mistakes.add(
            place,
            f"there is no model of the {device.upper()}, as no paper of its registers is public; "
            "with one, docs/adding_a_meter.md tells how to make it",
        )
        return None
    return find_model(device, mistakes, place)


def _intervals_us(file: File2021, model: Model, mistakes: Mistakes) -> dict[str, int]:
    every = by_measurand(file.durchlaufintervall, model, mistakes, "durchlaufintervall")
    unread = UNREAD_UNLESS_LISTED.get(model.name, set())
    intervals_us = {
        id_: min(passes * file.mess_cfg.messintervall, MAX_DURATION_US)
        for id_ in model.registers
        if (passes := every.get(id_, None if id_ in unread else 1)) is not None
    }
    if not intervals_us and not mistakes.lie_within(("durchlaufintervall",)):
        mistakes.add(("durchlaufintervall",), "leaves nothing to read; take out some that are false")
    return intervals_us


def _database(db: DbTable, mistakes: Mistakes) -> str | None:
    """The database that `[db]` chooses; None if none."""
    place = ("db", "db")
    chosen = _chosen(db.db)
    if chosen is None and db.db not in (None, False, "") and not mistakes.spoil(place):
        what = suggestion(db.db, DATABASES) if isinstance(db.db, str) else f"known are {', '.join(DATABASES)}"
        mistakes.add(place, f"there is no database {shown(db.db)}; {what}")
    return chosen


def _postgresql(file: File2021, mistakes: Mistakes) -> PostgresqlSettings:
    place = ("db", "postgresql")
    table = file.db.postgresql
    if table is None:
        if not mistakes.spoil(place):
            mistakes.add(place, "is missing; it must be a table [db.postgresql]")
        table = DbPostgresqlTable()
    return PostgresqlSettings(
        host=table.host,
        port=table.port,
        database=table.database,
        user=table.user,
        password=table.password,
        sslmode="prefer",
        schema=None,
        table=file.mess_cfg.device.lower(),
        manage_schema=False,
        ship_interval_s=file.mess_cfg.intervall_daten_senden / SECOND_US,
        ssh=None,
    )


def _apart_from_sqlite(journal: JournalSettings, db: DbTable, source: Path) -> JournalSettings:
    """The journal, under another name if the original kept its own database under this one."""
    name = db.sqlite.get("database") if isinstance(db.sqlite, Mapping) else None
    if not isinstance(name, str) or not name.isprintable() or beside(source, name) != journal.path:
        return journal
    return JournalSettings(journal.path.with_name(OTHER_JOURNAL_NAME), journal.commit_interval_s, journal.keep_s)


def _database_notices(database: str | None) -> Iterator[str]:
    """What takes the place of a database that is no sink of ours."""
    if database is None:
        yield "db: no database is chosen, so the readings stay in the journal"
    if database == "sqlite":
        yield (
            "db.sqlite: the journal, itself an SQLite file, takes the place of this database; "
            "the old file is neither read nor written"
        )
    if database == "mysql":
        yield (
            "db.mysql: this version does not write to MySQL; the journal keeps every reading, "
            "and a PostgreSQL server can take them"
        )
    if database == "postgrest":
        yield (
            "db.postgrest: this version does not write through PostgREST; the journal keeps every reading, "
            "and the PostgreSQL server behind it can take them directly"
        )


def _mqtt_notices(mqtt: object) -> Iterator[str]:
    if isinstance(mqtt, Mapping) and mqtt.get("is_active", True):
        yield "mqtt: this version does not publish over MQTT yet; the journal keeps every reading"
