"""The original's later format: what we have a sink for works, for the rest is said what takes its place."""

from pathlib import Path

import pytest

from smartmeter.measurands import measurands
from smartmeter.modbus.line import SerialFormat
from smartmeter.models import load_model
from smartmeter.periods import system_zone
from smartmeter.settings.load import load_settings
from smartmeter.settings.model import FastSettings, JournalSettings, PostgresqlSettings

LATER = (Path(__file__).parent / "data" / "later_cfg.toml").read_text()
SMALL = """
[modbus]
serial_if = "/dev/ttyUSB0"
slave_addr = 1
[mess_cfg]
device = "sdm530"
messintervall = 5
"""

POSTGRESQL = """
[db]
db = "postgresql"
[db.postgresql]
host = "db.example.org"
database = "energie"
user = "zaehler"
"""


@pytest.fixture
def load(tmp_path):
    def load(text):
        path = tmp_path / "smartmeter_cfg.toml"
        path.write_text(text)
        return load_settings(path)

    return load


def test_the_later_format_means_what_it_meant(load, tmp_path):
    settings = load(LATER)
    assert settings.language == "de"
    assert settings.timezone == system_zone()
    [bus] = settings.buses
    assert (bus.port, bus.format, bus.timeout_s) == ("/dev/ttyUSB0", SerialFormat(9600, 8, "N", 1), 0.6)
    [meter] = bus.meters
    assert (meter.name, meter.model, meter.address) == ("sdm630", load_model("SDM630"), 2)
    assert meter.intervals_us == {
        id_: {"frequency": 30_000_000, "active_energy_total": 300_000_000}.get(id_, 5_000_000)
        for id_ in load_model("SDM630").registers
        if id_ != "current_thd_l1"
    }
    assert settings.journal == JournalSettings(tmp_path / "smartmeter.db", 5.0, 90 * 86400)
    assert settings.postgresql == PostgresqlSettings(
        host="db.example.org",
        port=5433,
        database="energie",
        user="zaehler",
        password="geheim",
        sslmode="prefer",
        schema=None,
        table="sdm630",
        manage_schema=False,
        ship_interval_s=30.0,
        ssh=None,
    )
    assert settings.fast == FastSettings(1_000_000, 60.0)
    assert settings.notices == ()


def test_small_file(load):
    settings = load(SMALL)
    assert settings.buses[0].meters[0].name == "sdm530"
    assert settings.buses[0].meters[0].intervals_us == dict.fromkeys(load_model("SDM530").registers, 5_000_000)
    assert settings.postgresql is None
    assert settings.notices == ("db: no database is chosen, so the readings stay in the journal",)


def test_what_the_original_never_read_of_an_sdm230_is_read_only_if_it_is_listed(load):
    small = SMALL.replace("530", "230")
    new = {
        *("reactive_energy_import", "reactive_energy_export", "active_power_demand_export_max"),
        *("active_energy_resettable_total", "reactive_energy_resettable_total"),
    }
    registers = load_model("SDM230").registers.keys()
    assert load(small).buses[0].meters[0].intervals_us.keys() == registers - new
    listed = load(small + "[durchlaufintervall]\nImport_VArh_seit_reset = 2\n").buses[0].meters[0].intervals_us
    assert listed.keys() == (registers - new) | {"reactive_energy_import"}
    assert listed["reactive_energy_import"] == 10_000_000


@pytest.mark.parametrize("device", ["DDS353B", "dds353b"])
def test_devices_without_a_model_are_told(mistakes, device):
    text = mistakes(SMALL.replace("sdm530", device))["mess_cfg.device"]
    assert f"no model of the {device.upper()}, as no paper" in text


def test_the_sdm72dm_is_read_as_the_original_read_it(load):
    settings = load(SMALL.replace("sdm530", "SDM72DM") + POSTGRESQL)
    [meter] = settings.buses[0].meters
    assert (meter.name, meter.model) == ("sdm72dm", load_model("SDM72DM"))
    assert settings.postgresql.table == "sdm72dm"
    assert {measurands()[id_].column(settings.language) for id_ in meter.intervals_us} == {
        *("aktuelle_gesamtwirkleistung", "import_wh_seit_reset", "export_wh_seit_reset", "total_kwh"),
        *("settable_total_kwh", "settable_import_kwh", "setabble_export_kwh", "import_power", "export_power"),
    }


@pytest.mark.parametrize(
    ("database", "words"),
    [
        ("mysql", "MySQL"),
        ("postgrest", "PostgREST"),
        ("sqlite", "the journal, itself an SQLite file, takes the place"),
    ],
)
def test_other_databases_get_a_notice(load, database, words):
    settings = load(SMALL + f'[db]\ndb = "{database}"\n[db.postgresql]\nport = "unused"\n')
    assert settings.postgresql is None
    [notice] = settings.notices
    assert notice.startswith(f"db.{database}: ")
    assert words in notice


def test_the_journal_never_takes_the_file_of_the_old_database(load, tmp_path):
    settings = load(SMALL + '[db]\ndb = "sqlite"\n[db.sqlite]\ndatabase = "smartmeter.db"\n')
    assert settings.journal.path == tmp_path / "smartmeter_journal.db"


@pytest.mark.parametrize("active", ["is_active = true", ""])
def test_mqtt_and_bot_get_a_notice(load, active):
    text = f"[mqtt]\nbroker = 'x'\npassword = 'geheim'\n{active}\n[telegram_bot]\ntoken = 'geheim'\n[db]\ndb = false\n"
    notices = load(SMALL + text).notices
    assert [notice.split(":")[0] for notice in notices] == ["db", "mqtt", "telegram_bot"]
    assert "geheim" not in str(notices)


def test_unknown_keys_get_a_notice(load):
    settings = load(LATER.replace("port = 5433", "prot = 5433"))
    assert settings.notices == ("db.postgresql.prot does nothing; did you mean port?",)


def test_every_mistake_is_told_at_once(mistakes):
    found = mistakes(
        """
        [modbus]
        serial_if = ""
        slave_addr = 1
        timeout = 0
        [mess_cfg]
        device = "sdm63"
        messintervall = "x"
        [durchlaufintervall]
        Frequenz = 0
        Strom_L1 = true
        Strom_L2 = 1.5
        Strom_L3 = inf
        Spannug_L1 = 2
        [db]
        db = "postgresql"
        [db.postgresql]
        host = 5
        password = "geheim"
        """
    )
    expected = {
        "modbus.serial_if": "name of a serial port",
        "modbus.timeout": "such as 0.5, not 0",
        "mess_cfg.device": "did you mean SDM630?",
        "mess_cfg.messintervall": 'not "x"',
        "durchlaufintervall.Frequenz": "from 1, or false for never, not 0",
        "durchlaufintervall.Strom_L1": "not true",
        "durchlaufintervall.Strom_L2": "not 1.5",
        "durchlaufintervall.Strom_L3": "not inf",
        "db.postgresql.database": "is missing",
        "db.postgresql.user": "is missing",
        "db.postgresql.host": "not 5",
    }
    assert {key: expected.get(key, "") in text for key, text in found.items()} == dict.fromkeys(expected, True)


@pytest.mark.parametrize(
    ("text", "key", "words"),
    [
        (SMALL + "[db]\ndb = 'mysq'", "db.db", "did you mean mysql?"),
        (SMALL + "[db]\ndb = 1", "db.db", "known are postgresql"),
        (SMALL + "[db]\ndb = 'postgresql'", "db.postgresql", "is missing"),
        (SMALL + "[db]\ndb = 'postgresql'\npostgresql = 1", "db.postgresql", "not 1"),
        ("db = 1\n" + SMALL, "db", "[db], not 1"),
        ("[mess_cfg]", "modbus", "is missing"),
        ("[modbus]\n[db]", "mess_cfg", "is missing"),
        (
            SMALL + "[durchlaufintervall]\n" + "\n".join(f"{id_} = false" for id_ in load_model("SDM530").registers),
            "durchlaufintervall",
            "nothing to read",
        ),
    ],
)
def test_a_mistake_is_told_at_its_key(mistakes, text, key, words):
    assert words in mistakes(text)[key]


@pytest.mark.parametrize(("period", "minutes"), [("15", 15), ("0", 0), ('"30"', 30), ("60.0", 60)])
def test_the_demand_period_is_what_sigusr1_writes(load, period, minutes):
    [bus] = load(f"{SMALL}[demand]\nperiod = {period}\n").buses
    assert bus.meters[0].demand_period_min == minutes


@pytest.mark.parametrize("period", ["16", "-1", "61", '"x"', "7.5"])
def test_a_demand_period_that_the_meter_does_not_know_is_told(mistakes, period):
    assert list(mistakes(f"{SMALL}[demand]\nperiod = {period}\n")) == ["demand.period"]
