"""The dashboard "Power quality": what EN 50160 sets limits to, with the limits drawn.

EN 50160:2010: frequency 50 Hz +-1 % (4.2.1), voltage 230 V +-10 % (4.2.2), unbalance 2 % (4.2.4), THD 8 % (4.2.5), each
for 95 % of a week's 10-minute means (the frequency: for 99.5 % of a year's 10-second means).
"""

from collections.abc import Sequence

from grafana_foundation_sdk.models.dashboard import Dashboard

from smartmeter.grafana import panels, words
from smartmeter.grafana.facts import Facts
from smartmeter.grafana.page import Group, Page, Row, dashboard, meter_variable
from smartmeter.grafana.panels import GREEN, RED, Head
from smartmeter.grafana.queries import curves
from smartmeter.grafana.queries.curves import Column, Series
from smartmeter.grafana.store import Store

UID = "smartmeter-power-quality"

LEAST_V, MOST_V = 207, 253
LEAST_HZ, MOST_HZ = 49.5, 50.5
MOST_UNBALANCE = 2
MOST_THD = 8
SHARE, SHARE_HZ = 0.95, 0.995

_THREE = 3
Panels = list[tuple[int, panels.Panel]]


def power_quality(facts: Facts, store: Store) -> Dashboard:
    """The dashboard for this site."""
    page = Page(
        UID,
        facts.text("Smartmeter: Power quality", "Smartmeter: Netzqualität"),
        facts.text(
            "Voltage, unbalance, frequency, power factor and distortion, with the limits of EN 50160.",
            "Spannung, Unsymmetrie, Frequenz, Leistungsfaktor und Verzerrung, mit den Grenzen der EN 50160.",
        ),
        begins="now-7d",
        refresh="5m",
    )
    voltages = _phases(facts, "voltage")
    unbalance = _unbalance(facts, store)
    groups = [
        Group(facts.text("Share within the limits", "Anteil innerhalb der Grenzen"), [Row(5, _shares(facts, store))]),
        Group(
            facts.text("Voltage", "Spannung"),
            [
                Row(10, _voltage(facts, store, voltages)),
                Row(8, _extremes(facts, store, voltages) + _unbalance_panel(facts, store, unbalance)),
            ],
        ),
        Group(
            facts.text("Frequency and power factor", "Frequenz und Leistungsfaktor"),
            [Row(8, _frequency(facts, store) + _power_factor(facts, store))],
        ),
        Group(
            facts.text("Distortion", "Verzerrung"),
            [Row(8, _voltage_thd(facts, store) + _current_thd(facts, store))],
        ),
    ]
    return dashboard(page, facts, [meter_variable(store, facts)], groups)


def _phases(facts: Facts, stem: str) -> list[Series]:
    return [curves.series(name, id_) for name, id_ in facts.phases(stem)]


def _unbalance(facts: Facts, store: Store) -> list[Series]:
    """The largest deviation of one of three voltages from their mean, in % of it; between phases if measured."""
    between, to_n = ("voltage_l1_l2", "voltage_l2_l3", "voltage_l3_l1"), ("voltage_l1", "voltage_l2", "voltage_l3")
    three = between if facts.has(*between) else to_n

    def value(column: Column) -> str:
        voltages = [column(id_) for id_ in three]
        mean = f"(({' + '.join(voltages)}) / 3)"
        deviations = ", ".join(f"abs({voltage} - {mean})" for voltage in voltages)
        return f"100 * {store.greatest}({deviations}) / nullif({mean}, 0)"

    return [Series(facts.text("Unbalance", "Unsymmetrie"), three, value)] if facts.has(*three) else []


def _shares(facts: Facts, store: Store) -> Panels:
    shares: list[tuple[str, str, list[Series], float, float, float]] = [
        (
            facts.text("Voltage within 207 to 253 V", "Spannung in 207 bis 253 V"),
            facts.text("EN 50160, 4.2.2, wants 95 %.", "EN 50160, 4.2.2, verlangt 95 %."),
            _phases(facts, "voltage"),
            LEAST_V,
            MOST_V,
            SHARE,
        ),
        (
            facts.text("Frequency within 49.5 to 50.5 Hz", "Frequenz in 49,5 bis 50,5 Hz"),
            facts.text("EN 50160, 4.2.1, wants 99.5 %.", "EN 50160, 4.2.1, verlangt 99,5 %."),
            [curves.series(facts.text("Frequency", "Frequenz"), "frequency")] if facts.has("frequency") else [],
            LEAST_HZ,
            MOST_HZ,
            SHARE_HZ,
        ),
        (
            facts.text("Unbalance up to 2 %", "Unsymmetrie bis 2 %"),
            facts.text("EN 50160, 4.2.4, wants 95 %.", "EN 50160, 4.2.4, verlangt 95 %."),
            _unbalance(facts, store),
            0,
            MOST_UNBALANCE,
            SHARE,
        ),
        (
            facts.text("Voltage THD up to 8 %", "THD der Spannung bis 8 %"),
            facts.text("EN 50160, 4.2.5, wants 95 %.", "EN 50160, 4.2.5, verlangt 95 %."),
            _phases(facts, "voltage_thd"),
            0,
            MOST_THD,
            SHARE,
        ),
    ]
    means = facts.text(
        " Here: means of quarter-hours, or of hours in spans of more than some weeks; the standard takes 10 minutes.",
        " Hier: Mittel von Viertelstunden, in Spannen über einige Wochen von Stunden; die Norm nimmt 10 Minuten.",
    )
    there = [each for each in shares if each[2]]
    beside: Panels = []
    for title, wanted, shown, least, most, enough in there:
        head = Head(title, wanted + means, "percentunit", 2, words.no_data(facts))
        panel = panels.numbers(store, head, curves.shares_within(store, shown, least, most))
        beside.append((24 // len(there), panels.limits(panel, (None, RED), (enough, GREEN))))
    return beside


def _voltage(facts: Facts, store: Store, voltages: list[Series]) -> Panels:
    head = Head(
        facts.text("Voltage", "Spannung"),
        facts.text(
            "Means of each phase, with the limits of EN 50160, 4.2.2: 230 V ±10 %.",
            "Mittel je Phase, mit den Grenzen der EN 50160, 4.2.2: 230 V ±10 %.",
        ),
        "volt",
        1,
        words.no_data(facts),
    )
    return _limited(facts, store, head, voltages, (None, RED), (LEAST_V, GREEN), (MOST_V, RED), width=24)


def _extremes(facts: Facts, store: Store, voltages: list[Series]) -> Panels:
    head = Head(
        facts.text("Lowest and highest voltage", "Niedrigste und höchste Spannung"),
        facts.text(
            "The lowest and the highest reading of any phase.", "Der niedrigste und der höchste Messwert aller Phasen."
        ),
        "volt",
        1,
        words.no_data(facts),
    )
    ids = tuple(id_ for each in voltages for id_ in each.measurands)

    def of_all(function: str, column: Column) -> str:
        return f"{function}({', '.join(map(column, ids))})" if len(ids) > 1 else column(ids[0])

    shown = [
        Series(facts.text("Lowest", "Niedrigste"), ids, lambda column: of_all(store.least, column), "min"),
        Series(facts.text("Highest", "Höchste"), ids, lambda column: of_all(store.greatest, column), "max"),
    ]
    return _limited(facts, store, head, shown if ids else [], (None, RED), (LEAST_V, GREEN), (MOST_V, RED))


def _unbalance_panel(facts: Facts, store: Store, unbalance: list[Series]) -> Panels:
    head = Head(
        facts.text("Unbalance", "Unsymmetrie"),
        facts.text(
            "The largest deviation of a voltage from the mean of the three, an estimate of the negative sequence, with "
            "the limit of EN 50160, 4.2.4: 2 %.",
            "Die größte Abweichung einer Spannung vom Mittel der drei, eine Näherung des Gegensystems, mit der Grenze "
            "der EN 50160, 4.2.4: 2 %.",
        ),
        "percent",
        2,
        words.no_data(facts),
    )
    return _limited(facts, store, head, unbalance, (None, GREEN), (MOST_UNBALANCE, RED))


def _frequency(facts: Facts, store: Store) -> Panels:
    head = Head(
        facts.text("Frequency", "Frequenz"),
        facts.text(
            "Mean, lowest and highest reading, with the limits of EN 50160, 4.2.1: 50 Hz ±1 %.",
            "Mittel, niedrigster und höchster Messwert, mit den Grenzen der EN 50160, 4.2.1: 50 Hz ±1 %.",
        ),
        "hertz",
        2,
        words.no_data(facts),
    )
    shown = [
        curves.series(facts.text("mean", "Mittel"), "frequency"),
        curves.series(facts.text("lowest", "niedrigste"), "frequency", "min"),
        curves.series(facts.text("highest", "höchste"), "frequency", "max"),
    ]
    there = shown if facts.has("frequency") else []
    return _limited(facts, store, head, there, (None, RED), (LEAST_HZ, GREEN), (MOST_HZ, RED))


def _power_factor(facts: Facts, store: Store) -> Panels:
    head = Head(
        facts.text("Power factor", "Leistungsfaktor"),
        facts.text(
            "Means. What the sign says depends on the meter: direction of the current, or capacitive and inductive.",
            "Mittel. Was das Vorzeichen sagt, hängt vom Zähler ab: Stromrichtung, oder kapazitiv und induktiv.",
        ),
        "none",
        3,
        words.no_data(facts),
    )
    shown = _phases(facts, "power_factor")
    if facts.has("power_factor_total"):
        shown.append(curves.series(facts.text("total", "gesamt"), "power_factor_total"))
    return _limited(facts, store, head, shown)


def _voltage_thd(facts: Facts, store: Store) -> Panels:
    head = Head(
        facts.text("THD of the voltage", "THD der Spannung"),
        facts.text(
            "Means of each phase, with the limit of EN 50160, 4.2.5: 8 %.",
            "Mittel je Phase, mit der Grenze der EN 50160, 4.2.5: 8 %.",
        ),
        "percent",
        1,
        words.no_data(facts),
    )
    return _limited(facts, store, head, _phases(facts, "voltage_thd"), (None, GREEN), (MOST_THD, RED))


def _current_thd(facts: Facts, store: Store) -> Panels:
    head = Head(
        facts.text("THD of the current", "THD des Stroms"),
        facts.text(
            "Means of each phase. EN 50160 sets it no limit; at small currents it is large and means little.",
            "Mittel je Phase. Die EN 50160 setzt keine Grenze; bei kleinen Strömen ist er groß und sagt wenig.",
        ),
        "percent",
        1,
        words.no_data(facts),
    )
    return _limited(facts, store, head, _phases(facts, "current_thd"))


def _limited(
    facts: Facts, store: Store, head: Head, shown: Sequence[Series], *steps: tuple[float | None, str], width: int = 12
) -> Panels:
    """The panel with these curves and limits; none if there are no curves."""
    if not shown:
        return []
    panel = panels.curves(store, head, curves.curve(store, shown), facts.least_step)
    return [(width, panels.drawn(panels.limits(panel, *steps)) if steps else panel)]
