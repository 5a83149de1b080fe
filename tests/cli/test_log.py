import logging
import re
from contextlib import contextmanager
from urllib.parse import quote

import pytest

from smartmeter.cli.log import HidingFormatter, configure_log, secrets_of
from smartmeter.settings.load import load_settings

OWN = """
[[bus]]
port = "/dev/ttyUSB0"
[[bus.meter]]
model = "SDM530"
address = 1
"""
POSTGRESQL = """
[postgresql]
host = "db"
database = "energy"
user = "anna"
password = "hunter-pg"
[postgresql.ssh]
host = "db"
user = "pi"
password = "hunter-ssh"
key_file = "id"
key_passphrase = "hunter-key"
"""
TELEGRAM = '[telegram]\ntoken = "123456789:AAhunterhunterhunterhunterhunterhunt"\n'
APPRISE = '[apprise]\nurls = ["ntfys://anna:hunter-ntfy@example.org/house"]\n'


@pytest.fixture
def settings(tmp_path):
    def settings(text=""):
        path = tmp_path / "smartmeter.toml"
        path.write_text(OWN + text)
        (tmp_path / "id").touch()
        return load_settings(path)

    return settings


def logged(formatter, message, *args, error=None):
    """The line, or lines, that come out."""
    info = (type(error), error, error.__traceback__) if error else None
    record = logging.LogRecord("foreign", logging.ERROR, "foreign.py", 1, message, args, info)
    return formatter.format(record)


@pytest.fixture
def formatter():
    made = HidingFormatter("%(levelname)s %(message)s")
    made.hide(["hunter2hunter2"])
    return made


def test_what_is_no_secret_stands_as_it_is(formatter):
    assert logged(formatter, "Meter %s is silent.", "house") == "ERROR Meter house is silent."


def test_a_secret_is_hidden_in_a_message_and_in_what_is_put_into_it(formatter):
    text = logged(formatter, "hunter2hunter2 and %s: %r", "ahunter2hunter2b", {"password": "hunter2hunter2"})
    assert text == "ERROR [secret] and a[secret]b: {'password': '[secret]'}"


def test_a_secret_is_hidden_in_the_traceback_of_a_foreign_exception(formatter):
    def connect(url):
        try:
            int(url)
        except ValueError as error:
            raise OSError(f"no connection to {url}") from error

    url = "https://api.example.org/hunter2hunter2/send"
    try:
        connect(url)
    except OSError as error:
        error.add_note("asked for hunter2hunter2")
        text = logged(formatter, "Unexpected error", error=error)
    assert "hunter2" not in text
    assert text.count("[secret]") == 3
    assert "OSError: no connection to https://api.example.org/[secret]/send" in text
    assert "in connect" in text


def test_one_secret_may_be_a_part_of_another(formatter):
    formatter.hide(["hunter2hunter2/more", "123456"])
    assert logged(formatter, "hunter2hunter2/more, hunter2hunter2, 123456") == "ERROR [secret], [secret], [secret]"


@pytest.mark.parametrize(
    "secret", ["pa'ss\"word\\1", "p ss/wörd?&", "tab\tand\nline"], ids=["quotes", "for a URL", "control characters"]
)
@pytest.mark.parametrize("form", ["{0}", "{0!r}", "{1}"])
def test_a_secret_is_hidden_however_it_is_written(formatter, secret, form):
    formatter.hide([secret])
    text = logged(formatter, "%s", form.format(secret, quote(secret, safe="")))
    assert text in ("ERROR [secret]", "ERROR '[secret]'", 'ERROR "[secret]"')


def test_what_is_too_short_to_be_told_from_words_is_left(formatter):
    formatter.hide(["", "a", "meter"])
    assert logged(formatter, "a meter") == "ERROR a meter"


def test_all_secrets_of_the_settings(settings):
    token = "123456789:AAhunterhunterhunterhunterhunterhunt"
    assert set(secrets_of(settings(POSTGRESQL + TELEGRAM + APPRISE))) - {""} == {
        "ntfys://anna:hunter-ntfy@example.org/house",
        token,
        token.partition(":")[2],
        "hunter-pg",
        "hunter-ssh",
        "hunter-key",
    }
    assert not any(secrets_of(settings()))


def test_no_secret_of_the_settings_comes_through(settings):
    formatter = HidingFormatter("%(message)s")
    one = settings(POSTGRESQL + TELEGRAM + APPRISE)
    formatter.hide(secrets_of(one))
    text = logged(formatter, "%s %s %s %s", one.telegram.token, one.apprise, one.postgresql.password, one.telegram)
    assert "hunter" not in text


@contextmanager
def bare_log():
    """The root as it is in a program that has just begun."""
    loggers = [logging.getLogger(name) for name in (None, "asyncio", "asyncssh", "psycopg")]
    levels, handlers = [each.level for each in loggers], loggers[0].handlers
    loggers[0].handlers = []
    try:
        yield
    finally:
        loggers[0].handlers = handlers
        for each, level in zip(loggers, levels, strict=True):
            each.setLevel(level)


@pytest.mark.parametrize(
    ("by_systemd", "form"), [(True, r"ERROR \[secret\]\n"), (False, r"\d{4}-.* ERROR \[secret\]\n")]
)
def test_the_daemons_log(monkeypatch, capsys, by_systemd, form):
    if by_systemd:
        monkeypatch.setenv("JOURNAL_STREAM", "8:1")
    else:
        monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    with bare_log():
        configure_log(logging.INFO).hide(["hunter2hunter2"])
        logging.getLogger("foreign").error("hunter2hunter2")
        logging.getLogger("foreign").debug("not asked for")
        logging.getLogger("asyncssh").info("talk")
    assert re.fullmatch(form, capsys.readouterr().err)
