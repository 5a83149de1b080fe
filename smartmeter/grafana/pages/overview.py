"""The dashboard "Overview": power now, the day so far, the curve of the last day."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from smartmeter.grafana import panels, words
from smartmeter.grafana.facts import Facts
from smartmeter.grafana.page import Group, Page, Row, dashboard, meter_variable
from smartmeter.grafana.panels import Head
from smartmeter.grafana.queries import curves, energies
from smartmeter.grafana.store import Store

UID = "smartmeter-overview"


def overview(facts: Facts, store: Store) -> Dashboard:
    """The dashboard for this site."""
    page = Page(
        UID,
        facts.text("Smartmeter: Overview", "Smartmeter: Übersicht"),
        facts.text(
            "Power now, the day so far, the last 24 hours.", "Leistung jetzt, der Tag bisher, die letzten 24 Stunden."
        ),
        begins="now-24h",
        refresh="30s",
    )
    groups = [
        Group(facts.text("Now", "Jetzt"), [Row(6, _now(facts, store))]),
        Group(facts.text("The day so far", "Der Tag bisher"), [Row(5, _today(facts, store))]),
        Group(
            facts.text("Curves", "Verlauf"),
            [Row(10, _power(facts, store)), Row(10, _phases(facts, store))],
        ),
    ]
    return dashboard(page, facts, [meter_variable(store, facts)], groups)


def _now(facts: Facts, store: Store) -> list[tuple[int, panels.Panel]]:
    beside: list[tuple[int, panels.Panel]] = []
    total = curves.total_power(facts)
    age = facts.text(f"no older than {facts.now_s} s", f"höchstens {facts.now_s} s alt")
    if total is not None:
        head = Head(
            facts.text("Power now", "Leistung jetzt"),
            facts.text(
                f"The newest active power of the meter at the end of the chosen span, {age}. Negative: export.",
                f"Die neueste Wirkleistung des Zählers am Ende der gewählten Spanne, {age}. Negativ: Lieferung.",
            ),
            "watt",
            0,
            words.no_data(facts),
        )
        panel = panels.numbers(store, head, curves.present(store, [total], facts.now_s))
        beside.append((6, panels.limits(panel, (None, panels.GREEN), (0, panels.BLUE))))
    phases = [curves.series(name, id_) for name, id_ in facts.phases("active_power")]
    if len(phases) > 1:
        head = Head(
            facts.text("Power per phase now", "Leistung je Phase jetzt"),
            facts.text(f"The newest active power of each phase, {age}.", f"Die neueste Wirkleistung je Phase, {age}."),
            "watt",
            0,
            words.no_data(facts),
        )
        beside.append((10, panels.gauges(store, head, curves.present(store, phases, facts.now_s))))
        head = Head(
            facts.text("Share of the phases", "Anteil der Phasen"),
            facts.text(
                "The mean active power of each phase over the chosen span, and its share of the sum.",
                "Die mittlere Wirkleistung je Phase in der gewählten Spanne und ihr Anteil an der Summe.",
            ),
            "watt",
            0,
            words.no_data(facts),
        )
        beside.append((8, panels.shares(store, head, curves.means(store, phases))))
    return beside


def _today(facts: Facts, store: Store) -> list[tuple[int, panels.Panel]]:
    flows = energies.flows(facts)
    day = facts.text("on the day in which the chosen span ends", "an dem Tag, in dem die gewählte Spanne endet")
    beside: list[tuple[int, panels.Panel]] = []
    for flow in flows:
        head = Head(
            facts.text(f"{flow.name} today", f"{flow.name} heute"),
            facts.text(f"Energy {day}, by the meter's counter.", f"Energie {day}, aus dem Zählerstand."),
            "kwatth",
            2,
            words.no_data(facts),
        )
        beside.append((6, panels.numbers(store, head, energies.sum_of_day(store, [flow], "energy", flow.name))))
    if flows:
        head = Head(
            facts.text("Cost today", "Kosten heute"),
            facts.text(
                f"What import costs less what export earns {day}. By the tariff in the settings, without base price.",
                f"Was der Bezug kostet, abzüglich der Vergütung, {day}. Nach dem Tarif, ohne Grundpreis.",
            ),
            words.currency_unit(facts),
            2,
            words.no_price(facts),
        )
        cost = facts.text("Cost", "Kosten")
        beside.append((6, panels.numbers(store, head, energies.sum_of_day(store, flows, "cost", cost))))
        head = Head(
            facts.text("Shape unknown today", "Verlauf unbekannt heute"),
            facts.text(
                f"How much of the energy {day} was counted while the meter was not read: nobody knows when.",
                f"Wie viel der Energie {day} gezählt wurde, als nicht gelesen wurde: wann, weiß niemand.",
            ),
            "kwatth",
            2,
            words.no_data(facts),
        )
        name = facts.text("Shape unknown", "Verlauf unbekannt")
        beside.append((6, panels.numbers(store, head, energies.sum_of_day(store, flows, "gap_energy", name))))
    return beside


def _power(facts: Facts, store: Store) -> list[tuple[int, panels.Panel]]:
    total = curves.total_power(facts)
    if total is None:
        return []
    mean, least, most = (
        facts.text("mean", "Mittel"),
        facts.text("lowest", "niedrigste"),
        facts.text("highest", "höchste"),
    )
    extents: dict[str, curves.Extent] = {mean: "mean", least: "min", most: "max"}
    shown = [curves.Series(name, total.measurands, total.value, extent) for name, extent in extents.items()]
    head = Head(
        facts.text("Power", "Leistung"),
        facts.text(
            "Active power: means, and the band between the lowest and the highest reading. Negative: export. "
            "Readings, quarter-hours or hours, by the length of the span; lines end where nothing was read.",
            "Wirkleistung: Mittelwerte, und das Band zwischen niedrigstem und höchstem Messwert. Negativ: Lieferung. "
            "Messwerte, Viertelstunden oder Stunden, je nach Spanne; Linien enden, wo nichts gemessen wurde.",
        ),
        "watt",
        0,
        words.no_data(facts),
    )
    panel = panels.curves(store, head, curves.curve(store, shown), facts.least_step)
    colors = {mean: panels.BLUE, least: panels.BLUE, most: panels.BLUE}
    return [(24, panels.colored(panels.band(panel, least, most), colors))]


def _phases(facts: Facts, store: Store) -> list[tuple[int, panels.Panel]]:
    phases = [curves.series(name, id_) for name, id_ in facts.phases("active_power")]
    if len(phases) < 2:  # noqa: PLR2004 - of one phase it is the same as the total
        return []
    head = Head(
        facts.text("Power per phase", "Leistung je Phase"),
        facts.text("Means of the active power of each phase.", "Mittelwerte der Wirkleistung je Phase."),
        "watt",
        0,
        words.no_data(facts),
    )
    return [(24, panels.curves(store, head, curves.curve(store, phases), facts.least_step))]
