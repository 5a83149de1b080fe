"""The report of energy for programs: JSON and CSV, in English ids, with UTC offsets."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from smartmeter.measurands import measurands
from smartmeter.periods import local_time
from smartmeter.reports.energy import Amount, Comparison, EnergyReport


def energy_json(reports: Sequence[EnergyReport]) -> str:
    """An object for each meter. Energy is in the counter's unit, power in that per hour, money in the currency."""
    return json.dumps([_object(report) for report in reports], indent=2, ensure_ascii=False) + "\n"


def energy_csv(reports: Sequence[EnergyReport]) -> str:
    """A line for each row and counter of each meter; `energy` is empty where it is not known."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\r\n")
    lines.writerow(
        ["meter", "start", "end", "measurand", "unit", "energy", "gap_energy", "part", "cost", "unpriced", "currency"]
    )
    for report in reports:
        for row in report.rows:
            for id_ in report.measurands:
                if id_ in row.amounts:
                    values = _values(row.amounts[id_])
                    head = [report.meter, _time(row.start_us, report), _time(row.end_us, report)]
                    lines.writerow([*head, id_, measurands()[id_].unit, *values.values(), report.currency or ""])
    return text.getvalue()


def _object(report: EnergyReport) -> dict[str, Any]:
    return {
        "meter": report.meter,
        "kind": report.span.kind,
        "start": _time(report.span.start_us, report),
        "end": _time(report.span.end_us, report),
        "until": _time(report.until_us, report),
        "timezone": report.span.zone.key,
        "units": {id_: measurands()[id_].unit for id_ in report.measurands},
        "currency": report.currency,
        "base_cost": report.base_cost if report.currency else None,
        "balance": report.balance,
        "totals": {id_: _values(total) for id_, total in report.totals.items()},
        "year_before": None if report.comparison is None else _comparison(report, report.comparison),
        "rows": [
            {
                "start": _time(row.start_us, report),
                "end": _time(row.end_us, report),
                "energy": {id_: _values(amount) for id_, amount in row.amounts.items()},
            }
            for row in report.rows
        ],
        "peaks": [
            {"measurand": peak.measurand, "start": _time(peak.start_us, report), "power_kw": round(peak.power, 6)}
            for peak in report.peaks
        ],
        "gaps": [
            {
                "from": _time(gap.from_us, report),
                "until": _time(gap.until_us, report),
                "energy": _rounded(gap.energies),
            }
            for gap in report.gaps
        ],
        "flags": [
            {
                "measurand": flag.measurand,
                "time": _time(flag.time_us, report),
                "kind": flag.kind,
                "value": flag.value,
                "before": flag.before,
            }
            for flag in report.flags
        ],
    }


def _comparison(report: EnergyReport, comparison: Comparison) -> dict[str, Any]:
    return {
        "until": _time(comparison.until_us, report),
        "energy": _rounded(comparison.energy),
        "before": _rounded(comparison.before),
        "before_begins": None if comparison.since_us is None else _time(comparison.since_us, report),
    }


def _rounded(energies: Mapping[str, float]) -> dict[str, float]:
    """Differences of floats: what is beyond a millionth is no energy."""
    return {id_: round(energy, 6) for id_, energy in energies.items()}


def _values(amount: Amount | None) -> dict[str, Any]:
    if amount is None:
        return dict.fromkeys(("energy", "gap_energy", "part", "cost", "unpriced"))
    return {
        "energy": round(amount.energy, 6),
        "gap_energy": round(amount.gap_energy, 6),
        "part": amount.is_part,
        "cost": None if amount.cost is None else round(amount.cost, 6),
        "unpriced": round(amount.unpriced, 6),
    }


def _time(time_us: int, report: EnergyReport) -> str:
    return local_time(time_us, report.span.zone).isoformat()
