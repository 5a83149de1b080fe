"""The dashboard "Operation": whether data comes, how complete it is, what waits, and how much is kept."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from smartmeter.grafana import panels, words
from smartmeter.grafana.facts import Facts
from smartmeter.grafana.journal import JournalStore
from smartmeter.grafana.page import Group, Page, Row, dashboard, meters_variable
from smartmeter.grafana.panels import GREEN, ORANGE, RED, Head
from smartmeter.grafana.postgresql import PostgresqlStore
from smartmeter.grafana.queries import operations
from smartmeter.grafana.store import Store

UID = "smartmeter-operation"

LATE_S, LOST_S = 120, 900
ENOUGH, PLENTY = 0.9, 0.99
MANY_WAITING, TOO_MANY_WAITING = 10, 100

Panels = list[tuple[int, panels.Panel]]


def operation(facts: Facts, store: Store) -> Dashboard:
    """The dashboard for this site."""
    page = Page(
        UID,
        facts.text("Smartmeter: Operation", "Smartmeter: Betrieb"),
        facts.text(
            "Whether readings come, how many are missing, and what waits.",
            "Ob Messwerte kommen, wie viele fehlen, und was wartet.",
        ),
        begins="now-24h",
        refresh="30s",
    )
    groups = [
        Group(facts.text("Readings", "Messwerte"), [Row(6, _ages(facts, store)), Row(9, _counts(facts, store))]),
        Group(facts.text("Buses", "Leitungen"), [Row(8, _buses(facts, store))]),
        Group(facts.text("Counters", "Zählerstände"), [Row(9, _found(facts, store))]),
        Group(facts.text("Store", "Speicher"), [Row(8, _kept(facts, store))]),
    ]
    return dashboard(page, facts, [meters_variable(store, facts)], groups)


def _ages(facts: Facts, store: Store) -> Panels:
    age = facts.text("Age", "Alter")
    head = Head(
        facts.text("Age of the newest reading", "Alter des neuesten Messwerts"),
        facts.text(
            "How long ago the newest reading of each meter was taken that is in this store.",
            "Wie lange der neueste Messwert jedes Zählers her ist, der in diesem Speicher liegt.",
        ),
        "s",
        0,
        words.no_data(facts),
    )
    steps = ((None, GREEN), (LATE_S, ORANGE), (LOST_S, RED))
    ages = panels.limits(panels.numbers_by_row(store, head, operations.ages(store, age)), *steps)
    head = Head(
        facts.text("Readings that were due and came", "Fällige Messwerte, die kamen"),
        facts.text(
            "Of the whole quarter-hours in the span, for the meters in the settings. More than 100 % after SIGUSR2.",
            "In den ganzen Viertelstunden der Spanne, für die Zähler in den Einstellungen. Über 100 % nach SIGUSR2.",
        ),
        "percentunit",
        2,
        words.no_data(facts),
    )
    sql = operations.completeness(store, facts, facts.text("Share", "Anteil"))
    shares = panels.limits(panels.numbers_by_row(store, head, sql), (None, RED), (ENOUGH, ORANGE), (PLENTY, GREEN))
    return [(12, ages), (12, shares)]


def _counts(facts: Facts, store: Store) -> Panels:
    head = Head(
        facts.text("Readings per quarter-hour", "Messwerte je Viertelstunde"),
        facts.text(
            "By meter; in long spans the mean of each hour. Lines end where none came.",
            "Je Zähler; in langen Spannen das Mittel jeder Stunde. Linien enden, wo keine kamen.",
        ),
        "none",
        0,
        words.no_data(facts),
    )
    sql = operations.counts(store, facts.text("Readings", "Messwerte"))
    return [(24, panels.counts(store, head, sql))]


def _buses(facts: Facts, store: Store) -> Panels:
    nothing = words.no_data(facts)
    load = Head(
        facts.text("Bus load", "Auslastung der Leitungen"),
        facts.text(
            "The share of each quarter-hour in which the line was busy: requests, answers, and waiting for those "
            "that did not come.",
            "Der Anteil jeder Viertelstunde, in dem die Leitung belegt war: Anfragen, Antworten und das Warten auf "
            "solche, die nicht kamen.",
        ),
        "percentunit",
        1,
        nothing,
    )
    failures = Head(
        facts.text("Requests without a good answer", "Anfragen ohne gute Antwort"),
        facts.text(
            "By bus and quarter-hour: no answer, or one that was broken off, damaged, another's or an exception.",
            "Je Leitung und Viertelstunde: keine Antwort, oder eine abgebrochene, beschädigte, fremde oder Ausnahme.",
        ),
        "none",
        0,
        nothing,
    )
    skipped = Head(
        facts.text("Rounds skipped", "Übersprungene Durchgänge"),
        facts.text(
            "By bus and quarter-hour: rounds that would have begun too late because the line was busy.",
            "Je Leitung und Viertelstunde: Durchgänge, die zu spät begonnen hätten, weil die Leitung belegt war.",
        ),
        "none",
        0,
        nothing,
    )
    backlog = Head(
        facts.text("Backlog", "Rückstand"),
        facts.text(
            "Readings that waited for each sink, by quarter-hour. While a database is away its own dashboard cannot "
            "know; it is brought over afterwards.",
            "Messwerte, die auf jedes Ziel warteten, je Viertelstunde. Ist eine Datenbank fort, weiß ihr eigenes "
            "Dashboard davon erst danach.",
        ),
        "none",
        0,
        nothing,
    )
    asked = ((load, "bus", "load"), (failures, "bus", "failures"), (skipped, "bus", "skipped"))
    shown = [(head, operations.health(store, part, quantity)) for head, part, quantity in asked]
    shown.append((backlog, operations.health(store, "sink", "backlog")))
    return [(6, panels.counts(store, head, sql)) for head, sql in shown]


def _found(facts: Facts, store: Store) -> Panels:
    head = Head(
        facts.text(
            "False counter values, resets, replaced meters", "Falsche Zählerstände, Rücksetzungen, Zählertausch"
        ),
        facts.text(
            "What kept counter values in the span out of totals, newest first; `smartmeter db repair` tells more.",
            "Was Zählerstände in der Spanne von Summen fernhielt, Neuestes zuerst; mehr sagt `smartmeter db repair`.",
        ),
        "none",
        3,
        facts.text("nothing was found", "nichts gefunden"),
    )
    names = (
        facts.text("Time", "Zeit"),
        facts.text("Meter", "Zähler"),
        facts.text("Counter", "Messgröße"),
        facts.text("Kind", "Art"),
        facts.text("Value", "Wert"),
        facts.text("Value before", "Wert davor"),
    )
    panel = panels.listing(store, head, operations.found_values(store, names))
    return [(24, panels.with_units(panel, {names[0]: ("dateTimeAsIso", 0)}))]


def _kept(facts: Facts, store: Store) -> Panels:
    head = Head(
        facts.text("Quarter-hours that wait", "Viertelstunden, die warten"),
        facts.text(
            "Quarter-hours with new readings that are not in hours, days and energy yet, and how far back the "
            "oldest begins. A few are normal.",
            "Viertelstunden mit neuen Messwerten, die noch nicht in Stunden, Tagen und Energie stehen, und wie weit "
            "die älteste zurückliegt. Einige sind normal.",
        ),
        "none",
        0,
        facts.text("none waits", "keine wartet"),
    )
    count, oldest = facts.text("Waiting", "Wartend"), facts.text("Oldest", "Älteste")
    panel = panels.numbers(store, head, operations.waiting(store, (count, oldest)))
    panel = panels.limits(panel, (None, GREEN), (MANY_WAITING, ORANGE), (TOO_MANY_WAITING, RED))
    waiting = panels.with_units(panel, {oldest: ("s", 0)})
    if isinstance(store, PostgresqlStore):
        return [(8, waiting), *_sizes(facts, store)]
    return [(8, waiting), *_sinks(facts, store)] if isinstance(store, JournalStore) else [(8, waiting)]


def _sizes(facts: Facts, store: PostgresqlStore) -> Panels:
    head = Head(
        facts.text("Size of the database", "Größe der Datenbank"),
        facts.text("Everything in it, of others too.", "Alles darin, auch von anderen."),
        "bytes",
        1,
        facts.text("not known", "nicht bekannt"),
    )
    size = facts.text("Size", "Größe")
    whole = panels.numbers(store, head, operations.database_size(store, size))
    head = Head(
        facts.text("Size of the tables", "Größe der Tabellen"),
        facts.text(
            "With indexes. What TimescaleDB has compressed or keeps as continuous aggregates is not in it; "
            "`smartmeter db status` knows.",
            "Mit Indizes. Was TimescaleDB komprimiert oder als Continuous Aggregate hält, ist nicht dabei; "
            "`smartmeter db status` weiß es.",
        ),
        "bytes",
        1,
        facts.text("no tables", "keine Tabellen"),
    )
    tables = panels.listing(store, head, operations.table_sizes(store, (facts.text("Table", "Tabelle"), size)))
    return [(4, whole), (12, tables)]


def _sinks(facts: Facts, store: JournalStore) -> Panels:
    head = Head(
        facts.text("Backlog now", "Rückstand jetzt"),
        facts.text(
            "Readings that a sink has not taken yet, by sink.",
            "Messwerte, die ein Ziel noch nicht übernommen hat, je Ziel.",
        ),
        "none",
        0,
        facts.text("no sink", "kein Ziel"),
    )
    sql = operations.backlogs(store, facts.text("Readings", "Messwerte"))
    backlogs = panels.numbers_by_row(store, head, sql)
    head = Head(
        facts.text("Set aside", "Beiseitegelegt"),
        facts.text(
            "Readings that a sink refused for good, by sink and error. They stay in the journal.",
            "Messwerte, die ein Ziel endgültig ablehnte, je Ziel und Fehler. Sie bleiben im Journal.",
        ),
        "none",
        0,
        facts.text("nothing was refused", "nichts wurde abgelehnt"),
    )
    names = (facts.text("Readings", "Messwerte"), facts.text("Error", "Fehler"), facts.text("Last", "Zuletzt"))
    refused = panels.listing(store, head, operations.refused(store, names))
    return [(6, backlogs), (10, panels.with_units(refused, {names[2]: ("dateTimeAsIso", 0)}))]
