"""`smartmeter grafana`: the files that Grafana reads, and what a running one is told."""

import json
import os
import stat
from pathlib import Path

import pytest
import yaml

from smartmeter.cli.main import main
from tests.fixtures.postgresql import free_port
from tests.grafana.fake_grafana import TOKEN, running

OWN = """
{language}
[[bus]]
port = "/dev/ttyUSB0"
[[bus.meter]]
name = "house"
model = "SDM530"
address = 1
"""
POSTGRESQL = """
[postgresql]
host = "db.example.org"
database = "strom$1"
user = "smartmeter"
password = "geheim"
schema = "meters"
"""
UIDS = {f"smartmeter-{name}" for name in ("overview", "energy", "power-quality", "operation")}


@pytest.fixture
def directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("SMARTMETER_GRAFANA_TOKEN", "SMARTMETER_GRAFANA_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def server():
    with running() as fake:
        yield fake


def settle(directory, *parts, language=""):
    (directory / "smartmeter.toml").write_text("".join((OWN.format(language=language), *parts)), "utf-8")


def provision(*arguments):
    return main(["grafana", "provision", "--dir", "grafana", *arguments])


def push(server, *arguments):
    return main(["grafana", "push", "--url", getattr(server, "url", server), *arguments])


def test_a_database_becomes_a_data_source_without_its_password(directory, capsys):
    settle(directory, POSTGRESQL)
    assert provision() == 0
    (source,) = yaml.safe_load((directory / "grafana/provisioning/datasources/smartmeter.yaml").read_text())[
        "datasources"
    ]
    assert (source["type"], source["uid"]) == ("grafana-postgresql-datasource", "smartmeter")
    assert source["url"] == "db.example.org:5432"
    assert source["user"] == "grafana"
    # Grafana replaces $1 by a variable, and $$ by $.
    assert source["database"] == source["jsonData"]["database"] == "strom$$1"
    assert source["jsonData"]["sslmode"] == "require"
    assert source["jsonData"]["timescaledb"] is False
    assert source["secureJsonData"] == {"password": "$SMARTMETER_GRAFANA_PASSWORD"}
    for path in files(directory):
        assert "geheim" not in path.read_text()
    assert "SMARTMETER_GRAFANA_PASSWORD" in capsys.readouterr().out


def test_the_provider_names_where_the_dashboards_are(directory):
    settle(directory)
    assert provision() == 0
    (provider,) = yaml.safe_load((directory / "grafana/provisioning/dashboards/smartmeter.yaml").read_text())[
        "providers"
    ]
    assert (provider["type"], provider["folderUid"]) == ("file", "smartmeter")
    path = Path(provider["options"]["path"])
    assert path.is_absolute()
    assert {file.stem for file in path.iterdir()} == UIDS


def test_without_a_database_it_is_the_journal(directory, capsys):
    settle(directory)
    assert provision() == 0
    (source,) = yaml.safe_load((directory / "grafana/provisioning/datasources/smartmeter.yaml").read_text())[
        "datasources"
    ]
    assert source["type"] == "frser-sqlite-datasource"
    assert source["jsonData"]["path"] == str(directory / "smartmeter.db")
    assert "secureJsonData" not in source
    assert "plugin frser-sqlite-datasource" in capsys.readouterr().out


def test_everybody_may_read_the_files_whatever_the_umask(directory):
    settle(directory)
    before = os.umask(0o077)
    try:
        assert provision() == 0
    finally:
        os.umask(before)
    assert {stat.S_IMODE(path.stat().st_mode) for path in files(directory)} == {0o644}
    assert stat.S_IMODE((directory / "grafana" / "smartmeter").stat().st_mode) == 0o755


def test_again_gives_the_same_and_leaves_nothing_behind(directory):
    settle(directory, POSTGRESQL)
    assert provision() == 0
    before = {path: path.read_text() for path in files(directory)}
    assert provision() == 0
    assert {path: path.read_text() for path in files(directory)} == before


def test_the_settings_language_is_that_of_titles_and_columns(directory):
    settle(directory, POSTGRESQL, language='language = "de"')
    assert provision() == 0
    text = (directory / "grafana/smartmeter/smartmeter-overview.json").read_text()
    assert "Leistung jetzt" in text
    assert "aktuelle_gesamtwirkleistung" in text
    assert provision("--language", "en", "--columns", "en") == 0
    text = (directory / "grafana/smartmeter/smartmeter-overview.json").read_text()
    assert "Power now" in text
    assert "active_power_total" in text


@pytest.mark.parametrize(
    ("host", "url", "sslmode"),
    [("db", "db:5432", "require"), ("localhost:5433", "localhost:5433", "disable"), ("::1", "[::1]:5432", "disable")],
)
def test_the_database_as_grafana_sees_it(directory, host, url, sslmode):
    settle(directory, POSTGRESQL)
    assert provision("--host", host, "--user", "leser") == 0
    (source,) = yaml.safe_load((directory / "grafana/provisioning/datasources/smartmeter.yaml").read_text())[
        "datasources"
    ]
    assert (source["url"], source["user"], source["jsonData"]["sslmode"]) == (url, "leser", sslmode)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--source", "postgresql"], "has no [postgresql]"),
        (["--columns", "de"], "--columns is about the database"),
        (["--host", "db"], "--host is about the database"),
    ],
)
def test_options_that_do_not_fit(directory, capsys, arguments, says):
    settle(directory)
    assert provision(*arguments) == 1
    assert says in one_line(capsys)


def test_a_directory_that_cannot_be_written(directory, capsys):
    settle(directory)
    (directory / "grafana").write_text("no directory")
    assert provision() == 1
    assert "cannot be written" in one_line(capsys)


def test_push_makes_and_then_changes(directory, server, capsys, monkeypatch):
    settle(directory, POSTGRESQL)
    (directory / "token").write_text(f"{TOKEN}\n")
    monkeypatch.setenv("SMARTMETER_GRAFANA_PASSWORD", "lesen")
    assert push(server, "--token-file", "token") == 0
    assert server.bodies["/api/datasources", "smartmeter"]["secureJsonData"] == {"password": "lesen"}
    assert server.bodies["/api/datasources", "smartmeter"]["database"] == "strom$1"
    made = {uid: body for (path, uid), body in server.bodies.items() if path == "/api/dashboards/db"}
    assert made.keys() == UIDS
    assert all(body["overwrite"] and body["folderUid"] == "smartmeter" for body in made.values())
    server.asked.clear()
    assert push(server, "--token-file", "token") == 0
    assert "PUT /api/datasources/uid/smartmeter" in server.asked
    assert not {"POST /api/datasources", "POST /api/folders"} & set(server.asked)
    out, error = capsys.readouterr()
    assert f"{server.url}/d/smartmeter-overview" in out
    assert not {TOKEN, "lesen"} & set((out + error).split())


def test_the_token_may_come_from_the_environment(directory, server, monkeypatch, capsys):
    settle(directory)
    assert push(server) == 1
    assert "SMARTMETER_GRAFANA_TOKEN" in one_line(capsys)
    monkeypatch.setenv("SMARTMETER_GRAFANA_TOKEN", TOKEN)
    assert push(server) == 0


@pytest.mark.parametrize(
    ("path", "status", "body", "says"),
    [
        (
            "/api/datasources",
            403,
            {"message": "no access"},
            "refused /api/datasources with 403: no access; the token's",
        ),
        (
            "/api/dashboards/db",
            412,
            {"message": "a name\ntwice"},
            "with 412: a name twice; something else has that name",
        ),
        ("/api/folders", 409, {"message": "taken"}, "with 409: taken; something else"),
        ("/api/folders", 500, b"<html>", "with 500"),
        ("/api/datasources/uid/smartmeter", 302, b"", "leads on to another address"),
    ],
)
def test_what_grafana_refuses_is_said_in_one_line(directory, server, capsys, path, status, body, says):
    settle(directory, POSTGRESQL)
    server.refuse[path] = (status, body)
    assert push(server, "--token", TOKEN) == 1
    assert says in one_line(capsys)


@pytest.mark.parametrize("token", ["glsa_falsch", "glsa falsch", "glsa_\n_falsch", "glsa_fälsch", ""])
def test_a_wrong_token_is_never_shown(directory, server, capsys, token):
    settle(directory)
    (directory / "token").write_text(token)
    assert push(server, "--token-file", "token") == 1
    assert "token" in (said := one_line(capsys))
    assert "glsa_" not in said.replace("glsa_…", "")


def test_nobody_answers(directory, capsys):
    settle(directory)
    assert push(f"http://127.0.0.1:{free_port()}", "--token", TOKEN) == 1
    assert "cannot be reached: Connection refused" in one_line(capsys)


@pytest.mark.parametrize("url", ["localhost:3000", "ftp://grafana", "http://admin:geheim@grafana:3000"])
def test_an_address_that_is_none(directory, capsys, url):
    settle(directory)
    assert push(url, "--token", TOKEN) == 1
    assert "--url" in (said := one_line(capsys))
    assert "geheim" not in said


def files(directory):
    return [path for path in (directory / "grafana").rglob("*") if path.is_file()]


def one_line(capsys):
    error = capsys.readouterr().err
    assert error.startswith("smartmeter: ")
    assert error.count("\n") == 1
    return error


def test_dashboards_are_what_push_sends(directory, server, capsys):
    settle(directory, POSTGRESQL)
    assert provision() == 0
    assert push(server, "--token", TOKEN) == 0
    for uid in UIDS:
        file = json.loads((directory / f"grafana/smartmeter/{uid}.json").read_text())
        assert server.bodies["/api/dashboards/db", uid]["dashboard"] == file | {"id": None}
    # Nobody gave the database's password.
    assert "type the password" in capsys.readouterr().out
