"""Energy of a day, week, month, year or of all years, with what is known of gaps, and what it cost."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Final, cast

from smartmeter.energy.tariff import EXPORT, IMPORT
from smartmeter.history.model import History
from smartmeter.house import House
from smartmeter.periods import local_time, period_end, period_start
from smartmeter.reports.energy import Amount, EnergyReport, Question, energy_report
from smartmeter.reports.gaps import Gap
from smartmeter.reports.span import Span, SpanKind, span_of
from smartmeter.settings.site import site_of
from smartmeter.web.moments import iso, parse_date
from smartmeter.web.parameters import Parameters, meter_of
from smartmeter.web.problems import bad_request

KNOWN: Final = ("meter", "span", "date", "format")
SPANS: Final = ("day", "week", "month", "year", "all")


async def energy_of(history: History, house: House, parameters: Parameters, now_us: int) -> EnergyReport:
    """The energy that the request asks for. Raises ProblemError, SmartmeterError."""
    meter = meter_of(house, parameters.one("meter"))
    counters = tuple(id_ for id_ in (IMPORT, EXPORT) if id_ in meter.intervals_us)
    if not counters:
        raise bad_request(f"no energy counter is read from meter {meter.name!r}")
    site = site_of(house.settings)
    kind = parameters.choice("span", SPANS)
    text = parameters.maybe("date")
    day = local_time(now_us, site.zone).date() if text is None else parse_date(text, "date")
    if kind == "all":
        known = await history.span(meter.name)
        first_us = known[0] if known else now_us
        start_us = period_start("1y", first_us, site.zone)
        end_us = period_end("1y", period_start("1y", max(now_us, first_us), site.zone), site.zone)
        span = Span("year", start_us, end_us, site.zone, "1y")
    else:
        span = span_of(cast("SpanKind", kind), day, site.zone)
    return await energy_report(history, site, meter.name, Question(counters, span, now_us))


def energy_json(report: EnergyReport, kind: str) -> dict[str, Any]:
    """The energy as the API gives it."""
    zone = report.span.zone
    first = local_time(report.span.start_us, zone).date()
    following = local_time(report.span.end_us, zone).date()
    is_over = report.span.end_us <= report.until_us
    return {
        "meter": report.meter,
        "span": kind,
        "from": iso(report.span.start_us),
        "until": iso(report.span.end_us),
        "now": iso(report.until_us),
        "currency": report.currency,
        "base_cost": None if report.currency is None else report.base_cost,
        "counters": list(report.measurands),
        "unit": "kWh",
        "rows": [
            {
                "from": iso(row.start_us),
                "until": iso(row.end_us),
                "label": local_time(row.start_us, zone).isoformat(timespec="minutes"),
                "amounts": {id_: None if amount is None else _amount(amount) for id_, amount in row.amounts.items()},
            }
            for row in report.rows
        ],
        "totals": {id_: _amount(amount) for id_, amount in report.totals.items()},
        "gaps": _gaps(report.gaps),
        "previous": None if kind == "all" else _iso_day(first, -1),
        "next": following.isoformat() if is_over and kind != "all" else None,
    }


def _iso_day(day: date, days: int) -> str:
    return (day + timedelta(days=days)).isoformat()


def _amount(amount: Amount) -> dict[str, Any]:
    return {
        "energy": amount.energy,
        "gap_energy": amount.gap_energy,
        "is_part": amount.is_part,
        "cost": amount.cost,
        "unpriced": amount.unpriced,
    }


def _gaps(gaps: Sequence[Gap]) -> list[dict[str, Any]]:
    return [{"from": iso(gap.from_us), "until": iso(gap.until_us), "energies": dict(gap.energies)} for gap in gaps]
