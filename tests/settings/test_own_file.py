"""Our own format: what every key means, and what is said about wrong ones."""

import tomllib
from pathlib import Path

import pytest

from smartmeter.modbus.line import AsciiFormat, NetworkLine, SerialFormat
from smartmeter.models import load_model
from smartmeter.periods import system_zone
from smartmeter.settings.load import load_settings
from smartmeter.settings.model import FastSettings, JournalSettings, PostgresqlSettings, SshSettings

DATA = Path(__file__).parent / "data"
SMALL = """
[[bus]]
port = "/dev/ttyS-A"
[[bus.meter]]
model = "SDM530"
address = 1
"""
DATABASE = """
[postgresql]
host = "db"
database = "energy"
user = "meter"
"""


def test_every_key_of_the_full_file_arrives():
    settings = load_settings(DATA / "full.toml")
    assert settings.source == DATA / "full.toml"
    assert settings.language == "de"
    assert settings.timezone == "America/New_York"
    assert settings.notices == ()
    cellar, second = settings.buses
    assert (cellar.name, cellar.port, cellar.timeout_s) == ("cellar", "/dev/serial/by-id/usb-FTDI_A", 0.25)
    assert cellar.format == SerialFormat(19200, 8, "E", 1)
    house, single = cellar.meters
    assert (house.name, house.model, house.address) == ("house", load_model("SDM530"), 1)
    assert house.intervals_us == {"voltage_l1": 10_000_000, "voltage_l2": 10_000_000, "active_power_total": 1_000_000}
    assert (house.max_current_a, house.current_limit_a) == (250.0, 250.0)
    assert (single.max_current_a, single.current_limit_a) == (None, 100.0)
    assert (house.demand_period_min, single.demand_period_min) == (15, None)
    assert (single.name, single.address) == ("sdm230_2", 2)
    assert single.intervals_us == dict.fromkeys(load_model("SDM230").registers, 60_000_000)
    assert (second.name, second.timeout_s) == ("bus2", 0.5)
    assert second.format == load_model("SDM630").serial
    assert second.meters[0].name == "heat pump"
    assert settings.journal == JournalSettings(DATA / "readings.db", 60.0, None)
    assert settings.postgresql == PostgresqlSettings(
        host="127.0.0.1",
        port=5433,
        database="energy",
        user="meter",
        password="hunter2",
        sslmode="require",
        schema="meters",
        table="readings",
        manage_schema=False,
        ship_interval_s=15.0,
        ssh=SshSettings(
            host="ssh.example.org",
            port=2222,
            user="pi",
            password="hunter3",
            key_file=DATA / "id_ed25519",
            key_passphrase="hunter4",
            known_hosts=DATA / "hosts",
            host_keys="pin-first",
        ),
        keep_s=400 * 86400.0,
    )
    assert settings.fast == FastSettings(500_000, 90.0)


def test_defaults_of_a_small_file(load, tmp_path):
    settings = load(SMALL)
    assert settings.language == "en"
    assert settings.timezone == system_zone()
    [bus] = settings.buses
    assert (bus.name, bus.format, bus.timeout_s) == ("bus1", load_model("SDM530").serial, 0.5)
    [meter] = bus.meters
    assert meter.name == "sdm530_1"
    assert meter.intervals_us == dict.fromkeys(load_model("SDM530").registers, 10_000_000)
    assert settings.journal == JournalSettings(tmp_path / "smartmeter.db", 5.0, None)
    assert settings.postgresql is None
    assert settings.fast == FastSettings(2_000_000, 120.0)


def test_defaults_of_a_database(load):
    settings = load(SMALL + DATABASE)
    assert settings.postgresql == PostgresqlSettings(
        host="db",
        port=5432,
        database="energy",
        user="meter",
        password=None,
        sslmode="prefer",
        schema=None,
        table="smartmeter",
        manage_schema=True,
        ship_interval_s=5.0,
        ssh=None,
        keep_s=None,
    )
    assert settings.journal.keep_s == 90 * 86400


def test_ssh_defaults(load):
    settings = load(SMALL + DATABASE + '[postgresql.ssh]\nhost = "s"\nuser = "u"\nkey_file = "~/.ssh/id"\n')
    assert settings.postgresql.ssh == SshSettings(
        host="s",
        port=22,
        user="u",
        password=None,
        key_file=Path.home() / ".ssh/id",
        key_passphrase=None,
        known_hosts=Path.home() / ".ssh/known_hosts",
        host_keys="known",
    )


def test_under_systemd_the_journal_lies_in_the_state_directory(load, tmp_path, monkeypatch):
    monkeypatch.setenv("STATE_DIRECTORY", f"{tmp_path}/state:{tmp_path}/other")
    assert load(SMALL).journal.path == tmp_path / "state" / "smartmeter.db"
    assert load(SMALL + '[journal]\npath = "x.db"\n').journal.path == tmp_path / "x.db"


def test_a_line_takes_after_the_first_meter_whose_model_is_known(load):
    settings = load(SMALL.replace('"SDM530"', '"SDM630"') + '[[bus.meter]]\nmodel = "SDM230"\naddress = 2\n')
    assert settings.buses[0].format == load_model("SDM630").serial


def test_every_mistake_is_told_at_once_in_the_order_of_the_file(mistakes, monkeypatch):
    monkeypatch.delenv("NOT_SET", raising=False)
    found = mistakes(
        """
language = "fr"
jurnal = 5
[[bus]]
prt = "/dev/ttyUSB0"
baudrate = "fast"
[[bus.meter]]
model = "SDM53O"
address = 1
[[bus.meter]]
model = "SDM230"
address = 1
measurands = ["voltag_l1", "Spannung_L2", 5]
[bus.meter.intervals]
Frequenz = "10sec"
voltage_l1 = true
strom_l9 = "1s"
[[bus]]
port = ""
meter = 5
[journal]
keep = 90
[postgresql]
host = 127
password = 12345
password_env = "NOT_SET"
table = "public.smartmeter"
[postgresql.ssh]
host = "x"
"a b.c" = 5
"""
    )
    expected = {
        "language": '"en" or "de"',
        "jurnal": "did you mean journal?",
        "bus[1].port": "is missing",
        "bus[1].prt": "did you mean port?",
        "bus[1].baudrate": 'such as 9600, not "fast"',
        "bus[1].meter[1].model": "did you mean SDM530?",
        "bus[1].meter[2].address": "bus[1].meter[1].address",
        "bus[1].meter[2].measurands[1]": "did you mean voltage_l1?",
        "bus[1].meter[2].measurands[2]": 'SDM230 does not measure "Spannung_L2"',
        "bus[1].meter[2].measurands[3]": "not 5",
        "bus[1].meter[2].intervals.Frequenz": '"never", not "10sec"',
        "bus[1].meter[2].intervals.voltage_l1": "not true",
        "bus[1].meter[2].intervals.strom_l9": "did you mean Strom_L1?",
        "bus[2].port": 'not ""',
        "bus[2].meter": "[[bus.meter]]",
        "journal.keep": "at least an hour",
        "postgresql.database": "is missing",
        "postgresql.user": "is missing",
        "postgresql.host": "not 127",
        "postgresql.password": "in quotation marks",
        "postgresql.password_env": '"NOT_SET" is not set',
        "postgresql.table": '"schema"',
        "postgresql.ssh.user": "is missing",
        'postgresql.ssh."a b.c"': "known are host, port",
    }
    assert list(found) == list(expected)
    for key, words in expected.items():
        assert words in found[key], key
    assert "12345" not in str(found)


@pytest.mark.parametrize(
    ("text", "key", "words"),
    [
        ("", "bus", "is missing"),
        ("bus = []", "bus", "there is no bus"),
        ("bus = 1", "bus", "[[bus]] with two brackets"),
        ('[bus]\nport = "x"', "bus", "[[bus]] with two brackets, not a table"),
        ('[[bus]]\nport = "x"', "bus[1].meter", "is missing"),
        ('[[bus]]\nport = "x"\nmeter = []', "bus[1].meter", "there is no meter"),
        ('[[bus]]\nport = "x"\nmeter = [3]', "bus[1].meter[1]", "must be a table, not 3"),
        ("timezone = 'Europe/Berln'" + SMALL, "timezone", "did you mean Europe/Berlin?"),
        ("timezone = 'Europe'" + SMALL, "timezone", "no time zone"),
        ("timezone = '../../etc/passwd'" + SMALL, "timezone", "no time zone"),
        ("timezone = 'xq'" + SMALL, "timezone", 'named like "Europe/Berlin"'),
        ("timezone = 1" + SMALL, "timezone", "name of a time zone"),
        (SMALL + "language = 1", "bus[1].meter[1].language", "is no key of this table"),
        (SMALL + "[journal]\ncommit_interval = 0.01", "journal.commit_interval", "not 0.01"),
        (SMALL + "[journal]\npath = 'smartmeter.toml'", "journal.path", "this settings file"),
        (SMALL + "[journal]\npath = ''", "journal.path", "name of a file"),
        (SMALL + "interval = '0s'", "bus[1].meter[1].interval", "at least 0.1 s"),
        (SMALL + "interval = 'never'", "bus[1].meter[1].interval", 'not "never"'),
        (SMALL + "measurands = []", "bus[1].meter[1]", "nothing is read"),
        (SMALL + "name = ' x'", "bus[1].meter[1].name", 'not " x"'),
        (SMALL + "name = 'a\tb'", "bus[1].meter[1].name", 'not "a\\tb"'),
        (
            SMALL + "[bus.meter.intervals]\nvoltage_l1 = 1\nSpannung_L1 = 2",
            "bus[1].meter[1].intervals.Spannung_L1",
            "same",
        ),
        (
            SMALL + "measurands = ['frequency']\n[bus.meter.intervals]\nvoltage_l1 = 1",
            "bus[1].meter[1].intervals.voltage_l1",
            "measurands does not list it",
        ),
        (SMALL + SMALL, "bus[2].port", '"/dev/ttyS-A" is already taken by bus[1].port'),
        (
            SMALL + SMALL.replace("-A", "-B"),
            "bus[2].meter[1].name",
            '"sdm530_1" is already taken by bus[1].meter[1].name',
        ),
        (SMALL + SMALL.replace("-A", "-B").replace("[[bus]]", "[[bus]]\nname = 'bus1'"), "bus[2].name", "bus[1].name"),
        (SMALL + DATABASE + "port = 0", "postgresql.port", "1 to 65535"),
        (SMALL + DATABASE + "keep = 400", "postgresql.keep", "at least a day"),
        (SMALL + DATABASE + "sslmode = 'on'", "postgresql.sslmode", '"verify-full"'),
        (SMALL + DATABASE + f"table = '{'x' * 64}'", "postgresql.table", "63 bytes"),
        (SMALL + DATABASE + "schema = 'a.b'", "postgresql.schema", "63 bytes"),
        (SMALL + DATABASE + "password = ''", "postgresql.password", "in quotation marks"),
        (
            SMALL + DATABASE + "[postgresql.ssh]\nhost = 's'\nuser = 'u'",
            "postgresql.ssh",
            "neither a password nor a key_file",
        ),
        (SMALL + DATABASE + "ssh = true", "postgresql.ssh", "[postgresql.ssh], not true"),
        (SMALL + "[pg]\nip = 'x'", "pg", "is no key of this table"),
    ],
)
def test_a_mistake_is_told_with_its_key_and_what_would_be_right(mistakes, text, key, words):
    found = mistakes(text)
    assert key in found
    assert words in found[key]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *[("address", value) for value in ("0", "248", "'1'", "1.0", "true", str(10**30), "0x" + "f" * 6000)],
        *[("model", value) for value in ("1", "''", '"x\\u0000"', "[]", "1979-05-27")],
        *[("interval", value) for value in ("nan", "inf", "-1", "'x'", "[]", "{a = 1}", "false", "1e300")],
        *[("measurands", value) for value in ("'voltage_l1'", "[1]", "[[]]", "{}")],
        *[("intervals", value) for value in ("1", "[]", "{voltage_l1 = {}}")],
        *[("demand_period", value) for value in ("15", "'16m'", "'15.5m'", "'x'", "true", "-1")],
        *[("max_current", value) for value in ("0", "-1", "'100'", "true", "nan", "inf", "1e6", str(10**4000))],
    ],
)
def test_a_wrong_value_of_a_meter_is_told_at_its_key(mistakes, key, value):
    text = f"[[bus]]\nport = 'x'\n[[bus.meter]]\n{key} = {value}\n"
    text += "".join(
        f"{other} = {right}\n" for other, right in (("model", "'SDM530'"), ("address", "1")) if other != key
    )
    [place] = mistakes(text)
    assert place.startswith(f"bus[1].meter[1].{key}")


@pytest.mark.parametrize(
    ("model", "period", "words"),
    [
        ("SDM530", "16m", "the minutes that the SDM530 knows, 0, 5, 8, 10, 15, 20, 30, 60; it is 16m"),
        ("SDM72DM", "15m", "a demand period cannot be set at the SDM72DM; take it out"),
    ],
)
def test_a_demand_period_is_one_that_the_model_knows(mistakes, model, period, words):
    text = f'[[bus]]\nport = "x"\n[[bus.meter]]\nmodel = "{model}"\naddress = 1\ndemand_period = "{period}"\n'
    assert words in mistakes(text)["bus[1].meter[1].demand_period"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *[("baudrate", value) for value in ("299", "true", "9600.0", "'9600'", "-1")],
        *[("bytesize", value) for value in ("7", "true", "8.0")],
        *[("parity", value) for value in ("'X'", "1", "''")],
        *[("stopbits", value) for value in ("0", "3", "1.5", "true", "1.0")],
        *[("timeout", value) for value in ("0", "'61s'", "'x'", "{}")],
        *[("name", value) for value in ("''", "1", f"'{'x' * 101}'")],
    ],
)
def test_a_wrong_value_of_a_bus_is_told_at_its_key(mistakes, key, value):
    assert list(mistakes(SMALL.replace("port =", f"{key} = {value}\nport ="))) == [f"bus[1].{key}"]


def test_two_names_of_one_port_are_one_port(mistakes, tmp_path):
    (tmp_path / "tty").touch()
    (tmp_path / "link").symlink_to("tty")
    second = SMALL.replace("[[bus.meter]]", "[[bus.meter]]\nname = 'b'").replace("/dev/ttyS-A", f"{tmp_path}/link")
    found = mistakes(SMALL.replace("/dev/ttyS-A", f"{tmp_path}/tty") + second)
    assert list(found) == ["bus[2].port"]


def network(port, more=""):
    return SMALL.replace("port =", f"{more}\nport =").replace("/dev/ttyS-A", port)


@pytest.mark.parametrize(
    ("port", "more", "format_"),
    [
        ("tcp://192.168.1.50", "", NetworkLine()),
        ("tcp://[2001:db8::7]:1502", "pipeline = 4", NetworkLine()),
        ("rtu+tcp://gateway:4196", "", NetworkLine()),
        ("rtu+tcp://gateway:4196", "baudrate = 19200\nparity = 'E'", SerialFormat(19200, 8, "E", 1)),
        ("rtu+udp://gateway:8899", "", NetworkLine()),
        ("ascii:///dev/ttyUSB0", "bytesize = 7\nparity = 'E'", AsciiFormat(9600, 7, "E", 1)),
    ],
)
def test_every_kind_of_port(load, port, more, format_):
    [bus] = load(network(port, more)).buses
    assert (bus.port, bus.format, bus.pipeline) == (port, format_, 4 if "pipeline" in more else 1)


@pytest.mark.parametrize(
    ("port", "more", "key", "why"),
    [
        ("tcp://gateway", "baudrate = 9600", "baudrate", "is of a serial line"),
        ("tcp://gateway", "parity = 'N'", "parity", "take it out"),
        ("tcp://gateway", "pipeline = 17", "pipeline", "1 to 16"),
        ("rtu+tcp://gateway:1", "pipeline = 2", "pipeline", "only tcp://"),
        ("rtu+tcp://gateway:1", "bytesize = 7", "bytesize", "Modbus RTU sends whole bytes"),
        ("/dev/ttyUSB0", "pipeline = 2", "pipeline", "only tcp://"),
        ("rtu+tcp://gateway", "", "port", "names no port"),
        ("modbus://gateway", "", "port", "is of no known kind"),
        ("tcp://gate way", "", "port", "names no host and port"),
    ],
)
def test_what_does_not_go_with_a_port_is_told_at_its_key(mistakes, port, more, key, why):
    found = mistakes(network(port, more))
    assert list(found) == [f"bus[1].{key}"]
    assert why in str(found[f"bus[1].{key}"])


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("tcp://gateway", "tcp://GATEWAY:502", True),
        ("tcp://gateway:4196", "rtu+tcp://gateway:4196", True),
        ("tcp://gateway:4196", "rtu+udp://gateway:4196", False),
        ("tcp://gateway:502", "tcp://gateway:503", False),
        ("/dev/ttyUSB0", "ascii:///dev/ttyUSB0", True),
    ],
)
def test_one_host_and_port_is_one_port(load, mistakes, first, second, same):
    text = network(first) + network(second).replace("[[bus.meter]]", "[[bus.meter]]\nname = 'b'")
    if same:
        assert list(mistakes(text)) == ["bus[2].port"]
    else:
        assert [bus.port for bus in load(text).buses] == [first, second]


def test_a_mistake_in_one_meter_does_not_hide_those_in_the_next(mistakes):
    text = "[[bus]]\nport = 'x'\n" + "".join(f"[[bus.meter]]\nmodel = {n}\naddress = {n - 1}\n" for n in range(3))
    assert set(mistakes(text)) == {
        "bus[1].meter[1].model",
        "bus[1].meter[1].address",
        "bus[1].meter[2].model",
        "bus[1].meter[2].address",
        "bus[1].meter[3].model",
    }


def test_no_secret_is_in_the_representation():
    text = repr(load_settings(DATA / "full.toml"))
    assert not [
        secret
        for secret in ("hunter2", "hunter3", "hunter4", "hunter5", "hunter6", "aHVudGVyNw", "hunter8")
        if secret in text
    ]


def test_the_full_file_has_every_key():
    from smartmeter.settings.alarm_file import AlarmTable  # noqa: PLC0415
    from smartmeter.settings.file import (  # noqa: PLC0415
        AppriseTable,
        BusTable,
        MeterTable,
        PostgresqlTable,
        SettingsFile,
        SshTable,
        TelegramTable,
        WebTable,
    )
    from smartmeter.settings.shape import keys_of  # noqa: PLC0415
    from smartmeter.settings.tariff_file import TariffTable, TimeTable  # noqa: PLC0415

    document = tomllib.loads((DATA / "full.toml").read_text())
    assert document.keys() == keys_of(SettingsFile).keys()
    assert document["bus"][0].keys() == keys_of(BusTable).keys()
    assert document["bus"][0]["meter"][0].keys() == keys_of(MeterTable).keys()
    fixed, hourly = document["tariff"]
    assert fixed.keys() | hourly.keys() == keys_of(TariffTable).keys()
    assert fixed["time"][0].keys() == keys_of(TimeTable).keys()
    elsewhere = {"password_file", "password_env", "key_passphrase_file", "key_passphrase_env"}
    assert document["postgresql"].keys() == keys_of(PostgresqlTable).keys() - elsewhere
    assert document["postgresql"]["ssh"].keys() == keys_of(SshTable).keys() - elsewhere
    assert {key for alarm in document["alarm"] for key in alarm} == keys_of(AlarmTable).keys()
    assert document["telegram"].keys() == keys_of(TelegramTable).keys() - {"token_file", "token_env"}
    elsewhere = {"password_hash_file", "password_hash_env", "tokens_file"}
    assert document["web"].keys() == keys_of(WebTable).keys() - elsewhere
    assert document["apprise"].keys() == keys_of(AppriseTable).keys() - {"urls_file"}
