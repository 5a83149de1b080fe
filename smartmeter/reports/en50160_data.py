"""The report of the quality of the supply for programs: JSON and CSV, in English, with UTC offsets."""

import csv
import io
import json
from collections.abc import Sequence

from smartmeter.periods import local_time
from smartmeter.reports.en50160 import Finding, QualityReport


def quality_json(reports: Sequence[QualityReport]) -> str:
    """An object for each meter; shares are from 0 to 1."""
    return json.dumps([_object(report) for report in reports], indent=2, ensure_ascii=False) + "\n"


def quality_csv(reports: Sequence[QualityReport]) -> str:
    """A line for each criterion and phase of each meter."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\r\n")
    rows = [
        {"meter": report.meter, "start": _time(report.span.start_us, report), **_values(finding)}
        for report in reports
        for finding in report.findings
    ]
    lines.writerow(list(rows[0]) if rows else ["meter"])
    lines.writerows(row.values() for row in rows)
    return text.getvalue()


def _object(report: QualityReport) -> dict[str, object]:
    return {
        "meter": report.meter,
        "start": _time(report.span.start_us, report),
        "end": _time(report.span.end_us, report),
        "until": _time(report.until_us, report),
        "timezone": report.span.zone.key,
        "verdict": report.verdict,
        "findings": [_values(finding) for finding in report.findings],
        "not_measured": [criterion.name for criterion in report.not_measured],
        "phases_without_voltage": list(report.dead),
        "interruptions": [
            {
                "phase": each.phase,
                "from": _time(each.from_us, report),
                "until": _time(each.until_us, report),
                "short": each.is_short,
            }
            for each in report.interruptions
        ],
        "without_readings": [
            {"from": _time(from_us, report), "until": _time(until_us, report)} for from_us, until_us in report.silences
        ],
    }


def _values(finding: Finding) -> dict[str, object]:
    criterion = finding.criterion
    return {
        "criterion": criterion.name,
        "clause": criterion.clause,
        "phase": finding.phase,
        "unit": criterion.unit,
        "low_limit": None if criterion.low is None else round(criterion.low, 6),
        "high_limit": None if criterion.high is None else round(criterion.high, 6),
        "share_demanded": criterion.share,
        "share_within": round(finding.within, 6),
        "coverage": round(finding.coverage, 6),
        "lowest": round(finding.lowest, 6),
        "quantile_5": round(finding.quantile_5, 6),
        "quantile_95": round(finding.quantile_95, 6),
        "highest": round(finding.highest, 6),
        "verdict": finding.verdict,
    }


def _time(time_us: int, report: QualityReport) -> str:
    return local_time(time_us, report.span.zone).isoformat()
