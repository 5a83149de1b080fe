"""`smartmeter import`, from files and from a database, into a real journal."""

import asyncio
import os
import pty
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from smartmeter.cli.main import main
from smartmeter.journal import Journal
from smartmeter.settings.model import JournalSettings
from tests.sinks.made_up import legacy_table
from tests.transfer.made_up import NEW_YEAR_US, SETTINGS, with_database

ROWS = """\
ts,spannung_l1,import_wh_seit_reset,kommentar
2024-01-01 01:00:00,230.1,5.5,a
2024-01-01 02:00:00,230.2,6.5,b
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A directory with settings and a CSV file in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    (tmp_path / "smartmeter.toml").write_text(SETTINGS)
    (tmp_path / "old.csv").write_text(ROWS)
    return tmp_path


def select(query):
    with closing(sqlite3.connect("smartmeter.db")) as connection:
        return connection.execute(query).fetchall()


def readings():
    return select("SELECT meter, time_us, voltage_l1, active_energy_import FROM readings ORDER BY time_us, meter")


EXPECTED = [("house", NEW_YEAR_US, 230.1, 5.5), ("house", NEW_YEAR_US + 3_600_000_000, 230.2, 6.5)]


def test_brings_a_file_into_the_journal_with_its_rollups(here, capsys):
    assert main(["import", "old.csv"]) == 0
    told = capsys.readouterr().out
    assert "old.csv: 2 measurands of meter house; times without a zone are Europe/Berlin" in told
    assert "left out, as they are no measurands: kommentar" in told
    assert "2 rows with 4 values, 2024-01-01 01:00:00 to 2024-01-01 02:00:00" in told
    assert "2 imported\n" in told
    assert readings() == EXPECTED
    assert select("SELECT energy FROM energy_per_1d WHERE measurand = 'active_energy_import'") == [(1.0,)]


def test_the_second_time_nothing_is_left_to_do(here, capsys):
    main(["import", "old.csv"])
    capsys.readouterr()
    assert main(["import", "old.csv"]) == 0
    assert "0 imported" in capsys.readouterr().out
    assert main(["import", "old.csv", "--again"]) == 0
    assert "0 imported, 2 there before" in capsys.readouterr().out
    assert readings() == EXPECTED


def test_meter_and_zone_are_options(here):
    assert main(["import", "old.csv", "--meter", "garage", "--timezone", "UTC"]) == 0
    assert [(meter, time_us) for meter, time_us, *_ in readings()] == [
        ("garage", NEW_YEAR_US + 3_600_000_000),
        ("garage", NEW_YEAR_US + 7_200_000_000),
    ]


def test_a_dry_run_tells_and_changes_nothing(here, capsys):
    assert main(["import", "old.csv", "--dry-run"]) == 0
    told = capsys.readouterr().out
    assert "2 rows, 2024-01-01 01:00:00 to 2024-01-01 02:00:00" in told
    assert "  spannung_l1           Spannung L1 (V)" in told
    assert not (here / "smartmeter.db").exists()


def test_rows_that_cannot_be_read_are_shown(here, capsys):
    with (here / "old.csv").open("a") as file:
        file.write("never,1,1,\n" * 7 + "2024-01-01 03:00:00,,,\n")
    assert main(["import", "old.csv"]) == 0
    told = capsys.readouterr().out
    assert "2 imported, 1 without a value, 7 not readable" in told
    assert "  line 4: 'never' is no time\n" in told
    assert "  and 2 more\n" in told


def test_an_sqlite_file_is_one_whatever_its_name(here):
    with closing(sqlite3.connect("old.dat")) as connection, connection:
        columns = "ts DATETIME PRIMARY KEY, Spannung_L1 FLOAT, Import_Wh_seit_reset FLOAT"
        connection.execute(f"CREATE TABLE sdm530 ({columns})")
        connection.execute("INSERT INTO sdm530 VALUES ('2024-01-01 01:00:00.000000', 230.1, 5.5)")
    assert main(["import", "old.dat"]) == 0
    assert readings() == EXPECTED[:1]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["none.csv"], "there is no such file; import a CSV file, an SQLite file, or postgresql"),
        (["."], "this is no file"),
        (["postgresql"], "there is no database in the settings"),
        (["old.csv", "--table", "x"], "--table is for databases"),
        (["smartmeter.toml"], "the first line must name the columns"),
    ],
)
def test_what_is_wrong_is_told_in_a_line(here, capsys, arguments, told):
    assert main(["import", *arguments]) == 1
    captured = capsys.readouterr()
    assert told in captured.err
    assert captured.err.count("\n") == 1


def test_of_several_meters_one_must_be_named(here, capsys):
    second = '[[bus.meter]]\nname = "garage"\nmodel = "SDM230"\naddress = 2\n'
    (here / "smartmeter.toml").write_text(SETTINGS + second)
    assert main(["import", "old.csv"]) == 1
    assert "use --meter" in capsys.readouterr().err
    (here / "old.csv").write_text("ts,meter,voltage_l1\n1704067200,garage,230.1\n")
    assert main(["import", "old.csv"]) == 0
    assert [meter for meter, *_ in select("SELECT meter FROM readings")] == ["garage"]


def test_a_zone_that_does_not_exist_is_refused(here, capsys):
    with pytest.raises(SystemExit):
        main(["import", "old.csv", "--timezone", "Mars"])
    assert "there is no time zone 'Mars'" in capsys.readouterr().err


async def test_the_daemon_must_be_stopped(here, capsys):
    journal = await Journal.open(JournalSettings(here / "smartmeter.db"), ["voltage_l1"], [])
    try:
        assert await asyncio.to_thread(main, ["import", "old.csv"]) == 1
    finally:
        await journal.close()
    assert f"another smartmeter (process {os.getpid()}) keeps this journal; stop it first" in capsys.readouterr().err


def test_the_journal_is_not_imported_into_itself(here, capsys):
    main(["import", "old.csv"])
    assert main(["import", "smartmeter.db"]) == 1
    assert "this is the journal itself" in capsys.readouterr().err


def test_from_the_database_what_is_in_its_own_table_is_not_shipped_again(here, postgresql, capsys):
    settings = postgresql.settings()
    (here / "smartmeter.toml").write_text(with_database(settings))
    insert = "INSERT INTO {} (ts, spannung_l1, import_wh_seit_reset) VALUES ('2024-01-01 {}:00Z', 230.1, 5.5)".format
    postgresql.run(legacy_table(), insert("smartmeter", "00"), legacy_table("other"), insert("other", "05"))
    assert main(["import", "postgresql"]) == 0
    assert readings() == EXPECTED[:1]
    assert select("SELECT count(*) FROM reading WHERE sequence > 0") == [(0,)]
    assert main(["import", "postgresql", "--table", "other"]) == 0
    assert select("SELECT count(*) FROM reading WHERE sequence > 0") == [(1,)]
    assert settings.password not in capsys.readouterr().out


def test_on_a_terminal_there_is_a_bar(here):
    (here / "old.csv").write_text("ts,voltage_l1\n" + "".join(f"{1704067200 + row},230\n" for row in range(300)))
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "smartmeter", "import", "old.csv"]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "TERM": "xterm"}
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=theirs, env=environment, timeout=30, check=True)
    finally:
        os.close(theirs)
    seen = os.read(ours, 65536).decode()
    os.close(ours)
    assert "import" in seen
    assert "300 rows" in seen
    assert b"300 imported" in done.stdout
