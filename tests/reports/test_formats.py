import csv
import io
import json
import re
from datetime import date

import pytest
from fpdf import FPDF
from rich.console import Console

from smartmeter.reports.as_html import html
from smartmeter.reports.as_pdf import pdf
from smartmeter.reports.as_text import print_text
from smartmeter.reports.en50160 import quality_report
from smartmeter.reports.en50160_document import quality_csv, quality_document, quality_json
from smartmeter.reports.energy import Question, energy_report
from smartmeter.reports.energy_data import energy_csv, energy_json
from smartmeter.reports.energy_document import energy_document
from smartmeter.reports.span import span_of
from smartmeter.reports.words import number
from tests.reports.made_up import BERLIN, EXPORT, IMPORT, SITE, at, history_of, steadily


@pytest.fixture
async def history(tmp_path):
    readings = [
        (time_us, {**values, "voltage_l1": 231.0, "frequency": 50.0})
        for time_us, values in steadily(at(2026, 6, 1), at(2026, 6, 8), 60.0)
        if not at(2026, 6, 1, 22) < time_us < at(2026, 6, 2, 4)
    ]
    opened = history_of(tmp_path / "smartmeter.db", readings)
    yield opened
    await opened.close()


@pytest.fixture
async def energy(history):
    question = Question((IMPORT, EXPORT), span_of("week", date(2026, 6, 1), BERLIN), at(2026, 7, 1))
    return [await energy_report(history, SITE, "house", question)]


@pytest.fixture
async def quality(history):
    return [await quality_report(history, "house", span_of("week", date(2026, 6, 1), BERLIN), at(2026, 7, 1))]


def as_text(document):
    text = io.StringIO()
    print_text(document, Console(file=text, width=160))
    return text.getvalue()


def test_text_in_english(energy):
    text = as_text(energy_document(energy, "en"))
    assert "Energy: Week 23, 2026" in text
    assert re.search(r"Mon 2026-06-01 +1,320\.00\*", text)
    assert re.search(r"total +10,080\.00", text)
    assert "2026-06-01 22:00 \N{EN DASH} 2026-06-02 04:00, Active energy, import: not read: 360.00 kWh in total" in text
    assert re.search(r"base price +7\.23", text)


def test_text_in_german(energy):
    text = as_text(energy_document(energy, "de"))
    assert "Energie: Woche 23, 2026" in text
    assert re.search(r"Mo 01\.06\.2026 +1\.320,00\*", text)
    assert re.search(r"Summe +10\.080,00", text)
    assert "Verlauf unbekannt" in text


def test_json_says_all_of_it(energy):
    (report,) = json.loads(energy_json(energy))
    assert report["units"] == {IMPORT: "kWh", EXPORT: "kWh"}
    assert len(report["rows"]) == 7
    assert report["rows"][1]["start"] == "2026-06-02T00:00:00+02:00"
    assert report["rows"][1]["energy"][IMPORT]["gap_energy"] == 360
    assert report["totals"][IMPORT]["energy"] == 10080
    assert report["gaps"][1]["energy"] == 360


def test_csv_has_a_line_for_each_row_and_counter(energy):
    lines = list(csv.DictReader(io.StringIO(energy_csv(energy))))
    assert len(lines) == 14
    assert (lines[2]["start"], lines[2]["energy"]) == ("2026-06-02T00:00:00+02:00", "1560.0")


@pytest.mark.parametrize("language", ["en", "de"])
def test_a_page_needs_nothing_else_and_trusts_no_name(energy, language, monkeypatch):
    document = energy_document(energy, language)
    object.__setattr__(document.sections[0], "heading", "<script>alert(1)</script>")
    page = html(document)
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert page.count("<svg") == 1
    assert "currentColor" in page
    # The names of XML's own vocabularies are no requests.
    links = set(re.findall(r'(?:href|src)="([^"#][^"]*)"|url\(([^#)][^)]*)\)', page))
    assert links == set()


def test_a_pdf_is_one(energy, quality):
    for document in (energy_document(energy, "de"), quality_document(quality, "de")):
        data = pdf(document)
        assert data.startswith(b"%PDF-")
        assert data.count(b"/Type /Page\n") == 1
        assert len(data) > 20_000
    assert FPDF.__module__.startswith("fpdf")


def test_quality_as_text_and_for_programs(quality):
    text = as_text(quality_document(quality, "de"))
    assert "Spannungsqualität nach EN 50160: Woche 23, 2026" in text
    assert re.search(r"Spannung \(4\.2\.2\.2\) +L1 +207,0 … 253,0 V +100,0 % \(95,0 %\).*eingehalten", text)
    (report,) = json.loads(quality_json(quality))
    assert report["findings"][0]["verdict"] == "pass"
    assert next(csv.DictReader(io.StringIO(quality_csv(quality))))["criterion"] == "voltage"


@pytest.mark.parametrize(
    ("value", "english", "german"),
    [(1234567.891, "1,234,567.89", "1.234.567,89"), (-0.001, "0.00", "0,00"), (-1.5, "-1.50", "-1,50")],
)
def test_numbers(value, english, german):
    assert number(value, 2, "en") == english
    assert number(value, 2, "de") == german
