"""The dashboard "Overview": power now, the day so far, the curve of the last day."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from smartmeter.grafana import panels, words
from smartmeter.grafana.page import Group, Page, Row, dashboard, meter_variable
from smartmeter.grafana.panels import Head
from smartmeter.grafana.queries import curves, energies
from smartmeter.grafana.site import Site
from smartmeter.grafana.store import Store

UID = "smartmeter-overview"


def overview(site: Site, store: Store) -> Dashboard:
    """The dashboard for this site."""
    page = Page(
        UID,
        site.text("Smartmeter: Overview", "Smartmeter: Übersicht"),
        site.text(
            "Power now, the day so far, the last 24 hours.", "Leistung jetzt, der Tag bisher, die letzten 24 Stunden."
        ),
        begins="now-24h",
        refresh="30s",
    )
    groups = [
        Group(site.text("Now", "Jetzt"), [Row(6, _now(site, store))]),
        Group(site.text("The day so far", "Der Tag bisher"), [Row(5, _today(site, store))]),
        Group(
            site.text("Curves", "Verlauf"),
            [Row(10, _power(site, store)), Row(10, _phases(site, store))],
        ),
    ]
    return dashboard(page, site, [meter_variable(store, site)], groups)


def _now(site: Site, store: Store) -> list[tuple[int, panels.Panel]]:
    beside: list[tuple[int, panels.Panel]] = []
    total = curves.total_power(site)
    age = site.text(f"no older than {site.now_s} s", f"höchstens {site.now_s} s alt")
    if total is not None:
        head = Head(
            site.text("Power now", "Leistung jetzt"),
            site.text(
                f"The newest active power of the meter at the end of the chosen span, {age}. Negative: export.",
                f"Die neueste Wirkleistung des Zählers am Ende der gewählten Spanne, {age}. Negativ: Lieferung.",
            ),
            "watt",
            0,
            words.no_data(site),
        )
        panel = panels.numbers(store, head, curves.present(store, [total], site.now_s))
        beside.append((6, panels.limits(panel, (None, panels.GREEN), (0, panels.BLUE))))
    phases = [curves.series(name, id_) for name, id_ in site.phases("active_power")]
    if len(phases) > 1:
        head = Head(
            site.text("Power per phase now", "Leistung je Phase jetzt"),
            site.text(f"The newest active power of each phase, {age}.", f"Die neueste Wirkleistung je Phase, {age}."),
            "watt",
            0,
            words.no_data(site),
        )
        beside.append((10, panels.gauges(store, head, curves.present(store, phases, site.now_s))))
        head = Head(
            site.text("Share of the phases", "Anteil der Phasen"),
            site.text(
                "The mean active power of each phase over the chosen span, and its share of the sum.",
                "Die mittlere Wirkleistung je Phase in der gewählten Spanne und ihr Anteil an der Summe.",
            ),
            "watt",
            0,
            words.no_data(site),
        )
        beside.append((8, panels.shares(store, head, curves.means(store, phases))))
    return beside


def _today(site: Site, store: Store) -> list[tuple[int, panels.Panel]]:
    flows = energies.flows(site)
    last_day = store.is_last_day(store.energy("1d"))
    day = site.text("on the day in which the chosen span ends", "an dem Tag, in dem die gewählte Spanne endet")
    beside: list[tuple[int, panels.Panel]] = []
    for flow in flows:
        head = Head(
            site.text(f"{flow.name} today", f"{flow.name} heute"),
            site.text(f"Energy {day}, by the meter's counter.", f"Energie {day}, aus dem Zählerstand."),
            "kwatth",
            2,
            words.no_data(site),
        )
        beside.append((6, panels.numbers(store, head, energies.energy_sum(store, flow, last_day))))
    if flows:
        head = Head(
            site.text("Cost today", "Kosten heute"),
            site.text(
                f"What import costs less what export earns {day}. By the tariff in the settings, without base price.",
                f"Was der Bezug kostet, abzüglich der Vergütung, {day}. Nach dem Tarif, ohne Grundpreis.",
            ),
            words.currency_unit(site),
            2,
            words.no_price(site),
        )
        cost = site.text("Cost", "Kosten")
        beside.append((6, panels.numbers(store, head, energies.cost_sum(store, flows, cost, last_day))))
        head = Head(
            site.text("Shape unknown today", "Verlauf unbekannt heute"),
            site.text(
                f"How much of the energy {day} was counted while the meter was not read: nobody knows when.",
                f"Wie viel der Energie {day} gezählt wurde, als nicht gelesen wurde: wann, weiß niemand.",
            ),
            "kwatth",
            2,
            words.no_data(site),
        )
        name = site.text("Shape unknown", "Verlauf unbekannt")
        beside.append((6, panels.numbers(store, head, energies.gap_sum(store, flows, name, last_day))))
    return beside


def _power(site: Site, store: Store) -> list[tuple[int, panels.Panel]]:
    total = curves.total_power(site)
    if total is None:
        return []
    mean, least, most = (
        site.text("mean", "Mittel"),
        site.text("lowest", "niedrigste"),
        site.text("highest", "höchste"),
    )
    extents: dict[str, curves.Extent] = {mean: "mean", least: "min", most: "max"}
    shown = [curves.Series(name, total.measurands, total.value, extent) for name, extent in extents.items()]
    head = Head(
        site.text("Power", "Leistung"),
        site.text(
            "Active power: means, and the band between the lowest and the highest reading. Negative: export. "
            "Readings, quarter-hours or hours, by the length of the span; lines end where nothing was read.",
            "Wirkleistung: Mittelwerte, und das Band zwischen niedrigstem und höchstem Messwert. Negativ: Lieferung. "
            "Messwerte, Viertelstunden oder Stunden, je nach Spanne; Linien enden, wo nichts gemessen wurde.",
        ),
        "watt",
        0,
        words.no_data(site),
    )
    panel = panels.curves(store, head, curves.curve(store, shown), site.least_step)
    colors = {mean: panels.BLUE, least: panels.BLUE, most: panels.BLUE}
    return [(24, panels.colored(panels.band(panel, least, most), colors))]


def _phases(site: Site, store: Store) -> list[tuple[int, panels.Panel]]:
    phases = [curves.series(name, id_) for name, id_ in site.phases("active_power")]
    if len(phases) < 2:  # noqa: PLR2004 - of one phase it is the same as the total
        return []
    head = Head(
        site.text("Power per phase", "Leistung je Phase"),
        site.text("Means of the active power of each phase.", "Mittelwerte der Wirkleistung je Phase."),
        "watt",
        0,
        words.no_data(site),
    )
    return [(24, panels.curves(store, head, curves.curve(store, phases), site.least_step))]
