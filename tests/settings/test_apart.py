import subprocess
import sys

import pytest

from smartmeter.settings import apart
from smartmeter.settings.apart import loaded_settings, start_loading
from smartmeter.settings.errors import SettingsError
from smartmeter.settings.load import load_settings

OWN = """
[[bus]]
port = "/dev/ttyUSB0"
[[bus.meter]]
model = "SDM530"
address = 1
[postgresql]
host = "database.example.org"
database = "smartmeter"
user = "smartmeter"
password = "geheim"
"""


def test_gives_the_same_as_loading_here(tmp_path):
    file = tmp_path / "smartmeter.toml"
    file.write_text(OWN)
    assert loaded_settings(start_loading(file)) == load_settings(file)


def test_gives_the_same_mistakes(tmp_path):
    file = tmp_path / "smartmeter.toml"
    file.write_text(OWN.replace("SDM530", "SDM531").replace("address = 1", "address = 0"))
    with pytest.raises(SettingsError) as here:
        load_settings(file)
    with pytest.raises(SettingsError) as there:
        loaded_settings(start_loading(file))
    assert there.value.mistakes == here.value.mistakes
    assert len(there.value.mistakes) == 2


def test_a_process_that_fails_is_no_empty_settings(monkeypatch, capfd):
    def fail(_):
        raise ZeroDivisionError

    monkeypatch.setattr(apart, "_load", fail)
    with pytest.raises(RuntimeError, match="has failed"):
        loaded_settings(start_loading(None))
    assert "ZeroDivisionError" in capfd.readouterr().err


def test_what_checks_the_file_does_not_stay_in_memory(tmp_path):
    file = tmp_path / "smartmeter.toml"
    file.write_text(OWN)
    program = f"""
import sys
from pathlib import Path
from smartmeter.settings.apart import loaded_settings, start_loading
import smartmeter.daemon
settings = loaded_settings(start_loading(Path({str(file)!r})))
assert settings.buses
for heavy in ("pydantic", "psycopg", "asyncssh", "rich"):
    assert heavy not in sys.modules, heavy
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=20)
