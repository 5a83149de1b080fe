"""The report of energy for programs: JSON and CSV, in English ids, with UTC offsets."""

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

from smartmeter.measurands import measurands
from smartmeter.periods import local_time
from smartmeter.reports.energy import Amount, EnergyReport


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
        "timezone": report.span.zone.key,
        "units": {id_: measurands()[id_].unit for id_ in report.measurands},
        "currency": report.currency,
        "cost": report.cost,
        "base_cost": report.base_cost if report.currency else None,
        "totals": {id_: _values(total) for id_, total in report.totals.items()},
        "year_before": dict(report.before),
        "rows": [
            {
                "start": _time(row.start_us, report),
                "end": _time(row.end_us, report),
                "energy": {id_: _values(amount) for id_, amount in row.amounts.items()},
            }
            for row in report.rows
        ],
        "peaks": [
            {"measurand": peak.measurand, "start": _time(peak.start_us, report), "power_kw": peak.power}
            for peak in report.peaks
        ],
        "gaps": [
            {
                "measurand": gap.measurand,
                "from": _time(gap.from_us, report),
                "until": _time(gap.until_us, report),
                "energy": gap.energy,
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


def _values(amount: Amount | None) -> dict[str, Any]:
    if amount is None:
        return dict.fromkeys(("energy", "gap_energy", "part", "cost", "unpriced"))
    return {
        # Differences of floats: what is beyond a millionth is no energy.
        "energy": round(amount.energy, 6),
        "gap_energy": round(amount.gap_energy, 6),
        "part": amount.is_part,
        "cost": None if amount.cost is None else round(amount.cost, 6),
        "unpriced": round(amount.unpriced, 6),
    }


def _time(time_us: int, report: EnergyReport) -> str:
    return local_time(time_us, report.span.zone).isoformat()
