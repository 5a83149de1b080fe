"""`smartmeter export`, from a journal and from a database."""

import asyncio
import csv
import io

import pyarrow.parquet as pq
import pytest

from smartmeter.cli.main import main
from smartmeter.journal import Journal
from smartmeter.reading import Reading
from smartmeter.settings.model import JournalSettings
from tests.sinks.made_up import legacy_table
from tests.transfer.made_up import NEW_YEAR_US, SETTINGS, with_database


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A directory with settings and a journal in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    (tmp_path / "smartmeter.toml").write_text(SETTINGS)

    async def keep():
        journal = await Journal.open(JournalSettings(tmp_path / "smartmeter.db"), ["voltage_l1", "current_l1"], [])
        for number in range(4):
            values = {"voltage_l1": 230.0 + number, "current_l1": None}
            journal.append(Reading("house", NEW_YEAR_US + number * 3_600_000_000, "boot", number, values))
        await journal.close()

    asyncio.run(keep())
    return tmp_path


def table(text):
    return list(csv.reader(io.StringIO(text)))


def test_writes_csv_to_standard_output(here, capsysbinary):
    assert main(["export", "--measurands", "voltage_l1,Strom_L1"]) == 0
    written = capsysbinary.readouterr().out
    assert written.startswith(
        b"time,meter,spannung_l1,strom_l1\r\n2024-01-01T00:00:00Z,house,230.0,\r\n2024-01-01T01:00:00Z,house,231.0,\r\n"
    )
    assert written.count(b"\r\n") == 5


def test_dates_are_the_sites(here, capsysbinary):
    assert main(["export", "--since", "2024-01-01T02:00", "--until", "2024-01-01T03:00:00Z", "--language", "en"]) == 0
    rows = table(capsysbinary.readouterr().out.decode())
    assert [row[0] for row in rows[1:]] == ["2024-01-01T01:00:00Z", "2024-01-01T02:00:00Z"]
    assert "voltage_l1" in rows[0]


def test_the_files_name_says_the_format(here, capsys):
    assert main(["export", "-o", "out.parquet", "--measurands", "voltage_l1"]) == 0
    assert capsys.readouterr().out == "out.parquet: 4 rows\n"
    assert pq.read_table(here / "out.parquet")["spannung_l1"].to_pylist() == [230.0, 231.0, 232.0, 233.0]


def test_rollups_and_energy_have_their_columns(here, capsysbinary):
    assert main(["export", "--what", "1d", "--measurands", "voltage_l1"]) == 0
    written = capsysbinary.readouterr().out
    assert written.startswith(b"time,meter,n,spannung_l1_mean,spannung_l1_min,spannung_l1_max\r\n")
    assert main(["export", "--what", "energy", "--period", "1d"]) == 0
    assert capsysbinary.readouterr().out.startswith(b"time,meter,measurand,unit,energy,gap_energy,")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--from", "postgresql"], "there is no database in the settings"),
        (["--meter", "hose"], "no meter 'hose'; did you mean house?"),
        (["--since", "2030-01-01"], "no readings in this span"),
        (["-o", "none/out.csv"], "No such file or directory"),
    ],
)
def test_what_is_wrong_is_told_in_a_line(here, capsys, arguments, told):
    assert main(["export", *arguments]) == 1
    captured = capsys.readouterr()
    assert told in captured.err
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--since", "yesterday"], "no date"),
        (["--measurands", "volt_l1"], "there is no measurand 'volt_l1'; did you mean"),
    ],
)
def test_what_cannot_be_meant_is_refused(here, capsys, arguments, told):
    with pytest.raises(SystemExit):
        main(["export", *arguments])
    assert told in capsys.readouterr().err


def test_reads_the_originals_table_in_the_database(here, postgresql, capsysbinary):
    (here / "smartmeter.toml").write_text(with_database(postgresql.settings()))
    postgresql.run(legacy_table(), "INSERT INTO smartmeter (ts, spannung_l1) VALUES ('2024-01-01 00:00Z', 230.1)")
    assert main(["export"]) == 0
    header, row = table(capsysbinary.readouterr().out.decode())
    found = dict(zip(header, row, strict=True))
    assert (len(header), found["time"], found["spannung_l1"]) == (70, "2024-01-01T00:00:00Z", "230.1")
