"""`[web]`: what it means, and what is said about wrong ones."""

from pathlib import Path

import pytest

from smartmeter.settings.load import load_settings
from smartmeter.settings.model import WebSettings

DATA = Path(__file__).parent / "data"
METER = '[[bus]]\nport = "/dev/ttyS-A"\n[[bus.meter]]\nmodel = "SDM530"\naddress = 1\n'
HASH = "$argon2id$v=19$m=8,t=1,p=1$aHVudGVyNw$aHVudGVyNw"
TOKEN = "hunter8hunter8hunter8"


@pytest.fixture
def load(tmp_path):
    def load(text):
        path = tmp_path / "smartmeter.toml"
        path.write_text(METER + text)
        return load_settings(path).web

    return load


def test_every_key_of_the_full_file_arrives():
    web = load_settings(DATA / "full.toml").web
    assert web == WebSettings("0.0.0.0", 8088, HASH, (TOKEN,), ("meter.example.org",))
    assert not web.is_loopback


def test_by_default_it_is_there_for_this_machine_alone(load):
    assert load("") == WebSettings("127.0.0.1", 8080, None, (), ())
    assert load("").is_loopback
    assert load_settings(DATA / "later_cfg.toml").web == WebSettings()


def test_it_can_be_switched_off(load):
    assert load("[web]\nenabled = false\nhost = '0.0.0.0'\n") is None


@pytest.mark.parametrize(("host", "is_loopback"), [("127.0.0.1", True), ("::1", True), ("localhost", True)])
def test_loopback_needs_no_password(load, host, is_loopback):
    assert load(f"[web]\nhost = '{host}'\n").is_loopback == is_loopback


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5"])
def test_beyond_it_needs_one_or_the_word(load, mistakes, host):
    found = mistakes(f"[web]\nhost = '{host}'\n")
    assert list(found) == ["web.host"]
    assert found["web.host"].startswith("lets others than this machine see the page; give a password_hash")
    assert not load(f"[web]\nhost = '{host}'\nallow_anonymous = true\n").is_loopback
    assert load(f"[web]\nhost = '{host}'\npassword_hash = '{HASH}'\n").password_hash == HASH


def test_secrets_may_stand_elsewhere(load, tmp_path, monkeypatch):
    (tmp_path / "hash").write_text(HASH + "\n")
    (tmp_path / "tokens").write_text(f"# mine\n\n{TOKEN}\n{TOKEN}\n")
    web = load("[web]\npassword_hash_file = 'hash'\ntokens_file = 'tokens'\n")
    assert (web.password_hash, web.tokens) == (HASH, (TOKEN,))
    monkeypatch.setenv("SMARTMETER_HASH", HASH)
    assert load("[web]\npassword_hash_env = 'SMARTMETER_HASH'\n").password_hash == HASH
    assert "hunter" not in repr(web)


@pytest.mark.parametrize(
    ("table", "key", "words"),
    [
        ("host = 'meter'", "web.host", "must be an IP address to listen at"),
        ("port = 65536", "web.port", "must be a TCP port, a number from 0 to 65535"),
        ("password_hash = 'hunter2'", "web.password_hash", "must be what `smartmeter web password` prints"),
        ("password_hash_file = 'wrong'", "web.password_hash_file", "holds no hash; it must be what"),
        ("tokens = ['hunter2']", "web.tokens[1]", "must be a text of 20 to 200 letters"),
        ("tokens_file = 'wrong'", "web.tokens_file", "has no token on line 1; it must be a text of 20"),
        (f"tokens_file = 'right'\ntokens = ['{TOKEN}']", "web.tokens_file", "is there beside tokens; give only one"),
        ("names = ['a b']", "web.names[1]", "must be a host name such as"),
        ("enable = true", "web.enable", "did you mean enabled?"),
    ],
)
def test_mistakes(mistakes, tmp_path, table, key, words):
    (tmp_path / "wrong").write_text("hunter2\n")
    (tmp_path / "right").write_text(TOKEN)
    found = mistakes(f"[web]\n{table}\n")
    assert list(found) == [key]
    assert words in found[key]
