"""Queries about the measuring itself: how old data is, how complete, and what waits."""

from smartmeter.grafana.facts import Facts
from smartmeter.grafana.journal import JournalStore
from smartmeter.grafana.postgresql import PostgresqlStore
from smartmeter.grafana.queries.curves import QUARTERS_BELOW_MS
from smartmeter.grafana.sql import fill, identifier, listed, literal
from smartmeter.grafana.store import Store

FLAGS_SHOWN = 100


def ages(store: Store, name: str) -> str:
    """The age of the newest reading of each of the chosen meters, in seconds."""
    return fill(
        """
        SELECT known.meter AS meter, {now_s} - {newest_s} AS {name}
        FROM (SELECT DISTINCT meter FROM {days} WHERE meter IN ({meter})) AS known ORDER BY 1
        """,
        now_s=store.now_s,
        newest_s=store.newest_time,
        name=identifier(name),
        days=store.rollup("1d"),
    )


def counts(store: Store, name: str) -> str:
    """The number of readings in each quarter-hour, by meter; in long spans the mean of each hour's four."""
    return fill(
        """
        SELECT {shown} AS "time", meter, n * 1.0 AS {name} FROM {quarters}
        WHERE meter IN ({meter}) AND {in_span} AND $__interval_ms < {quarters_below}
        UNION ALL
        SELECT {shown}, meter, n / 4.0 FROM {hours}
        WHERE meter IN ({meter}) AND {in_span} AND $__interval_ms >= {quarters_below}
        ORDER BY 1, 2
        """,
        shown=store.shown_time,
        name=identifier(name),
        quarters=store.rollup("15m"),
        hours=store.rollup("1h"),
        in_span=store.in_span,
        quarters_below=str(QUARTERS_BELOW_MS),
    )


def completeness(store: Store, facts: Facts, name: str) -> str:
    """The readings of the whole quarter-hours in the span, as a share of those that were due, by meter.

    For meters of the settings: what was due of others is not known.
    """
    due = " ".join(f"WHEN {literal(each.name)} THEN {each.readings_per_quarter!r}" for each in facts.meters)
    first, last = f"({store.from_s} + 899) / 900", f"{store.least}({store.until_s}, {store.now_s}) / 900"
    return fill(
        """
        SELECT meter, sum(n) / ((CASE meter {due} END) * nullif({last} - {first}, 0)) AS {name} FROM {quarters}
        WHERE meter IN ({meter}) AND {time} >= {begin} AND {time} < {end} GROUP BY 1 ORDER BY 1
        """,
        due=due,
        first=first,
        last=last,
        name=identifier(name),
        quarters=store.rollup("15m"),
        time=store.time,
        begin=store.moment(f"{first} * 900"),
        end=store.moment(f"{last} * 900"),
    )


def waiting(store: Store, names: tuple[str, str]) -> str:
    """How many quarter-hours of the chosen meters wait for their roll-up, and for how long the oldest lies back."""
    return fill(
        """
        SELECT count(*) AS {count}, {now_s} - {oldest_s} AS {age} FROM {dirty} WHERE meter IN ({meter})
        """,
        count=identifier(names[0]),
        age=identifier(names[1]),
        now_s=store.now_s,
        oldest_s=store.seconds(f"min({store.time})"),
        dirty=store.dirty,
    )


def found_values(store: Store, names: tuple[str, str, str, str, str, str]) -> str:
    """What the guard flagged in the span; `names`: time, meter, counter, kind, value, value before."""
    when, meter, counter, kind, value, before = map(identifier, names)
    return fill(
        """
        SELECT {shown} AS {when}, meter AS {of_meter}, measurand AS {counter}, kind AS {kind}, value AS {value},
          before AS {before} FROM {flags} WHERE meter IN ({meter}) AND {in_span} ORDER BY 1 DESC LIMIT {most}
        """,
        shown=store.shown_time,
        when=when,
        of_meter=meter,
        counter=counter,
        kind=kind,
        value=value,
        before=before,
        flags=store.flags,
        in_span=store.in_span,
        most=str(FLAGS_SHOWN),
    )


def health(store: Store, part: str, quantity: str) -> str:
    """What was noted on a quantity of every bus or sink, by quarter-hour; a line is named like a meter's."""
    return fill(
        """
        SELECT {shown} AS "time", name AS meter, value FROM {health}
        WHERE part = {part} AND quantity = {quantity} AND {in_span} ORDER BY 1, 2
        """,
        shown=store.shown_time,
        health=store.health,
        part=literal(part),
        quantity=literal(quantity),
        in_span=store.in_span,
    )


def backlogs(store: JournalStore, name: str) -> str:
    """How many readings each sink has not yet taken."""
    del store
    return fill(
        """
        SELECT sink, (SELECT coalesce(max(sequence), 0) FROM reading) - sequence AS {name} FROM cursor ORDER BY 1
        """,
        name=identifier(name),
    )


def refused(store: JournalStore, names: tuple[str, str, str]) -> str:
    """What sinks refused for good, by sink and error; `names`: how many, the error, the last time."""
    del store
    number, error, last = map(identifier, names)
    return fill(
        """
        SELECT sink, count(*) AS {number}, error AS {error}, max(at_us) / 1000000 AS {last} FROM set_aside
        GROUP BY sink, error ORDER BY max(at_us) DESC LIMIT {most}
        """,
        number=number,
        error=error,
        last=last,
        most=str(FLAGS_SHOWN),
    )


def table_sizes(store: PostgresqlStore, names: tuple[str, str]) -> str:
    """The bytes of the raw table and of those beside it, with their indexes and parts; `names`: table, size.

    Of what TimescaleDB keeps elsewhere (compressed parts, continuous aggregates) nothing is known here.
    """
    suffixes = ("", "_15m", "_1h", "_1d", "_energy_15m", "_energy_1h", "_energy_1d")
    rows = [f"({literal(store.table + each)}, to_regclass({literal(store.beside(each))}))" for each in suffixes]
    return fill(
        """
        SELECT name AS {name}, pg_total_relation_size(oid) + coalesce((SELECT sum(pg_total_relation_size(inhrelid))
          FROM pg_inherits WHERE inhparent = oid), 0)::int8 AS {size}
        FROM (VALUES {rows}) AS kept (name, oid) WHERE oid IS NOT NULL ORDER BY 2 DESC
        """,
        name=identifier(names[0]),
        size=identifier(names[1]),
        rows=listed(rows),
    )


def database_size(store: PostgresqlStore, name: str) -> str:
    """The bytes of the whole database."""
    del store
    return fill("SELECT pg_database_size(current_database()) AS {name}", name=identifier(name))
