"""The compose file as far as it can be tried without containers: its parts fit together, and the script does its work.

There is no container engine where the tests run.
"""

import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
import yaml

from smartmeter.grafana.provisioning import PASSWORD_VARIABLE
from smartmeter.settings.load import load_settings
from tests.fixtures.documents import ROOT

COMPOSE = ROOT / "packaging" / "compose"
PATIENCE_S = 30


@pytest.fixture
def services():
    return yaml.safe_load((COMPOSE / "compose.yaml").read_text("utf-8"))["services"]


@pytest.fixture
def settings(monkeypatch):
    monkeypatch.setenv("DATABASE_PASSWORD", "geheim")
    return load_settings(COMPOSE / "smartmeter.toml")


def test_the_settings_fit_the_services(services, settings):
    database = services["database"]["environment"]
    assert settings.postgresql.host in services
    assert settings.postgresql.user == database["POSTGRES_USER"]
    assert settings.postgresql.database == database["POSTGRES_DB"]
    assert settings.postgresql.password == "geheim"
    start, file, port, model = services["smartmeter"]["command"]
    assert (COMPOSE / start).stat().st_mode & 0o111
    assert f"./smartmeter.toml:{file}:ro" in services["smartmeter"]["volumes"]
    (bus,) = settings.buses
    assert (bus.port, bus.meters[0].model.name) == (port, model)


def test_grafana_reads_what_is_written(services):
    directory = services["dashboards"]["command"][services["dashboards"]["command"].index("--dir") + 1]
    assert services["grafana"]["environment"]["GF_PATHS_PROVISIONING"] == f"{directory}/provisioning"
    assert f"dashboards:{directory}:ro" in services["grafana"]["volumes"]
    assert (
        services["grafana"]["environment"][PASSWORD_VARIABLE] == services["database"]["environment"]["READER_PASSWORD"]
    )


def test_nothing_is_open_to_the_network_and_no_password_stands_there(services):
    for service in services.values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
        for name, value in service.get("environment", {}).items():
            assert not name.endswith("PASSWORD") or re.fullmatch(r"\$\{\w+_PASSWORD:\?set it in \.env\}", value)


def test_every_file_is_there(services):
    for service in services.values():
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert not source.startswith(".") or (COMPOSE / source).is_file(), source
    build = services["smartmeter"]["build"]
    assert (COMPOSE / build["context"] / build["dockerfile"]).is_file()
    for line in (COMPOSE / "Dockerfile").read_text("utf-8").splitlines():
        match line.split():
            case ["COPY", *words]:
                sources = [word for word in words[:-1] if not word.startswith("--")]
                assert all((ROOT / source).exists() for source in sources), line


def test_the_start_script_reads_a_virtual_meter_and_ends_when_told(tmp_path):
    """The very script and settings, but for the port and the database."""
    text = (COMPOSE / "smartmeter.toml").read_text("utf-8").partition("[postgresql]")[0]
    port = tmp_path / "meter"
    text = text.replace("/var/lib/smartmeter/meter", str(port)).replace('"5s"', '"1s"')
    (tmp_path / "smartmeter.toml").write_text(text + '[journal]\ncommit_interval = "100ms"\n', "utf-8")
    command = tmp_path / "bin" / "smartmeter"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m smartmeter "$@"\n')
    command.chmod(0o755)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.endswith("_DIRECTORY")},
        "PATH": f"{command.parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
    }
    with (tmp_path / "log").open("wb") as log:
        script = subprocess.Popen(
            [COMPOSE / "start", tmp_path / "smartmeter.toml", port, "SDM630"],
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        give_up_s = time.monotonic() + PATIENCE_S
        while readings(tmp_path / "smartmeter.db") < 2:
            assert script.poll() is None, (tmp_path / "log").read_text()
            assert time.monotonic() < give_up_s, (tmp_path / "log").read_text()
            time.sleep(0.1)
        script.send_signal(signal.SIGTERM)
        assert script.wait(PATIENCE_S) == 0, (tmp_path / "log").read_text()
        # The virtual meter takes its link away when it ends.
        while port.is_symlink():
            assert time.monotonic() < give_up_s
            time.sleep(0.02)
    finally:
        if script.poll() is None:
            os.killpg(script.pid, signal.SIGKILL)


def readings(path: Path):
    if not path.exists():
        return 0
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        try:
            return connection.execute("SELECT count(*) FROM readings WHERE voltage_l1 > 200").fetchone()[0]
        except sqlite3.OperationalError:
            # It is being made.
            return 0
