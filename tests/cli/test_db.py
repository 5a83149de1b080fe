"""`smartmeter db` on a journal and on a database: what it tells, makes and decides."""

import json

import pytest

from tests.cli.two_stores import COUNTER, add_database, day_energy, fill, readings, run, settings_in


@pytest.fixture
def settings(tmp_path):
    return settings_in(tmp_path)


def test_the_status_of_a_journal(settings, capsys):
    fill(settings, readings())
    assert run(settings, "status") == 0
    out = capsys.readouterr().out
    assert "readings: 36 from 2026-10-25 01:35:00 to 2026-10-25 03:30:00" in out
    assert "nothing waits to be rolled up" in out


def test_the_status_of_both_as_text_and_as_json(settings, postgresql, capsys):
    fill(settings, readings(), postgresql)
    assert run(settings, "status") == 0
    out = capsys.readouterr().out
    assert "database: PostgreSQL at" in out
    assert "hours and days: in Europe/Berlin; nothing waits" in out
    assert run(settings, "status", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["journal"]["readings"] == 36
    database = found["database"]
    assert (database["first_us"], database["last_us"]) == (readings()[0].time_us, readings()[-1].time_us)
    assert (database["schema"], database["dirty"]) == (database["newest_schema"], 0)


def test_without_a_journal_it_says_so(settings, capsys):
    assert run(settings, "status") == 0
    assert "there is none yet" in capsys.readouterr().out


def test_init_makes_the_tables_and_upgrade_finds_nothing_to_do(settings, postgresql, capsys):
    add_database(settings, postgresql)
    assert run(settings, "upgrade") == 1
    assert "there is no table 'smartmeter'" in capsys.readouterr().err
    assert run(settings, "init") == 0
    assert "database: schema 0 is now 1" in capsys.readouterr().out
    assert postgresql.rows("SELECT count(*) FROM smartmeter_15m") == [(0,)]
    assert run(settings, "upgrade") == 0
    assert "database: schema 1, nothing to do" in capsys.readouterr().out


def test_init_does_not_change_a_table_that_is_not_managed(settings, postgresql, capsys):
    postgresql.run(f"CREATE TABLE smartmeter (ts timestamptz PRIMARY KEY, {COUNTER} float8)")
    add_database(settings, postgresql)
    settings.write_text(settings.read_text("utf-8") + "manage_schema = false\n", "utf-8")
    assert run(settings, "init") == 0
    assert list(postgresql.columns()) == ["ts", COUNTER]
    assert f"{COUNTER}_last" in postgresql.columns("smartmeter_1d")


def test_rebuild_makes_everything_anew(settings, postgresql, capsys):
    fill(settings, readings(), postgresql)
    right = day_energy(postgresql)
    postgresql.run("UPDATE smartmeter_energy_15m SET energy = 7", "DELETE FROM smartmeter_energy_1h")
    assert run(settings, "rebuild") == 0
    assert "made anew" in capsys.readouterr().out
    assert day_energy(postgresql) == right
    assert postgresql.rows("SELECT sum(n) FROM smartmeter_15m") == [(36,)]


def test_a_meter_that_nobody_knows_is_one_line(settings, postgresql, capsys):
    fill(settings, readings(), postgresql)
    assert run(settings, "rebuild", "--meter", "garage") == 1
    assert "there is no reading of a meter 'garage'; known are house" in capsys.readouterr().err


def test_a_database_that_is_away_is_one_line(settings, postgresql, capsys):
    fill(settings, readings(), postgresql)
    settings.write_text(settings.read_text("utf-8").replace(f"port = {postgresql.server.port}", "port = 1"), "utf-8")
    for words in (["status"], ["init"], ["rebuild"], ["repair"]):
        assert run(settings, *words) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert "Connection refused" in line


def test_a_jump_is_listed_counted_and_left_out_again(settings, postgresql, capsys):
    fill(settings, readings(jump=True), postgresql)
    before = day_energy(postgresql)
    assert run(settings, "repair") == 0
    out = capsys.readouterr().out
    assert "  1  2026-10-25 02:40:00  house  active_energy_import: the jump from 102.4 to 602.5 is left out" in out
    assert "counting it would add 500.1 kWh" in out
    assert run(settings, "repair", "--apply", "1") == 0
    assert "counted: 2026-10-25" in capsys.readouterr().out
    assert day_energy(postgresql) == pytest.approx(before + 500.1)
    assert run(settings, "repair", "--apply", "1") == 1
    assert "number 1 is decided already" in capsys.readouterr().err
    assert run(settings, "repair", "--undo", "all") == 0
    assert day_energy(postgresql) == before
    assert postgresql.rows("SELECT count(*) FROM smartmeter") == [(36,)]


def test_a_jump_in_the_journal_alone(settings, capsys):
    fill(settings, readings(jump=True))
    for change, left in (("--apply", "To decide: 0; decided: 1."), ("--undo", "To decide: 1; decided: 0.")):
        assert run(settings, "repair", change, "all") == 0
        capsys.readouterr()
        assert run(settings, "repair") == 0
        assert left in capsys.readouterr().out


def test_a_number_that_is_not_listed_is_one_line(settings, capsys):
    fill(settings, readings())
    assert run(settings, "repair", "--apply", "3") == 1
    assert "there is no number 3" in capsys.readouterr().err
    assert run(settings, "repair", "--undo", "all") == 0
    assert "There is nothing to undo." in capsys.readouterr().out


def test_a_jump_whose_readings_have_expired_cannot_be_decided(settings, postgresql, capsys):
    fill(settings, readings(jump=True), postgresql)
    postgresql.run("DELETE FROM smartmeter WHERE ts < (SELECT max(ts) FROM smartmeter)")
    assert run(settings, "repair", "--apply", "1") == 1
    assert "are not kept any more" in capsys.readouterr().err
    assert postgresql.rows("SELECT * FROM smartmeter_counter_decision") == []
