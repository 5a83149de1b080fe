"""The dashboard "Operation": whether data comes, how complete it is, what waits, and how much is kept."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from smartmeter.grafana import panels, words
from smartmeter.grafana.journal import JournalStore
from smartmeter.grafana.page import Group, Page, Row, dashboard, meters_variable
from smartmeter.grafana.panels import GREEN, ORANGE, RED, Head
from smartmeter.grafana.postgresql import PostgresqlStore
from smartmeter.grafana.queries import operations
from smartmeter.grafana.site import Site
from smartmeter.grafana.store import Store

UID = "smartmeter-operation"

LATE_S, LOST_S = 120, 900
ENOUGH, PLENTY = 0.9, 0.99
MANY_WAITING, TOO_MANY_WAITING = 10, 100

Panels = list[tuple[int, panels.Panel]]


def operation(site: Site, store: Store) -> Dashboard:
    """The dashboard for this site."""
    page = Page(
        UID,
        site.text("Smartmeter: Operation", "Smartmeter: Betrieb"),
        site.text(
            "Whether readings come, how many are missing, and what waits.",
            "Ob Messwerte kommen, wie viele fehlen, und was wartet.",
        ),
        begins="now-24h",
        refresh="30s",
    )
    groups = [
        Group(site.text("Readings", "Messwerte"), [Row(6, _ages(site, store)), Row(9, _counts(site, store))]),
        Group(site.text("Counters", "Zählerstände"), [Row(9, _found(site, store))]),
        Group(site.text("Store", "Speicher"), [Row(8, _kept(site, store))]),
    ]
    return dashboard(page, site, [meters_variable(store, site)], groups)


def _ages(site: Site, store: Store) -> Panels:
    age = site.text("Age", "Alter")
    head = Head(
        site.text("Age of the newest reading", "Alter des neuesten Messwerts"),
        site.text(
            "How long ago the newest reading of each meter was taken that is in this store.",
            "Wie lange der neueste Messwert jedes Zählers her ist, der in diesem Speicher liegt.",
        ),
        "s",
        0,
        words.no_data(site),
    )
    steps = ((None, GREEN), (LATE_S, ORANGE), (LOST_S, RED))
    ages = panels.limits(panels.numbers_by_row(store, head, operations.ages(store, age)), *steps)
    head = Head(
        site.text("Readings that were due and came", "Fällige Messwerte, die kamen"),
        site.text(
            "Of the whole quarter-hours in the span, for the meters in the settings. More than 100 % after SIGUSR2.",
            "In den ganzen Viertelstunden der Spanne, für die Zähler in den Einstellungen. Über 100 % nach SIGUSR2.",
        ),
        "percentunit",
        2,
        words.no_data(site),
    )
    sql = operations.completeness(store, site, site.text("Share", "Anteil"))
    shares = panels.limits(panels.numbers_by_row(store, head, sql), (None, RED), (ENOUGH, ORANGE), (PLENTY, GREEN))
    return [(12, ages), (12, shares)]


def _counts(site: Site, store: Store) -> Panels:
    head = Head(
        site.text("Readings per quarter-hour", "Messwerte je Viertelstunde"),
        site.text("By meter. Lines end where none came.", "Je Zähler. Linien enden, wo keine kamen."),
        "none",
        0,
        words.no_data(site),
    )
    sql = operations.counts(store, site.text("Readings", "Messwerte"))
    return [(24, panels.counts(store, head, sql))]


def _found(site: Site, store: Store) -> Panels:
    head = Head(
        site.text("False counter values, resets, replaced meters", "Falsche Zählerstände, Rücksetzungen, Zählertausch"),
        site.text(
            "What kept counter values in the span out of totals, newest first; `smartmeter db repair` tells more.",
            "Was Zählerstände in der Spanne von Summen fernhielt, Neuestes zuerst; mehr sagt `smartmeter db repair`.",
        ),
        "none",
        3,
        site.text("nothing was found", "nichts gefunden"),
    )
    names = (
        site.text("Time", "Zeit"),
        site.text("Meter", "Zähler"),
        site.text("Counter", "Messgröße"),
        site.text("Kind", "Art"),
        site.text("Value", "Wert"),
        site.text("Value before", "Wert davor"),
    )
    panel = panels.listing(store, head, operations.found_values(store, names))
    return [(24, panels.with_units(panel, {names[0]: ("dateTimeAsIso", 0)}))]


def _kept(site: Site, store: Store) -> Panels:
    head = Head(
        site.text("Quarter-hours that wait", "Viertelstunden, die warten"),
        site.text(
            "Quarter-hours with new readings that are not in hours, days and energy yet, and how far back the "
            "oldest begins. A few are normal.",
            "Viertelstunden mit neuen Messwerten, die noch nicht in Stunden, Tagen und Energie stehen, und wie weit "
            "die älteste zurückliegt. Einige sind normal.",
        ),
        "none",
        0,
        site.text("none waits", "keine wartet"),
    )
    count, oldest = site.text("Waiting", "Wartend"), site.text("Oldest", "Älteste")
    panel = panels.numbers(store, head, operations.waiting(store, (count, oldest)))
    panel = panels.limits(panel, (None, GREEN), (MANY_WAITING, ORANGE), (TOO_MANY_WAITING, RED))
    waiting = panels.with_units(panel, {oldest: ("s", 0)})
    if isinstance(store, PostgresqlStore):
        return [(8, waiting), *_sizes(site, store)]
    return [(8, waiting), *_sinks(site, store)] if isinstance(store, JournalStore) else [(8, waiting)]


def _sizes(site: Site, store: PostgresqlStore) -> Panels:
    head = Head(
        site.text("Size of the database", "Größe der Datenbank"),
        site.text("Everything in it, of others too.", "Alles darin, auch von anderen."),
        "bytes",
        1,
        site.text("not known", "nicht bekannt"),
    )
    size = site.text("Size", "Größe")
    whole = panels.numbers(store, head, operations.database_size(store, size))
    head = Head(
        site.text("Size of the tables", "Größe der Tabellen"),
        site.text(
            "With indexes. What TimescaleDB has compressed or keeps as continuous aggregates is not in it; "
            "`smartmeter db status` knows.",
            "Mit Indizes. Was TimescaleDB komprimiert oder als Continuous Aggregate hält, ist nicht dabei; "
            "`smartmeter db status` weiß es.",
        ),
        "bytes",
        1,
        site.text("no tables", "keine Tabellen"),
    )
    tables = panels.listing(store, head, operations.table_sizes(store, (site.text("Table", "Tabelle"), size)))
    return [(4, whole), (12, tables)]


def _sinks(site: Site, store: JournalStore) -> Panels:
    head = Head(
        site.text("Backlog", "Rückstand"),
        site.text(
            "Readings that a sink has not taken yet, by sink.",
            "Messwerte, die ein Ziel noch nicht übernommen hat, je Ziel.",
        ),
        "none",
        0,
        site.text("no sink", "kein Ziel"),
    )
    sql = operations.backlogs(store, site.text("Readings", "Messwerte"))
    backlogs = panels.numbers_by_row(store, head, sql)
    head = Head(
        site.text("Set aside", "Beiseitegelegt"),
        site.text(
            "Readings that a sink refused for good, by sink and error. They stay in the journal.",
            "Messwerte, die ein Ziel endgültig ablehnte, je Ziel und Fehler. Sie bleiben im Journal.",
        ),
        "none",
        0,
        site.text("nothing was refused", "nichts wurde abgelehnt"),
    )
    names = (site.text("Readings", "Messwerte"), site.text("Error", "Fehler"), site.text("Last", "Zuletzt"))
    refused = panels.listing(store, head, operations.refused(store, names))
    return [(6, backlogs), (10, panels.with_units(refused, {names[2]: ("dateTimeAsIso", 0)}))]
