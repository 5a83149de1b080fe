"""Energy of a day, week, month, year or of all years, with what is known of gaps, and what it cost."""

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Final, cast
from zoneinfo import ZoneInfo

from smartmeter.energy.tariff import EXPORT, IMPORT
from smartmeter.history.model import EnergyRow, FlagRow, History, MeansRow, RollupRow
from smartmeter.house import House
from smartmeter.periods import QUARTER_US, Period, local_time, period_end, period_start
from smartmeter.reading import Reading
from smartmeter.reports.energy import Amount, EnergyReport, Question, energy_report
from smartmeter.reports.gaps import Gap
from smartmeter.reports.span import Span, SpanKind, span_of
from smartmeter.settings.durations import UNITS_US
from smartmeter.settings.site import site_of
from smartmeter.web.moments import iso, parse_date
from smartmeter.web.parameters import Parameters, meter_of
from smartmeter.web.problems import bad_request

KNOWN: Final = ("meter", "span", "date", "format")
SPANS: Final = ("day", "week", "month", "year", "all")
# From here on the quarter-hours would be too many to look through: hours tell of gaps, and then days.
_LONG_US: Final = 32 * UNITS_US["d"]
_VERY_LONG_US: Final = 367 * UNITS_US["d"]
_DIGITS: Final = 6
_FIRST_DAY: Final = date(1970, 1, 1)


class Brief:
    """The history of a meter, for a report that shows neither the highest quarter-hours nor short gaps.

    For a long span quarter-hours are made of hours or days: those that a gap reaches into, at their ends. Nothing is
    looked for before the first reading.
    """

    def __init__(self, history: History, readings: tuple[int, int] | None, zone: ZoneInfo) -> None:
        self._history = history
        self._readings = readings
        self._zone = zone
        self.name = history.name

    async def meters(self) -> Sequence[str]:
        return await self._history.meters()

    async def span(self, _: str) -> tuple[int, int] | None:
        return self._readings

    async def energy(
        self, meter: str, measurands: Collection[str], period: Period, from_us: int, until_us: int
    ) -> Sequence[EnergyRow]:
        if self._readings is None or until_us <= period_start("1d", self._readings[0], self._zone):
            return ()
        if period != "15m" or until_us - from_us <= _LONG_US:
            return await self._history.energy(meter, measurands, period, from_us, until_us)
        coarse: Period = "1h" if until_us - from_us <= _VERY_LONG_US else "1d"
        rows = await self._history.energy(meter, measurands, coarse, from_us, until_us)
        return [
            replace(row, start_us=period_end(coarse, row.start_us, self._zone) - QUARTER_US)
            for row in rows
            if row.gap_from_us is not None
        ]

    async def rollups(
        self, meter: str, columns: Sequence[str], period: Period, from_us: int, until_us: int
    ) -> Sequence[RollupRow]:
        return await self._history.rollups(meter, columns, period, from_us, until_us)

    async def means(
        self, meter: str, measurands: Sequence[str], width_us: int, from_us: int, until_us: int
    ) -> Sequence[MeansRow]:
        return await self._history.means(meter, measurands, width_us, from_us, until_us)

    def readings(self, meter: str, from_us: int, until_us: int) -> AsyncIterator[Sequence[Reading]]:
        return self._history.readings(meter, from_us, until_us)

    async def flags(self, _: str, __: int, ___: int) -> Sequence[FlagRow]:
        """None: they are not shown."""
        return ()

    async def close(self) -> None:
        await self._history.close()


@dataclass(frozen=True, slots=True)
class Wish:
    """The energy of a meter, by these counters, in the span of this kind in which the local day lies."""

    meter: str
    counters: tuple[str, ...]
    kind: str
    day: date


def wish_of(house: House, parameters: Parameters) -> Wish:
    """What the request asks for. Raises ProblemError."""
    meter = meter_of(house, parameters.one("meter"))
    counters = tuple(id_ for id_ in (IMPORT, EXPORT) if id_ in meter.intervals_us)
    if not counters:
        raise bad_request(f"no energy counter is read from meter {meter.name!r}")
    kind, text = parameters.choice("span", SPANS), parameters.maybe("date")
    today = local_time(house.clock.wall_us(), house.wording.zone).date()
    return Wish(meter.name, counters, kind, today if text is None else parse_date(text, "date"))


async def energy_of(history: History, house: House, wish: Wish) -> EnergyReport:
    """The energy until now. Raises SmartmeterError."""
    site, now_us = site_of(house.settings), house.clock.wall_us()
    readings = await history.span(wish.meter)
    if wish.kind == "all":
        first_us = readings[0] if readings else now_us
        start_us = period_start("1y", first_us, site.zone)
        end_us = period_end("1y", period_start("1y", max(now_us, first_us), site.zone), site.zone)
        span = Span("year", start_us, end_us, site.zone, "1y")
    else:
        span = span_of(cast("SpanKind", wish.kind), wish.day, site.zone)
    brief = Brief(history, readings, site.zone)
    return await energy_report(brief, site, wish.meter, Question(wish.counters, span, now_us))


def energy_json(report: EnergyReport, wish: Wish) -> dict[str, Any]:
    """The energy as the API gives it."""
    zone, is_all = report.span.zone, wish.kind == "all"
    first = local_time(report.span.start_us, zone).date()
    following = local_time(report.span.end_us, zone).date()
    is_over = report.span.end_us <= report.until_us
    return {
        "meter": report.meter,
        "span": wish.kind,
        "from": iso(report.span.start_us),
        "until": iso(report.span.end_us),
        "now": iso(report.until_us),
        "currency": report.currency,
        "base_cost": None if report.currency is None else round(report.base_cost, _DIGITS),
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
        "previous": None if is_all or first <= _FIRST_DAY else (first - timedelta(days=1)).isoformat(),
        "next": following.isoformat() if is_over and not is_all else None,
    }


def _amount(amount: Amount) -> dict[str, Any]:
    """Differences of floats: what is beyond a millionth is no energy."""
    return {
        "energy": round(amount.energy, _DIGITS),
        "gap_energy": round(amount.gap_energy, _DIGITS),
        "is_part": amount.is_part,
        "cost": None if amount.cost is None else round(amount.cost, _DIGITS),
        "unpriced": round(amount.unpriced, _DIGITS),
    }


def _gaps(gaps: Sequence[Gap]) -> list[dict[str, Any]]:
    return [
        {
            "from": iso(gap.from_us),
            "until": iso(gap.until_us),
            "energies": {id_: round(energy, _DIGITS) for id_, energy in gap.energies.items()},
        }
        for gap in gaps
    ]
