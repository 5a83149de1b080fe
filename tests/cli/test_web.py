"""`smartmeter web`: a hash that the settings take and that the password fits, and tokens."""

import io
import subprocess
import sys
import tomllib

import pexpect
import pytest
from argon2 import PasswordHasher

from smartmeter.cli.main import main
from smartmeter.settings.load import load_settings
from tests.fixtures.documents import ROOT

METER = '[[bus]]\nport = "/dev/ttyS-A"\n[[bus.meter]]\nmodel = "SDM530"\naddress = 1\n'
COMMAND = [sys.executable, "-m", "smartmeter", "web"]


@pytest.fixture
def run(monkeypatch, capsys):
    def run(*arguments, given=""):
        monkeypatch.setattr(sys, "stdin", io.StringIO(given))
        code = main(["web", *arguments])
        return code, *capsys.readouterr()

    return run


def settings(directory, line):
    path = directory / "smartmeter.toml"
    path.write_text(f"{METER}[web]\nhost = '0.0.0.0'\n{line}")
    return path


@pytest.mark.parametrize("password", ["correct horse", "päßwörd \N{ELECTRIC PLUG}", " 8 chars", "x" * 1000])
def test_the_hash_is_for_the_settings_and_the_password_fits_it(run, tmp_path, password):
    code, out, _ = run("password", given=password + "\n")
    assert code == 0
    assert password not in out
    web = load_settings(settings(tmp_path, out)).web
    assert PasswordHasher().verify(web.password_hash, password)


@pytest.mark.parametrize("password", ["", "seven77", "x" * 1001])
def test_a_password_that_is_too_short_or_too_long(run, password):
    code, out, err = run("password", given=password + "\n")
    assert (code, out) == (1, "")
    assert "a password has 8 to 1000 characters" in err


def test_a_token_is_for_the_settings_and_never_the_same(run, tmp_path):
    first, second = run("token"), run("token")
    assert first[0] == 0
    assert first[1] != second[1]
    (token,) = tomllib.loads(first[1])["tokens"]
    more = f"allow_anonymous = true\n{first[1]}"
    assert load_settings(settings(tmp_path, more)).web.tokens == (token,)


def ask(*passwords):
    """What is printed at a terminal, where passwords are asked for."""
    child = pexpect.spawn(COMMAND[0], [*COMMAND[1:], "password"], cwd=ROOT, encoding="utf-8", timeout=20)
    for prompt, password in zip(("Password: ", "Once more: "), passwords, strict=True):
        child.expect_exact(prompt)
        child.sendline(password)
    child.expect(pexpect.EOF)
    child.close()
    return child.exitstatus, child.before


def test_at_a_terminal_it_is_asked_for_twice_and_not_shown():
    code, shown = ask("correct horse", "correct horse")
    assert code == 0
    assert 'password_hash = "$argon2id$' in shown
    assert "horse" not in shown


def test_two_different_passwords_are_none():
    code, shown = ask("correct horse", "correct hors")
    assert code == 1
    assert "these are two different passwords" in shown
    assert "argon2" not in shown


def test_without_an_action_it_says_what_there_is():
    done = subprocess.run(COMMAND, capture_output=True, text=True, timeout=20, check=False, cwd=ROOT)
    assert done.returncode == 2
    assert "ACTION" in done.stderr
