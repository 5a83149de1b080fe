"""The original's first format works unchanged."""

import tomllib
from pathlib import Path

import pytest

from smartmeter.measurands import measurands
from smartmeter.modbus.line import SerialFormat
from smartmeter.models import load_model
from smartmeter.periods import system_zone
from smartmeter.settings.errors import SettingsError
from smartmeter.settings.load import load_settings
from smartmeter.settings.model import FastSettings, JournalSettings, PostgresqlSettings, SshSettings, TelegramSettings

DOCUMENTED = (Path(__file__).parent / "data" / "documented_cfg.toml").read_text("utf-8")
FILLED_IN = DOCUMENTED.replace("portnr", "5432").replace("/pfad/zu/ssh_auth.toml", "ssh_auth.toml")
SSH_AUTH = 'ip_server = "ssh.example.org"\nssh_port = 22\nuser = "pi"\npw = "geheim"\n'
SMALL = """
[modbus]
serial_if = "/dev/ttyUSB0"
slave_addr = 1
[[messintervall]]
Spannung_L1 = 10
"""
PG = '[pg]\nip = "db"\npguser = "u"\npgpw = "geheim"\ndb = "d"\n'


@pytest.fixture
def load(tmp_path):
    def load(text, ssh_auth=SSH_AUTH):
        (tmp_path / "ssh_auth.toml").write_text(ssh_auth)
        path = tmp_path / "smartmeter_cfg.toml"
        path.write_text(text)
        return load_settings(path)

    return load


@pytest.fixture
def mistakes(load, tmp_path):
    def mistakes(*args):
        with pytest.raises(SettingsError) as caught:
            load(*args)
        return {f"{m.file.relative_to(tmp_path)}: {m.key}": m.text for m in caught.value.mistakes}

    return mistakes


def test_the_documented_file_means_what_it_meant(load, tmp_path):
    settings = load(FILLED_IN)
    assert settings.source == tmp_path / "smartmeter_cfg.toml"
    assert settings.language == "de"
    assert settings.timezone == system_zone()
    [bus] = settings.buses
    assert (bus.port, bus.format, bus.timeout_s) == ("/dev/ttyUSB0", SerialFormat(19200, 8, "E", 1), 0.5)
    [meter] = bus.meters
    assert (meter.name, meter.model, meter.address) == ("smartmeter", load_model("SDM530"), 1)
    assert settings.journal == JournalSettings(tmp_path / "smartmeter.db", 5.0, 90 * 86400)
    assert settings.postgresql == PostgresqlSettings(
        host="127.0.0.1",
        port=5432,
        database="datenbankname",
        user="datenbank user",
        password="datenbank pw",
        sslmode="prefer",
        schema=None,
        table="smartmeter",
        manage_schema=False,
        ship_interval_s=300.0,
        ssh=SshSettings(
            host="ssh.example.org",
            port=22,
            user="pi",
            password="geheim",
            key_file=None,
            key_passphrase=None,
            known_hosts=tmp_path / "ssh_known_hosts",
            host_keys="pin-first",
        ),
    )
    assert settings.fast == FastSettings(4_000_000, 120.0)
    [notice] = settings.notices
    assert notice.startswith("telegram_bot: there is no Telegram bot")
    assert "telegramtoken" not in notice
    assert settings.telegram is None


def test_all_68_values_have_their_interval(load):
    listed = tomllib.loads(FILLED_IN)["messintervall"][0]
    [bus] = load(FILLED_IN).buses
    intervals_us = bus.meters[0].intervals_us
    assert len(intervals_us) == len(listed) == 68
    assert {measurands()[id_].german: us for id_, us in intervals_us.items()} == {
        name: seconds * 1_000_000 for name, seconds in listed.items()
    }


def test_the_placeholder_of_the_documented_file_is_explained(mistakes):
    [(place, text)] = mistakes(DOCUMENTED).items()
    assert place == "smartmeter_cfg.toml: line 13"
    assert "pgport = portnr" in text
    assert "placeholder" in text


def test_the_file_may_be_called_anything(tmp_path):
    path = tmp_path / "smartmeter.toml"
    path.write_text(SMALL)
    assert load_settings(path).language == "de"


@pytest.mark.parametrize("off", ["", "pfad_zu_ssh_auth = ''", "pfad_zu_ssh_auth = false"])
def test_without_a_tunnel_the_database_is_at_ip(load, off):
    postgresql = load(SMALL + PG + off).postgresql
    assert (postgresql.host, postgresql.port, postgresql.ssh) == ("db", 5432, None)


def test_with_a_tunnel_ip_may_be_missing(load):
    assert load(SMALL + PG.replace('ip = "db"', 'pfad_zu_ssh_auth = "ssh_auth.toml"')).postgresql.host == "127.0.0.1"


def test_without_pg_the_journal_keeps_everything(load):
    settings = load(SMALL)
    assert settings.postgresql is None
    assert settings.journal.keep_s is None
    assert settings.fast == FastSettings(2_000_000, 120.0)
    assert settings.notices == ("pg: there is no [pg], so the readings stay in the journal",)


def test_what_is_not_said_of_the_line_is_as_the_model_has_it(load):
    assert load(SMALL).buses[0].format == load_model("SDM530").serial


def test_the_demand_period_is_what_sigusr1_writes(load):
    assert load(SMALL).buses[0].meters[0].demand_period_min is None
    assert load(f"{SMALL}\n[demand]\nperiod = 15\n").buses[0].meters[0].demand_period_min == 15


def test_numbers_may_be_written_in_many_ways(load):
    settings = load(
        """
        [modbus]
        serial_if = "/dev/ttyUSB0"
        serial_if_baud = "9600"
        serial_if_byte = 8.0
        serial_if_par = "e"
        serial_if_stop = "1"
        slave_addr = " 7 "
        [pg]
        ip = "db"
        pguser = "u"
        pgpw = 1234
        db = "d"
        pgport = "5433"
        intervall_daten_senden = "300"
        schnellintervall = 0
        dauer_schnellintervall = 0
        [messintervall]
        SPANNUNG_l1 = "2.5"
        frequency = 0
        Strom_L1 = 0.2
        Strom_L2 = 1e300
        Strom_L3 = inf
        """
    )
    [bus] = settings.buses
    assert (bus.format, bus.meters[0].address) == (SerialFormat(9600, 8, "E", 1), 7)
    assert (settings.postgresql.port, settings.postgresql.password) == (5433, "1234")
    assert settings.postgresql.ship_interval_s == 300.0
    assert settings.fast == FastSettings(500_000, 0.0)
    never_again_us = 36500 * 86400 * 1_000_000
    assert bus.meters[0].intervals_us == {
        "voltage_l1": 2_500_000,
        "frequency": 500_000,
        "current_l1": 200_000,
        "current_l2": never_again_us,
        "current_l3": never_again_us,
    }


def test_an_empty_password_is_none(load):
    assert load(SMALL + PG.replace("geheim", "")).postgresql.password is None


@pytest.mark.parametrize("token", ["false", "''", "0"])
def test_no_bot_no_notice(load, token):
    settings = load(SMALL + PG + f"[telegram_bot]\ntoken = {token}\n")
    assert (settings.notices, settings.telegram) == ((), None)


def test_the_bot_has_the_originals_token(load):
    token = "123456789:AAhunter2hunter2hunter2hunter2hunter"
    settings = load(SMALL + PG + f"[telegram_bot]\ntoken = '{token}'\n")
    assert settings.notices == ()
    assert settings.telegram == TelegramSettings(token, "https://api.telegram.org")


def test_what_the_original_passed_over_is_passed_over_and_said(load):
    settings = load(
        SMALL.replace("slave_addr", "slave_adr = 3\nslave_addr")
        + "[[messintervall]]\nStrom_L1 = 1\n[mqt]\na = 1\n"
        + PG
    )
    assert settings.buses[0].meters[0].intervals_us == {"voltage_l1": 10_000_000}
    assert settings.notices == (
        "messintervall: only the first [[messintervall]] counts, as in the original",
        "modbus.slave_adr does nothing; did you mean slave_addr?",
        "mqt does nothing; known are modbus, pg, telegram_bot, demand, messintervall",
    )


def test_every_mistake_is_told_at_once(mistakes):
    found = mistakes(
        """
        [modbus]
        serial_if_par = "M"
        slave_addr = "300"
        [pg]
        ip = 5
        pgpw = true
        pgport = "port"
        pfad_zu_ssh_auth = "ssh_auth.toml"
        schnellintervall = -1
        [[messintervall]]
        spannung_l1 = "10"
        SPANNUNG_L1 = 5
        Spannug_L2 = 3
        Import_L1_kwh = 3
        Frequenz = false
        Strom_L1 = nan
        """,
        "ip_server = 5\nssh_port = 0\nuser = 'pi'\n",
    )
    expected = {
        "smartmeter_cfg.toml: modbus.serial_if": "is missing",
        "smartmeter_cfg.toml: modbus.serial_if_par": 'not "M"',
        "smartmeter_cfg.toml: modbus.slave_addr": 'from 1 to 247, not "300"',
        "smartmeter_cfg.toml: pg.pguser": "is missing",
        "smartmeter_cfg.toml: pg.db": "is missing",
        "smartmeter_cfg.toml: pg.ip": "not 5",
        "smartmeter_cfg.toml: pg.pgpw": "in quotation marks",
        "smartmeter_cfg.toml: pg.pgport": 'not "port"',
        "smartmeter_cfg.toml: pg.schnellintervall": "not -1",
        "smartmeter_cfg.toml: messintervall.SPANNUNG_L1": "same measurand as messintervall.spannung_l1",
        "smartmeter_cfg.toml: messintervall.Spannug_L2": "did you mean Spannung_L2?",
        "smartmeter_cfg.toml: messintervall.Import_L1_kwh": "SDM530 does not measure",
        "smartmeter_cfg.toml: messintervall.Frequenz": "number of seconds such as 10, not false",
        "smartmeter_cfg.toml: messintervall.Strom_L1": "not nan",
        "ssh_auth.toml: pw": "is missing",
        "ssh_auth.toml: ip_server": "not 5",
        "ssh_auth.toml: ssh_port": "1 to 65535",
    }
    assert {place: expected.get(place, "") in text for place, text in found.items()} == dict.fromkeys(expected, True)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[modbus]", "messintervall"),
        ("[[messintervall]]", "messintervall"),
        ("messintervall = []\n[modbus]", "messintervall"),
        ("messintervall = [1]\n[modbus]", "messintervall"),
        ("messintervall = 1\n[modbus]", "messintervall"),
        ("modbus = 1", "modbus"),
        ("pg = 1", "pg"),
        (SMALL + PG.replace('ip = "db"', ""), "pg.ip"),
        (SMALL + PG + "pfad_zu_ssh_auth = 5", "pg.pfad_zu_ssh_auth"),
        (SMALL + PG + "pfad_zu_ssh_auth = '/pfad/zu/ssh_auth.toml'", "pg.pfad_zu_ssh_auth"),
        (SMALL + PG + f"pfad_zu_ssh_auth = '{'x' * 5000}'", "pg.pfad_zu_ssh_auth"),
    ],
)
def test_a_mistake_is_told_at_its_key(mistakes, text, place):
    assert f"smartmeter_cfg.toml: {place}" in mistakes(text)


def test_a_broken_ssh_file_is_told_with_its_own_name(mistakes):
    text = SMALL + PG + "pfad_zu_ssh_auth = 'ssh_auth.toml'\npgport = 0"
    found = mistakes(text, "ip_server = 'x'\npw = geheim\n")
    assert set(found) == {"smartmeter_cfg.toml: pg.pgport", "ssh_auth.toml: line 2"}
    assert "geheim" not in str(found)


def test_as_a_service_the_journal_and_the_pinned_keys_lie_in_the_state_directory(load, tmp_path, monkeypatch):
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    settings = load(FILLED_IN)
    assert settings.journal.path == tmp_path / "state" / "smartmeter.db"
    assert settings.postgresql.ssh.known_hosts == tmp_path / "state" / "ssh_known_hosts"
