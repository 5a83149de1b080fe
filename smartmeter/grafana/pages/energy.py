"""The dashboard "Energy": bars per hour and day, months and years, compared, with costs and records."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from smartmeter.grafana import panels, words
from smartmeter.grafana.facts import Facts
from smartmeter.grafana.page import Group, Page, Row, dashboard, meter_variable, period_variable
from smartmeter.grafana.panels import Head
from smartmeter.grafana.queries import energies
from smartmeter.grafana.queries.energies import Flow
from smartmeter.grafana.store import Store

UID = "smartmeter-energy"

_COLORS = (panels.ORANGE, panels.YELLOW, panels.GREEN, panels.PURPLE)
_MONTHS_EN = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTHS_DE = ("Jan", "Feb", "Mär", "Apr", "Mai", "Jun", "Jul", "Aug", "Sep", "Okt", "Nov", "Dez")

Panels = list[tuple[int, panels.Panel]]


def energy(facts: Facts, store: Store) -> Dashboard:
    """The dashboard for this site."""
    page = Page(
        UID,
        facts.text("Smartmeter: Energy", "Smartmeter: Energie"),
        facts.text(
            "Energy by the meter's counters, never by sums of powers, and what it costs.",
            "Energie aus Zählerständen, nie aus summierten Leistungen, und was sie kostet.",
        ),
        begins="now-30d/d",
        refresh="5m",
    )
    flows = energies.flows(facts)
    groups = [
        Group(
            facts.text("The chosen span", "Die gewählte Spanne"),
            [
                Row(5, _sums(facts, store, flows)),
                Row(10, _bars(facts, store, flows)),
                Row(8, _costs(facts, store, flows)),
            ],
        ),
        Group(
            facts.text("Months and years", "Monate und Jahre"),
            [Row(9, _calendar(facts, store, flows)), Row(9, _peaks_and_costs(facts, store, flows))],
        ),
        Group(
            facts.text("Compared with the year before", "Vergleich mit dem Vorjahr"),
            [Row(9, _compared(facts, store, flow)) for flow in flows],
        ),
        Group(facts.text("Records", "Rekorde"), [Row(10, _records(facts, store, flows))]),
    ]
    return dashboard(page, facts, [meter_variable(store, facts), period_variable(facts)], groups if flows else [])


def _sums(facts: Facts, store: Store, flows: list[Flow]) -> Panels:
    periods = facts.text(
        "of the hours (in spans of more than some weeks: days) that begin in the chosen span",
        "der Stunden (in Spannen über einige Wochen: der Tage), die in der gewählten Spanne beginnen",
    )
    beside: Panels = []
    for flow in flows:
        head = Head(
            flow.name,
            facts.text(
                f"The energy {periods}, by the meter's counter.", f"Die Energie {periods}, aus dem Zählerstand."
            ),
            "kwatth",
            1,
            words.no_data(facts),
        )
        beside.append((6, panels.numbers(store, head, energies.sum_of_span(store, [flow], "energy", flow.name))))
    cost, unknown = facts.text("Cost", "Kosten"), facts.text("Shape unknown", "Verlauf unbekannt")
    head = Head(
        cost,
        facts.text(
            f"What import costs less what export earns, {periods}. Without the base price.",
            f"Was der Bezug kostet, abzüglich der Vergütung, {periods}. Ohne Grundpreis.",
        ),
        words.currency_unit(facts),
        2,
        words.no_price(facts),
    )
    beside.append((6, panels.numbers(store, head, energies.sum_of_span(store, flows, "cost", cost))))
    head = Head(
        unknown,
        facts.text(
            f"How much of the energy {periods} was counted over a gap that began earlier: nobody knows when.",
            f"Wie viel der Energie {periods} über eine Lücke gezählt wurde, die früher begann: wann, weiß niemand.",
        ),
        "kwatth",
        1,
        words.no_data(facts),
    )
    beside.append((6, panels.numbers(store, head, energies.sum_of_span(store, flows, "gap_energy", unknown))))
    return beside


def _bars(facts: Facts, store: Store, flows: list[Flow]) -> Panels:
    head = Head(
        facts.text("Energy over time", "Energie im Verlauf"),
        facts.text(
            "The energy of each quarter-hour, hour or day; export below zero. What was counted over a gap is apart: "
            "it lies where the gap ends, its total is known and its shape is not.",
            "Die Energie je Viertelstunde, Stunde oder Tag; Lieferung unter null. Was über eine Lücke gezählt wurde, "
            "ist abgesetzt: Es liegt, wo die Lücke endet; die Summe ist bekannt, der Verlauf nicht.",
        ),
        "kwatth",
        2,
        words.no_data(facts),
    )
    panel = panels.bars(store, head, energies.energy_bars(store, flows, "${period}"))
    return [(24, panels.colored(panel, _colors(flows)))]


def _costs(facts: Facts, store: Store, flows: list[Flow]) -> Panels:
    head = Head(
        facts.text("Cost over time", "Kosten im Verlauf"),
        facts.text(
            "What the import of each quarter-hour, hour or day costs, and below zero what export earns. "
            "Without the base price, and without energy for which no price is known.",
            "Was der Bezug je Viertelstunde, Stunde oder Tag kostet, und unter null, was die Lieferung einbringt. "
            "Ohne Grundpreis und ohne Energie, für die kein Preis bekannt ist.",
        ),
        words.currency_unit(facts),
        2,
        words.no_price(facts),
    )
    panel = panels.bars(store, head, energies.cost_bars(store, flows, "${period}"))
    return [(24, panels.colored(panel, _colors(flows)))]


def _calendar(facts: Facts, store: Store, flows: list[Flow]) -> Panels:
    month, year = facts.text("Month", "Monat"), facts.text("Year", "Jahr")
    shape = facts.text(
        "Export below zero; what came over gaps apart.", "Lieferung unter null; was über Lücken kam, abgesetzt."
    )
    head = Head(
        facts.text("Energy per month", "Energie je Monat"),
        facts.text("The newest 24 months up to the end of the span. ", "Die 24 neuesten Monate bis Ende der Spanne. ")
        + shape,
        "kwatth",
        0,
        words.no_data(facts),
    )
    by_month = energies.calendar_bars(store, flows, "month", month, energies.MONTHS_SHOWN)
    months = panels.colored(panels.columns(store, head, by_month, stacked=True), _colors(flows))
    head = Head(
        facts.text("Energy per year", "Energie je Jahr"),
        facts.text("Every year up to the end of the span. ", "Alle Jahre bis Ende der Spanne. ") + shape,
        "kwatth",
        0,
        words.no_data(facts),
    )
    by_year = energies.calendar_bars(store, flows, "year", year, energies.YEARS_SHOWN)
    years = panels.colored(panels.columns(store, head, by_year, stacked=True), _colors(flows))
    return [(16, months), (8, years)]


def _peaks_and_costs(facts: Facts, store: Store, flows: list[Flow]) -> Panels:
    month = facts.text("Month", "Monat")
    head = Head(
        facts.text("Highest quarter-hour per month", "Höchste Viertelstunde je Monat"),
        facts.text(
            "The highest mean power of a quarter-hour, by its energy. Quarter-hours at the end of a gap do not count.",
            "Die höchste mittlere Leistung einer Viertelstunde, aus ihrer Energie. Viertelstunden am Ende einer Lücke "
            "zählen nicht.",
        ),
        "kwatt",
        2,
        words.no_data(facts),
    )
    colors = {flow.name: color for flow, color in zip(flows, _COLORS[::2], strict=False)}
    peaks = panels.columns(store, head, energies.peak_months(store, flows, month), stacked=False)
    head = Head(
        facts.text("Cost per month", "Kosten je Monat"),
        facts.text(
            "What import costs less what export earns. Without the base price.",
            "Was der Bezug kostet, abzüglich der Vergütung. Ohne Grundpreis.",
        ),
        words.currency_unit(facts),
        2,
        words.no_price(facts),
    )
    by_month = energies.calendar_costs(store, flows, month, facts.text("Cost", "Kosten"))
    return [(12, panels.colored(peaks, colors)), (12, panels.columns(store, head, by_month, stacked=False))]


def _compared(facts: Facts, store: Store, flow: Flow) -> Panels:
    now, before = facts.text("This year", "Dieses Jahr"), facts.text("The year before", "Vorjahr")
    head = Head(
        facts.text(f"{flow.name} per month", f"{flow.name} je Monat"),
        facts.text(
            "Each month of the year in which the span ends, beside the same month of the year before.",
            "Jeder Monat des Jahres, in dem die Spanne endet, neben dem gleichen des Vorjahres.",
        ),
        "kwatth",
        0,
        words.no_data(facts),
    )
    names = (facts.text("Month", "Monat"), now, before)
    sql = energies.compared_months(store, flow, names, _MONTHS_EN if facts.language == "en" else _MONTHS_DE)
    months = panels.colored(panels.columns(store, head, sql, stacked=False), {now: panels.BLUE, before: panels.PURPLE})
    head = Head(
        facts.text(f"{flow.name} up to the same day", f"{flow.name} bis zum gleichen Tag"),
        facts.text(
            "The year in which the span ends, up to its newest day, and the year before up to the same date.",
            "Das Jahr, in dem die Spanne endet, bis zum neuesten Tag, und das Vorjahr bis zum gleichen Datum.",
        ),
        "kwatth",
        0,
        words.no_data(facts),
    )
    years = panels.numbers(store, head, energies.compared_years(store, flow, (now, before)))
    return [(16, months), (8, years)]


def _records(facts: Facts, store: Store, flows: list[Flow]) -> Panels:
    day, cost = facts.text("Day", "Tag"), facts.text("Cost", "Kosten")
    head = (
        Head(
            facts.text(f"Days with most {flows[0].name.lower()}", f"Tage mit am meisten {flows[0].name}"),
            facts.text(
                "The ten days up to the end of the span. What came over a gap may belong to an earlier day.",
                "Die zehn Tage bis Ende der Spanne. Was über eine Lücke kam, kann zu einem früheren Tag gehören.",
            ),
            "kwatth",
            2,
            words.no_data(facts),
        )
        if flows
        else None
    )
    if head is None:
        return []
    names = (day, cost, facts.text("Shape unknown", "Verlauf unbekannt"))
    panel = panels.listing(store, head, energies.record_days(store, flows, names))
    return [(24, panels.with_units(panel, {cost: (words.currency_unit(facts), 2), day: ("string", 0)}))]


def _colors(flows: list[Flow]) -> dict[str, str]:
    names = [name for flow in flows for name in (flow.name, flow.gap_name)]
    return dict(zip(names, _COLORS, strict=False))
