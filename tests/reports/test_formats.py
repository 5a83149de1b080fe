import csv
import io
import json
import re
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import get_args

import pytest
from fpdf import FPDF
from rich.console import Console

from smartmeter.energy.guard import FlagKind
from smartmeter.periods import QUARTER_US
from smartmeter.reports import words
from smartmeter.reports.as_html import html
from smartmeter.reports.as_pdf import pdf
from smartmeter.reports.as_text import print_text
from smartmeter.reports.en50160 import CRITERIA, Verdict, quality_report
from smartmeter.reports.en50160_data import quality_csv, quality_json
from smartmeter.reports.en50160_document import quality_document
from smartmeter.reports.energy import Question, energy_report
from smartmeter.reports.energy_data import energy_csv, energy_json
from smartmeter.reports.energy_document import energy_document
from smartmeter.reports.gaps import Gap
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
    assert re.search(r"Total +10,080\.00", text)
    assert re.search(r"2026-06-01 22:00 +2026-06-02 04:00 +360\.00 +0\.00", text)
    assert "* A gap reaches" in text
    assert re.search(r"Base price +7\.23", text)


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
    assert report["gaps"][0]["energy"] == {IMPORT: 360, EXPORT: 0}
    assert report["year_before"] is None


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
    assert re.search(r"Spannung \(4\.2\.2\.2\) +L1 +207,0 … 253,0 V +95,0 % +100,0 % .*eingehalten", text)
    (report,) = json.loads(quality_json(quality))
    assert report["findings"][0]["verdict"] == "pass"
    assert next(csv.DictReader(io.StringIO(quality_csv(quality))))["criterion"] == "voltage"


def with_many_gaps(report, number):
    gaps = [Gap(each * QUARTER_US, (each + 2) * QUARTER_US, {IMPORT: 1.0}) for each in range(0, 4 * number, 4)]
    return replace(report, gaps=gaps)


def test_a_report_does_not_drown_in_gaps(energy):
    report = with_many_gaps(energy[0], 500)
    document = energy_document([report], "en")
    (table,) = (block for block in document.sections[0].blocks if getattr(block, "title", "").startswith("Gaps"))
    assert len(table.rows) == 20
    assert "The 20 longest of 500." in as_text(document)
    assert len(json.loads(energy_json([report]))[0]["gaps"]) == 500


def test_both_languages_have_the_same_places():
    for key, (english, german) in words._WORDS.items():  # noqa: SLF001
        assert sorted(re.findall(r"{\w+}", english)) == sorted(re.findall(r"{\w+}", german)), key


def test_every_word_is_used():
    sources = "".join(path.read_text("utf-8") for path in Path(words.__file__).parent.glob("*.py"))
    named = set(get_args(FlagKind)) | {criterion.name for criterion in CRITERIA} | set(get_args(Verdict))
    assert {key for key in words._WORDS if len(re.findall(rf"['\"]{key}['\"]", sources)) < 2} <= named  # noqa: SLF001


@pytest.mark.parametrize(
    ("value", "english", "german"),
    [(1234567.891, "1,234,567.89", "1.234.567,89"), (-0.001, "0.00", "0,00"), (-1.5, "-1.50", "-1,50")],
)
def test_numbers(value, english, german):
    assert number(value, 2, "en") == english
    assert number(value, 2, "de") == german
