"""`alarms`, `[[alarm]]`, `[telegram]` and `[apprise]`: what they mean, and what is said about wrong ones."""

from pathlib import Path

import pytest

from smartmeter.settings.load import load_settings
from smartmeter.settings.model import AlarmSettings, TelegramSettings

DATA = Path(__file__).parent / "data"
METERS = """
[[bus]]
port = "/dev/ttyS-A"
[[bus.meter]]
name = "house"
model = "SDM530"
address = 1
[[bus.meter]]
name = "flat"
model = "SDM230"
address = 2
interval = "5m"
"""
TOKEN = "123456789:AAhunter2hunter2hunter2hunter2hunter"


@pytest.fixture
def load(tmp_path):
    def load(text):
        path = tmp_path / "smartmeter.toml"
        path.write_text(METERS + text)
        return load_settings(path)

    return load


def test_every_key_of_the_full_file_arrives():
    settings = load_settings(DATA / "full.toml")
    assert settings.alarm_set == "en50160"
    assert settings.alarms == (
        AlarmSettings("much power", "above", 251.5, "voltage_l1", "house", 30.0, 2.0),
        AlarmSettings("little power", "below", 210.0, "voltage_l1", None, 60.0, 0.0),
        AlarmSettings("silence", "silent", 300.0),
        AlarmSettings("late", "behind", 3600.0),
        AlarmSettings("full", "disk", 90.0, hold_s=60.0),
        AlarmSettings("thirst", "day_energy", 30.0, "active_energy_import"),
    )
    assert settings.telegram == TelegramSettings("123456789:hunter5hunter5hunter5", "http://127.0.0.1:8081")
    assert settings.apprise == ("ntfys://user:hunter6@ntfy.example.org/house",)


def test_nothing_is_the_default(load):
    settings = load("")
    assert (settings.alarm_set, settings.alarms, settings.telegram, settings.apprise) == (None, (), None, ())


def test_the_memory_of_alarms_lies_beside_the_journal(load, tmp_path):
    assert load("").journal.state_path == tmp_path / "smartmeter_state.db"
    assert load("[journal]\npath = 'a/one.sqlite'\n").journal.state_path == tmp_path / "a" / "one_state.sqlite"


@pytest.mark.parametrize(
    ("alarm", "key", "words"),
    [
        ("name = 'a'", "", "does not say what for; give one of above, below, silent, behind, disk, day_energy"),
        ("above = 1\nmeasurand = 'frequency'", ".name", "is missing; it must be what messages call it"),
        ("name = 'a'\nabove = 1\nbelow = 0\nmeasurand = 'frequency'", ".below", "is there beside above; give only one"),
        ("name = 'a'\nabove = 1", ".measurand", "is missing; it must be the name of a measurand"),
        ("name = 'a'\nabove = 1\nmeasurand = 'frequencies'", ".measurand", "did you mean frequency?"),
        ("name = 'a'\nabove = 1\nmeasurand = 'frequency'\nmeter = 'hose'", ".meter", 'no meter "hose"; did you mean h'),
        (
            "name = 'a'\nabove = 1\nmeasurand = 'voltage_l2'\nmeter = 'flat'",
            ".measurand",
            'is not read from meter "flat"; add it there',
        ),
        ("name = 'a'\nabove = 'much'\nmeasurand = 'frequency'", ".above", 'must be a number such as 253, not "much"'),
        ("name = 'a'\nabove = nan\nmeasurand = 'frequency'", ".above", "must be a number such as 253, not nan"),
        ("name = 'a'\nsilent = '5s'", ".silent", 'must be a duration of at least 10 s such as "5m", not "5s"'),
        (
            "name = 'a'\nsilent = '9m'",
            ".silent",
            'is too short for meter "flat", which is read that seldom; at least "10m"',
        ),
        ("name = 'a'\nsilent = '1h'\nfor = '1m'", ".for", "means nothing beside silent; take it out"),
        ("name = 'a'\nbehind = '1h'", ".behind", "needs a database that readings wait for; describe one under"),
        ("name = 'a'\ndisk = 100", ".disk", "must be percent in use, a number between 0 and 100 such as 90, not 100"),
        ("name = 'a'\ndisk = 90\nhysteresis = -1", ".hysteresis", "must be a number of at least 0 such as 1.5, not -1"),
        ("name = 'a'\nday_energy = 3\nmeasurand = 'frequency'", ".measurand", "is no counter; active_energy_import is"),
        ("name = 'a'\nday_energy = 3\nwhen = 1", ".when", "is no key of this table; known are name, meter"),
    ],
)
def test_mistakes_in_an_alarm(mistakes, alarm, key, words):
    found = mistakes(f"[[alarm]]\n{alarm}\n")
    assert list(found) == [f"alarm[1]{key}"]
    assert words in found[f"alarm[1]{key}"]


def test_an_alarm_for_one_meter_is_not_too_short_for_another(load):
    assert load("[[alarm]]\nname = 'a'\nsilent = '1m'\nmeter = 'house'\n").alarms[0].limit == 60.0


def test_two_alarms_need_two_names(mistakes):
    found = mistakes("[[alarm]]\nname = 'a'\ndisk = 1\n[[alarm]]\nname = 'a'\ndisk = 2\n")
    assert found == {"alarm[2].name": '"a" is already taken by alarm[1].name; each needs its own'}


def test_an_unknown_set_is_a_mistake(mistakes):
    assert mistakes("[alarms]\nx = 1\n") == {"alarms": 'must be "en50160", not a table'}


@pytest.mark.parametrize(
    ("table", "key", "words"),
    [
        ("", "telegram.token", "is missing; it must be the bot's token"),
        ("token = 'hunter2'", "telegram.token", "must be the bot's token, which @BotFather gives"),
        ("token_file = 'nowhere'", "telegram.token_file", "cannot be read: No such file"),
        ("token_file = 'wrong'", "telegram.token_file", "holds no token; it must be the bot's token"),
        (f"token = '{TOKEN}'\ntoken_env = 'X'", "telegram.token_env", "is there beside token; give only one of them"),
        (f"token = '{TOKEN}'\napi_url = 'ftp://x'", "telegram.api_url", "must be the address of a Bot API server"),
        (f"token = '{TOKEN}'\napi_url = 'http://a:b@x'", "telegram.api_url", "must be the address of a Bot API server"),
    ],
)
def test_mistakes_in_telegram(mistakes, tmp_path, table, key, words):
    (tmp_path / "wrong").write_text("hunter2\n")
    found = mistakes(f"[telegram]\n{table}\n")
    assert list(found) == [key]
    assert words in found[key]


def test_a_token_may_stand_elsewhere(load, tmp_path, monkeypatch):
    (tmp_path / "token").write_text(TOKEN + "\n")
    assert load("[telegram]\ntoken_file = 'token'\n").telegram.token == TOKEN
    monkeypatch.setenv("SMARTMETER_TOKEN", TOKEN)
    settings = load("[telegram]\ntoken_env = 'SMARTMETER_TOKEN'\n")
    assert settings.telegram == TelegramSettings(TOKEN, "https://api.telegram.org")
    assert "hunter2" not in repr(settings)


@pytest.mark.parametrize(
    ("table", "key", "words"),
    [
        ("", "apprise.urls", "is missing; it must be a list, each an Apprise URL"),
        ("urls = []", "apprise.urls", "is missing; it must be a list, each an Apprise URL"),
        ("urls = ['hunter2']", "apprise.urls[1]", "must be an Apprise URL such as"),
        ("urls = 'ntfy://hunter2'", "apprise.urls", "must be a list of Apprise URLs"),
        ("urls_file = 'wrong'", "apprise.urls_file", "has no URL on line 3; it must be an Apprise URL"),
        ("urls_file = 'empty'", "apprise.urls_file", "holds no URL; write one on each line"),
        ("urls_file = 'nowhere'", "apprise.urls_file", "cannot be read: No such file"),
        (
            "urls_file = 'right'\nurls = ['ntfy://x']",
            "apprise.urls_file",
            "is there beside urls; give only one of them",
        ),
    ],
)
def test_mistakes_in_apprise(mistakes, tmp_path, table, key, words):
    (tmp_path / "wrong").write_text("# mine\nntfy://x\nhunter2\n")
    (tmp_path / "empty").write_text("# mine\n\n")
    (tmp_path / "right").write_text("ntfy://y\n")
    found = mistakes(f"[apprise]\n{table}\n")
    assert list(found) == [key]
    assert words in found[key]


def test_urls_may_stand_in_a_file(load, tmp_path):
    (tmp_path / "urls").write_text("# mine\n\n ntfy://x \nmailto://a:b@c\nntfy://x\n")
    assert load("[apprise]\nurls_file = 'urls'\n").apprise == ("ntfy://x", "mailto://a:b@c")


DATABASE = "[postgresql]\nhost = 'h'\ndatabase = 'd'\nuser = 'u'\nship_interval = '5m'\n"


def test_a_wait_that_is_no_delay_is_a_mistake(load, mistakes):
    found = mistakes(DATABASE + "[[alarm]]\nname = 'a'\nbehind = '5m'\nmeter = 'house'\n")
    assert found == {
        "alarm[1].behind": 'is no longer than readings wait anyway; by ship_interval at least "10m"',
        "alarm[1].meter": "means nothing beside behind; take it out",
    }
    assert load(DATABASE + "[[alarm]]\nname = 'a'\nbehind = '10m'\n").alarms[0].limit == 600.0


def test_the_name_of_the_set_is_taken(mistakes):
    found = mistakes("[[alarm]]\nname = 'EN 50160'\ndisk = 90\n")
    assert found == {"alarm[1].name": 'is what the alarms of alarms = "en50160" are called; choose another'}
