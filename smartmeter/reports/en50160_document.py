"""How the report of the quality of the supply looks, and what it is for programs."""

import csv
import io
import json
from collections.abc import Iterator, Sequence

from smartmeter.measurands import Language
from smartmeter.periods import local_time
from smartmeter.reports.document import Block, Document, Lines, Notes, Section, Table
from smartmeter.reports.en50160 import (
    TEN_MINUTES_US,
    VOLTAGE,
    VOLTAGES,
    Criterion,
    Finding,
    Interruption,
    QualityReport,
)
from smartmeter.reports.energy_document import span_name
from smartmeter.reports.words import moment, number, word

_DECIMALS = {"V": 1, "Hz": 2, "%": 1}


def quality_document(reports: Sequence[QualityReport], language: Language) -> Document:
    """The reports of all meters, which are of the same week."""
    span = reports[0].span
    return Document(
        title=f"{word('en50160', language)}: {span_name(span, language)}",
        subtitle=word("not_metrology", language),
        language=language,
        sections=[Section(report.meter, list(_blocks(report, language))) for report in reports],
    )


def _blocks(report: QualityReport, language: Language) -> Iterator[Block]:
    if not report.findings:
        yield Notes("", [word("no_data", language)])
        return
    yield _chart(report)
    keys = ("criterion", "phase", "limit", "share", "measured", "coverage", "verdict")
    rows = [_row(finding, language) for finding in report.findings]
    yield Table([word(key, language) for key in keys], rows)
    if report.interruptions:
        lines = [_interruption(each, report, language) for each in report.interruptions]
        yield Notes(word("interruptions", language), lines)


def _chart(report: QualityReport) -> Lines:
    starts_us = range(report.span.start_us, report.span.end_us, TEN_MINUTES_US)
    means = {row.start_us: row.means for row in report.rows}
    shown = [id_ for id_ in VOLTAGES if any(id_ in row.means for row in report.rows)]
    limits = (VOLTAGE.low, VOLTAGE.high)
    return Lines(
        times=[start_us / 1e6 for start_us in starts_us],
        names=[id_.removeprefix("voltage_").upper() for id_ in shown],
        values=[[means.get(start_us, {}).get(id_) for start_us in starts_us] for id_ in shown],
        limits=[limit for limit in limits if limit is not None],
        unit="V",
        zone=report.span.zone.key,
    )


def _row(finding: Finding, language: Language) -> list[str]:
    criterion = finding.criterion
    decimals = _DECIMALS[criterion.unit]
    low, high = number(finding.low, decimals, language), number(finding.high, decimals, language)
    return [
        f"{word(criterion.name, language)} ({criterion.clause})",
        "" if finding.phase is None else finding.phase.upper(),
        _limit(criterion, language),
        f"{_percent(finding.within, language)} ({_percent(criterion.share, language)})",
        f"{low} … {high} {criterion.unit}",
        _percent(finding.coverage, language),
        word(finding.verdict, language),
    ]


def _limit(criterion: Criterion, language: Language) -> str:
    decimals = _DECIMALS[criterion.unit]
    high = "" if criterion.high is None else number(criterion.high, decimals, language)
    if criterion.low is None:
        return f"≤ {high} {criterion.unit}"
    return f"{number(criterion.low, decimals, language)} … {high} {criterion.unit}"


def _percent(share: float, language: Language) -> str:
    return f"{number(100 * share, 1, language)} %"


def _interruption(each: Interruption, report: QualityReport, language: Language) -> str:
    begin, end = (moment(local_time(time_us, report.span.zone), language) for time_us in (each.from_us, each.until_us))
    what = word("silence", language) if each.phase is None else word("interruption", language, phase=each.phase.upper())
    return f"{begin} \N{EN DASH} {end}: {what}"


def quality_json(reports: Sequence[QualityReport]) -> str:
    """An object for each meter; shares are from 0 to 1."""
    return json.dumps([_object(report) for report in reports], indent=2, ensure_ascii=False) + "\n"


def quality_csv(reports: Sequence[QualityReport]) -> str:
    """A line for each criterion and phase of each meter."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\r\n")
    rows = [{"meter": report.meter, **_values(finding)} for report in reports for finding in report.findings]
    lines.writerow(list(rows[0]) if rows else ["meter"])
    lines.writerows(row.values() for row in rows)
    return text.getvalue()


def _object(report: QualityReport) -> dict[str, object]:
    zone = report.span.zone
    return {
        "meter": report.meter,
        "start": local_time(report.span.start_us, zone).isoformat(),
        "end": local_time(report.span.end_us, zone).isoformat(),
        "findings": [_values(finding) for finding in report.findings],
        "interruptions": [
            {
                "phase": each.phase,
                "from": local_time(each.from_us, zone).isoformat(),
                "until": local_time(each.until_us, zone).isoformat(),
            }
            for each in report.interruptions
        ],
    }


def _values(finding: Finding) -> dict[str, object]:
    criterion = finding.criterion
    return {
        "criterion": criterion.name,
        "clause": criterion.clause,
        "phase": finding.phase,
        "unit": criterion.unit,
        "low_limit": criterion.low,
        "high_limit": criterion.high,
        "share_demanded": criterion.share,
        "share_within": round(finding.within, 6),
        "coverage": round(finding.coverage, 6),
        "lowest": finding.low,
        "highest": finding.high,
        "verdict": finding.verdict,
    }
