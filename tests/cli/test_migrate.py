"""`smartmeter migrate`: what it writes means the same, is nobody else's to read, and never replaces a file unasked."""

import stat
from dataclasses import replace
from pathlib import Path

import pytest

from smartmeter.cli.main import main
from smartmeter.settings.load import load_settings

DATA = Path(__file__).parents[1] / "settings" / "data"


@pytest.fixture
def legacy(tmp_path, monkeypatch):
    """The original's documented file, filled in, with the SSH server's file beside it, in the working directory."""
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.chdir(tmp_path)
    text = (DATA / "documented_cfg.toml").read_text("utf-8")
    path = tmp_path / "smartmeter_cfg.toml"
    path.write_text(text.replace("portnr", "5432").replace("/pfad/zu/", ""), "utf-8")
    (tmp_path / "ssh_auth.toml").write_text(
        'ip_server = "ssh.example.org"\nssh_port = 22\nuser = "pi"\npw = "geheim"\n'
    )
    return path


def assert_same(new, old):
    assert replace(load_settings(new), source=old) == replace(load_settings(old), notices=())


def test_the_new_file_means_the_same(legacy, tmp_path, capsys):
    assert main(["migrate"]) == 0
    new = tmp_path / "smartmeter.toml"
    assert_same(new, legacy)
    assert stat.S_IMODE(new.stat().st_mode) == 0o600
    captured = capsys.readouterr()
    assert "smartmeter check -c smartmeter.toml" in captured.out
    assert "Telegram" in captured.err


def test_elsewhere_it_still_names_the_same_files(legacy, tmp_path):
    (tmp_path / "etc").mkdir()
    new = tmp_path / "etc" / "meter.toml"
    assert main(["migrate", "-c", str(legacy), "-o", str(new)]) == 0
    assert_same(new, legacy)
    assert load_settings(new).journal.path == tmp_path / "smartmeter.db"


def test_the_later_format_migrates_too(tmp_path, monkeypatch):
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    old, new = tmp_path / "old.toml", tmp_path / "new.toml"
    old.write_bytes((DATA / "later_cfg.toml").read_bytes())
    assert main(["migrate", "-c", str(old), "-o", str(new)]) == 0
    assert_same(new, old)


def test_standard_output_gets_the_file_and_nothing_else(legacy, tmp_path, capsys):
    assert main(["migrate", "-o", "-"]) == 0
    new = tmp_path / "new.toml"
    new.write_text(capsys.readouterr().out, "utf-8")
    assert_same(new, legacy)
    assert not (tmp_path / "smartmeter.toml").exists()


def test_a_file_that_is_there_stays(legacy, tmp_path, capsys):
    new = tmp_path / "smartmeter.toml"
    new.write_text("mine")
    assert main(["migrate"]) == 1
    assert new.read_text() == "mine"
    assert "--force" in capsys.readouterr().err


def test_force_replaces_it_and_leaves_no_other_file(legacy, tmp_path):
    new = tmp_path / "smartmeter.toml"
    new.write_text("mine")
    new.chmod(0o644)
    assert main(["migrate", "--force"]) == 0
    assert_same(new, legacy)
    assert stat.S_IMODE(new.stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "smartmeter.toml",
        "smartmeter_cfg.toml",
        "ssh_auth.toml",
    ]


def test_not_even_force_replaces_the_file_that_is_read(legacy, capsys):
    before = legacy.read_bytes()
    assert main(["migrate", "--force", "-o", "smartmeter_cfg.toml"]) == 1
    assert legacy.read_bytes() == before
    assert "is the file that is read" in capsys.readouterr().err


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_a_place_that_cannot_be_written_is_told(legacy, capsys, force):
    assert main(["migrate", "-o", "nowhere/smartmeter.toml", *force]) == 1
    [line] = [line for line in capsys.readouterr().err.splitlines() if "Telegram" not in line]
    assert line.startswith("smartmeter: nowhere/smartmeter.toml cannot be written: No such file")


def test_a_file_of_ours_needs_no_migration(tmp_path, capsys):
    assert main(["migrate", "-c", str(DATA / "full.toml"), "-o", str(tmp_path / "new.toml")]) == 1
    assert "nothing to migrate" in capsys.readouterr().err
    assert not (tmp_path / "new.toml").exists()


def test_mistakes_are_told_line_by_line(legacy, tmp_path, capsys):
    legacy.write_text("[modbus]\nslave_addr = 0\n")
    assert main(["migrate"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert all(line.startswith("smartmeter: smartmeter_cfg.toml: ") for line in lines)
    assert not (tmp_path / "smartmeter.toml").exists()
