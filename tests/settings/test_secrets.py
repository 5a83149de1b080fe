from pathlib import Path

import pytest

from smartmeter.settings.errors import SettingsError
from smartmeter.settings.load import load_settings

BEGIN = """
[[bus]]
port = "/dev/ttyS-A"
[[bus.meter]]
model = "SDM530"
address = 1
[postgresql]
host = "db"
database = "energy"
user = "meter"
"""


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    path = tmp_path / "smartmeter.toml"

    def file(text):
        path.write_text(BEGIN + text)
        return path

    return file


def mistakes(path):
    with pytest.raises(SettingsError) as caught:
        load_settings(path)
    return {mistake.key: mistake.text for mistake in caught.value.mistakes}


def test_a_password_from_a_file_beside_the_settings(file, tmp_path):
    (tmp_path / "pw").write_text("hunter ü2 \n", "utf-8")
    assert load_settings(file("password_file = 'pw'")).postgresql.password == "hunter ü2 "


def test_a_password_from_a_file_elsewhere(file, tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "pw").write_text("hunter2\r\n")
    assert load_settings(file(f"password_file = '{tmp_path}/sub/pw'")).postgresql.password == "hunter2"


def test_a_credential_of_systemd_comes_before_a_file_of_the_same_name(file, tmp_path, monkeypatch):
    (tmp_path / "pw").write_text("from the file")
    (tmp_path / "other").write_text("from the other file")
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "pw").write_text("from systemd\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    assert load_settings(file("password_file = 'pw'")).postgresql.password == "from systemd"
    assert load_settings(file("password_file = 'other'")).postgresql.password == "from the other file"
    assert load_settings(file(f"password_file = '{tmp_path}/pw'")).postgresql.password == "from the file"


def test_secrets_from_the_environment(file, monkeypatch):
    monkeypatch.setenv("PG_PASSWORD", "hunter2")
    monkeypatch.setenv("KEY_PASSPHRASE", "hunter3")
    postgresql = load_settings(
        file(
            "password_env = 'PG_PASSWORD'\n[postgresql.ssh]\nhost = 's'\nuser = 'u'\nkey_file = 'k'\n"
            "key_passphrase_env = 'KEY_PASSPHRASE'"
        )
    ).postgresql
    assert (postgresql.password, postgresql.ssh.key_passphrase) == ("hunter2", "hunter3")


@pytest.mark.parametrize("content", [b"", b"\n", b"a\0b", b"\xff"])
def test_a_file_without_a_usable_secret_is_told(file, tmp_path, content):
    (tmp_path / "pw").write_bytes(content)
    found = mistakes(file("password_file = 'pw'"))
    assert list(found) == ["postgresql.password_file"]
    assert str(tmp_path / "pw") in found["postgresql.password_file"]


@pytest.mark.parametrize("credentials", [None, "there", "missing"])
@pytest.mark.parametrize("name", ["nope", ".", "x" * 5000])
def test_a_file_that_cannot_be_read_is_told(file, tmp_path, monkeypatch, name, credentials):
    if credentials:
        (tmp_path / "there").mkdir()
        monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / credentials))
    found = mistakes(file(f"password_file = '{name}'"))
    assert list(found) == ["postgresql.password_file"]
    assert "cannot be read" in found["postgresql.password_file"]


def test_an_empty_variable_is_none(file, monkeypatch):
    monkeypatch.setenv("PG_PASSWORD", "")
    assert "is not set" in mistakes(file("password_env = 'PG_PASSWORD'"))["postgresql.password_env"]


def test_only_one_source_may_be_given(file, monkeypatch):
    monkeypatch.setenv("PG_PASSWORD", "hunter2")
    found = mistakes(file("password = 'a'\npassword_file = 'b'\npassword_env = 'PG_PASSWORD'"))
    assert set(found) == {"postgresql.password_file", "postgresql.password_env"}
    assert "only one" in found["postgresql.password_env"]


def test_a_wrong_file_in_the_ssh_table_does_not_ask_for_a_password_too(file):
    found = mistakes(file("[postgresql.ssh]\nhost = 's'\nuser = 'u'\npassword_file = 'nope'"))
    assert list(found) == ["postgresql.ssh.password_file"]


def test_a_home_that_nobody_has_is_a_name(file):
    text = mistakes(file("password_file = '~nobody-of-this-name/pw'"))["postgresql.password_file"]
    assert "~nobody-of-this-name" in text


def test_paths_may_begin_with_the_home(file, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "pw").write_text("hunter2")
    assert load_settings(file("password_file = '~/pw'")).postgresql.password == "hunter2"
    assert Path("~").expanduser() == tmp_path
