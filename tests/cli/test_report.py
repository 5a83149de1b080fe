import json
import sys

import pytest

from smartmeter.cli.main import main
from tests.reports.made_up import at, history_of, steadily

SETTINGS = """
timezone = "Europe/Berlin"
[[bus]]
port = "/dev/ttyUSB0"
[[bus.meter]]
name = "house"
model = "SDM530"
address = 1
"""


@pytest.fixture
def site(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "smartmeter.toml").write_text(SETTINGS)
    history_of(tmp_path / "smartmeter.db", steadily(at(2026, 6, 1), at(2026, 6, 3)))
    return tmp_path


def run(capsysbinary, *words):
    status = main(["report", *words])
    captured = capsysbinary.readouterr()
    return status, captured.out.decode(), captured.err.decode()


def test_a_report_of_a_day(site, capsysbinary):
    status, out, _ = run(capsysbinary, "day", "--at", "2026-06-01")
    assert status == 0
    assert "Energy: Mon 2026-06-01" in out
    assert "28.80" in out


def test_json_for_programs(site, capsysbinary):
    _, out, _ = run(capsysbinary, "month", "--at", "2026-06-15", "--json", "--measurands", "Import_Wh_seit_reset")
    (report,) = json.loads(out)
    assert report["totals"]["active_energy_import"]["energy"] == pytest.approx(57.6)


@pytest.mark.parametrize(
    ("words", "rows"),
    [
        (["--at", "2026-06-01", "--by", "quarter"], 96),
        (["month", "--at", "2026-06"], 30),
        (["year", "--at", "2025", "--by", "day"], 365),
    ],
)
def test_rows_by_what_is_asked(site, capsysbinary, words, rows):
    _, out, _ = run(capsysbinary, *words, "--json")
    assert len(json.loads(out)[0]["rows"]) == rows


@pytest.mark.parametrize(
    ("text", "kind", "title"),
    [("2026-06", "month", "June 2026"), ("2026", "year", "2026"), ("2026-W23", "week", "Week 23, 2026")],
)
def test_what_a_date_can_be(site, capsysbinary, text, kind, title):
    assert f"Energy: {title}\n" in run(capsysbinary, kind, "--at", text)[1]


def test_into_a_file(site, capsysbinary):
    status, out, _ = run(capsysbinary, "year", "--at", "2026-06-15", "--pdf", "-o", "year.pdf", "--language", "de")
    assert (status, out) == (0, "The report is in year.pdf.\n")
    assert (site / "year.pdf").read_bytes().startswith(b"%PDF-")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--meter", "hause"], "there is no meter 'hause' in the journal; known are house"),
        (["day", "--by", "month"], "--by month is not for a report of day; it has quarter or hour"),
        (["en50160", "--by", "day"], "--by day is not for a report of en50160"),
        (["--pdf"], "a PDF needs a file: -o report.pdf"),
        (["--measurands", "voltage_l1"], "'voltage_l1' is no counter"),
        (["--from", "postgresql"], "there is no database in the settings"),
        (["--html", "-o", "nowhere/report.html"], "nowhere/report.html: cannot be written: No such file or directory"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(site, capsysbinary, words, message):
    status, _, err = run(capsysbinary, *words)
    assert status == 1
    assert message in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("text", ["yesterday", "2026-02-30", "0001-01-01", "9999-12-31"])
def test_a_day_that_is_none_is_refused(site, capsysbinary, text):
    with pytest.raises(SystemExit):
        main(["report", "--at", text])
    assert b"is no day; write one like 2026-09-01" in capsysbinary.readouterr().err


@pytest.mark.parametrize(("words", "library"), [(["--html"], "matplotlib"), (["--pdf", "-o", "x.pdf"], "fpdf")])
def test_a_missing_library_is_named(site, capsysbinary, monkeypatch, words, library):
    monkeypatch.setitem(sys.modules, library, None)
    status, _, err = run(capsysbinary, *words)
    assert status == 1
    assert f"need the library {library}; install it: make extras" in err
