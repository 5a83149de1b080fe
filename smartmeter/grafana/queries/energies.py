"""Queries for energy, cost and the powers that follow from energy. All of them read what is kept per period."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from smartmeter.energy.tariff import EXPORT, IMPORT
from smartmeter.grafana.facts import Facts
from smartmeter.grafana.sql import fill, identifier, listed, literal
from smartmeter.grafana.store import DatePart, Store

# What is summed: all energy, that part of it which came over gaps, or the money.
Summed = Literal["energy", "gap_energy", "cost"]

QUARTERS_PER_HOUR = 4
# Up to these steps (some weeks) the hours are summed, whatever hour the span begins with; days in longer spans.
HOURS_BELOW_MS = 3_600_000
MONTHS_SHOWN = 24
YEARS_SHOWN = 20
PEAK_MONTHS = 13
RECORDS = 10


@dataclass(frozen=True, slots=True)
class Flow:
    """A counter of energy, its name, and the name of that part of it whose shape is unknown."""

    measurand: str
    name: str
    gap_name: str

    @property
    def is_export(self) -> bool:
        """Drawn below zero."""
        return self.measurand == EXPORT


def flows(facts: Facts) -> list[Flow]:
    """Import and export, as far as they are measured."""
    unknown = facts.text("shape unknown", "Verlauf unbekannt")
    names = {IMPORT: facts.text("Import", "Bezug"), EXPORT: facts.text("Export", "Lieferung")}
    known = [Flow(id_, name, f"{name}, {unknown}") for id_, name in names.items()]
    return [flow for flow in known if facts.has(flow.measurand)]


def sum_of_day(store: Store, of: Sequence[Flow], what: Summed, name: str) -> str:
    """The sum over the flows on the day in which the span ends, in one row."""
    return fill(
        "SELECT sum({what}) AS {name} FROM {days} WHERE meter = {meter} AND {is_any} AND {is_last_day}",
        what=what,
        name=identifier(name),
        days=store.energy("1d"),
        is_any=_is_any(of),
        is_last_day=store.is_last_day(store.energy("1d")),
    )


def sum_of_span(store: Store, of: Sequence[Flow], what: Summed, name: str) -> str:
    """The sum over the flows of the hours (in long spans of the days) that begin in the span, in one row."""
    return fill(
        """
        SELECT sum({what}) AS {name} FROM (
          SELECT {what} FROM {hours} WHERE meter = {meter} AND {is_any} AND {in_span} AND $__interval_ms < {hours_below}
          UNION ALL
          SELECT {what} FROM {days} WHERE meter = {meter} AND {is_any} AND {in_span} AND $__interval_ms >= {hours_below}
        ) AS periods
        """,
        what=what,
        name=identifier(name),
        hours=store.energy("1h"),
        days=store.energy("1d"),
        is_any=_is_any(of),
        in_span=store.in_span,
        hours_below=str(HOURS_BELOW_MS),
    )


def energy_bars(store: Store, of: Sequence[Flow], period: str) -> str:
    """The energy of each period in the span, export below zero, what came over gaps apart."""
    return _bars(store, period, of, listed(_stacked(of)))


def cost_bars(store: Store, of: Sequence[Flow], period: str) -> str:
    """The cost of each period in the span: what import costs, and below zero what export earns."""
    values = [f"sum(cost) FILTER (WHERE {_is(flow)}) AS {identifier(flow.name)}" for flow in of]
    return _bars(store, period, of, listed(values))


def calendar_bars(store: Store, of: Sequence[Flow], part: DatePart, label: str, most: int) -> str:
    """The energy of each month or year up to the end of the span, the newest of them."""
    return fill(
        """
        SELECT * FROM (
          SELECT {date} AS {label}, {values} FROM {days} WHERE meter = {meter} AND {is_any} AND {until_end}
          GROUP BY 1 ORDER BY 1 DESC LIMIT {most}
        ) AS newest ORDER BY 1
        """,
        date=store.date(part),
        label=identifier(label),
        values=listed(_stacked(of)),
        days=store.energy("1d"),
        is_any=_is_any(of),
        until_end=store.until_end,
        most=str(most),
    )


def calendar_costs(store: Store, of: Sequence[Flow], label: str, name: str) -> str:
    """The cost of each month up to the end of the span, the newest of them."""
    return fill(
        """
        SELECT * FROM (
          SELECT {date} AS {label}, sum(cost) AS {name} FROM {days} WHERE meter = {meter} AND {is_any} AND {until_end}
          GROUP BY 1 ORDER BY 1 DESC LIMIT {most}
        ) AS newest ORDER BY 1
        """,
        date=store.date("month"),
        label=identifier(label),
        name=identifier(name),
        days=store.energy("1d"),
        is_any=_is_any(of),
        until_end=store.until_end,
        most=str(MONTHS_SHOWN),
    )


def compared_months(store: Store, flow: Flow, names: tuple[str, str, str], months: Sequence[str]) -> str:
    """The energy of each month of the year in which the span ends, beside that of the year before.

    `names`: of the month, of this year, of the year before.
    """
    cases = " ".join(f"WHEN '{number:02}' THEN {literal(month)}" for number, month in enumerate(months, 1))
    return fill(
        """
        WITH {days_and_newest}
        SELECT CASE number {cases} END AS {label}, sum(energy) FILTER (WHERE days.year = newest.year) AS {now},
          sum(energy) FILTER (WHERE days.year = newest.year - 1) AS {before}
        FROM days CROSS JOIN newest WHERE days.year >= newest.year - 1 GROUP BY number ORDER BY number
        """,
        days_and_newest=_days_and_newest(store, flow),
        cases=cases,
        label=identifier(names[0]),
        now=identifier(names[1]),
        before=identifier(names[2]),
    )


def compared_years(store: Store, flow: Flow, names: tuple[str, str]) -> str:
    """The energy of the year in which the span ends, up to its last day, and of the same days of the year before."""
    return fill(
        """
        WITH {days_and_newest}
        SELECT sum(energy) FILTER (WHERE days.year = newest.year) AS {now},
          sum(energy) FILTER (WHERE days.year = newest.year - 1 AND days.day <= newest.day) AS {before}
        FROM days CROSS JOIN newest
        """,
        days_and_newest=_days_and_newest(store, flow),
        now=identifier(names[0]),
        before=identifier(names[1]),
    )


def peak_months(store: Store, of: Sequence[Flow], label: str) -> str:
    """The highest mean power of a quarter-hour in each month, in kW; quarter-hours at the end of a gap do not count."""
    values = [
        fill(
            """
            (SELECT max(energy - gap_energy) * {factor} FROM {quarters}
              WHERE meter = {meter} AND {is_flow} AND {time} >= begins AND {time} < ends) AS {name}
            """,
            factor=str(QUARTERS_PER_HOUR),
            quarters=store.energy("15m"),
            is_flow=_is(flow),
            time=store.time,
            name=identifier(flow.name),
        )
        for flow in of
    ]
    return fill(
        """
        WITH months AS (
          SELECT {date} AS month, min({time}) AS begins FROM {days} WHERE meter = {meter} AND {is_any} AND {until_end}
          GROUP BY 1 ORDER BY 1 DESC LIMIT {most}
        ), spans AS (
          SELECT month, begins, coalesce(lead(begins) OVER (ORDER BY begins), {end_of_time}) AS ends FROM months
        )
        SELECT month AS {label}, {values} FROM spans ORDER BY 1
        """,
        date=store.date("month"),
        time=store.time,
        days=store.energy("1d"),
        is_any=_is_any(of),
        until_end=store.until_end,
        most=str(PEAK_MONTHS),
        end_of_time=store.end_of_time,
        label=identifier(label),
        values=listed(values),
    )


def record_days(store: Store, of: Sequence[Flow], names: tuple[str, str, str]) -> str:
    """The days with most energy by the first of the flows; `names`: of the day, the cost, and what came over gaps."""
    energies = [f"sum(energy) FILTER (WHERE {_is(flow)}) AS {identifier(flow.name)}" for flow in of]
    return fill(
        """
        SELECT {date} AS {day}, {energies}, sum(cost) AS {cost}, sum(gap_energy) AS {gap} FROM {days}
        WHERE meter = {meter} AND {is_any} AND {until_end} GROUP BY 1 ORDER BY 2 DESC LIMIT {most}
        """,
        date=store.date("day"),
        day=identifier(names[0]),
        energies=listed(energies),
        cost=identifier(names[1]),
        gap=identifier(names[2]),
        days=store.energy("1d"),
        is_any=_is_any(of),
        until_end=store.until_end,
        most=str(RECORDS),
    )


def _bars(store: Store, period: str, of: Sequence[Flow], values: str) -> str:
    return fill(
        """
        SELECT {shown} AS "time", {values} FROM {periods} WHERE meter = {meter} AND {is_any} AND {in_span}
        GROUP BY 1 ORDER BY 1
        """,
        shown=store.shown_time,
        values=values,
        periods=store.energy(period),
        is_any=_is_any(of),
        in_span=store.in_span,
    )


def _stacked(of: Sequence[Flow]) -> list[str]:
    """Of each flow what is known in shape, and what is not; what is drawn below zero is negative."""
    values = []
    for flow in of:
        sign = "-" if flow.is_export else ""
        where = f"FILTER (WHERE {_is(flow)})"
        values.append(f"{sign}sum(energy - gap_energy) {where} AS {identifier(flow.name)}")
        values.append(f"{sign}sum(gap_energy) {where} AS {identifier(flow.gap_name)}")
    return values


def _days_and_newest(store: Store, flow: Flow) -> str:
    """Days with their year, month and date, and the newest of them."""
    return fill(
        """
        days AS (
          SELECT CAST({year} AS integer) AS year, {month} AS number, {day} AS day, {time} AS begins, energy
          FROM {table} WHERE meter = {meter} AND {is_flow} AND {until_end}
        ), newest AS (SELECT year, day FROM days ORDER BY begins DESC LIMIT 1)
        """,
        year=store.date("year"),
        month=store.date("month_of_year"),
        day=store.date("day_of_year"),
        time=store.time,
        table=store.energy("1d"),
        is_flow=_is(flow),
        until_end=store.until_end,
    )


def _is(flow: Flow) -> str:
    return f"measurand = {literal(flow.measurand)}"


def _is_any(of: Sequence[Flow]) -> str:
    return f"measurand IN ({listed([literal(flow.measurand) for flow in of])})"
