"""A year of readings in PostgreSQL: what keeping roll-ups and energy costs, and how fast a year is shown from them.

A real server on this machine, as it comes (fsync on). The year is made by the server itself. Then everything is rolled
up, as after `smartmeter db init` beside a table that is full already (a backlog). At last some more minutes come as
they do live: twelve readings, then a refresh.

    python benchmarks/rollups.py [--days N] [--columns all]

Bars: a query of the year view 50 ms, upkeep 2 ms a reading, the day report of a year 1 s.
"""

import argparse
import asyncio
import platform
import statistics
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import LiteralString
from zoneinfo import ZoneInfo

import psycopg
from lib.postgresql import server
from psycopg import sql

from smartmeter.daemon import keep_pauses_short
from smartmeter.energy.site import Rating, Site
from smartmeter.energy.tariff import Tariff
from smartmeter.grafana.postgresql import PostgresqlStore
from smartmeter.journal.entry import Entry
from smartmeter.measurands import measurands
from smartmeter.models.catalogue import load_model
from smartmeter.reading import Reading
from smartmeter.settings.model import MeterSettings, PostgresqlSettings
from smartmeter.sinks.postgresql import PostgresqlSink
from smartmeter.sinks.postgresql.access import Target, opened
from smartmeter.sinks.postgresql.history import PostgresqlHistory
from smartmeter.sinks.postgresql.store import ensure_store
from smartmeter.sinks.postgresql.upkeep import refresh, upkeep_of

MODEL = load_model("SDM530")
# What most people have read every few seconds.
USUAL = (
    *(f"{quantity}_{phase}" for quantity in ("voltage", "current", "active_power") for phase in ("l1", "l2", "l3")),
    *(f"power_factor_{phase}" for phase in ("l1", "l2", "l3")),
    *("active_power_total", "apparent_power_total", "reactive_power_total", "power_factor_total", "frequency"),
    *("active_energy_import", "active_energy_export", "reactive_energy_import", "reactive_energy_export"),
)
ZONE = ZoneInfo("Europe/Berlin")
SITE = Site(ZONE, (Tariff(price=0.30, feed_in=0.08),), {"haus": Rating(100.0, 3)})
START = datetime(2025, 1, 1, tzinfo=ZONE).astimezone(UTC)
INTERVAL_US = 5_000_000
READINGS_A_MINUTE = 12
LIVE_MINUTES = 60
ROUNDS = 5

QUERY_BAR_MS = 50.0
UPKEEP_BAR_MS = 2.0
REPORT_BAR_S = 1.0

_HOURS_OR_DAYS: dict[str, LiteralString] = {"365 days": "1d", "8760 hours": "1h"}


def meter(ids: Sequence[str]) -> MeterSettings:
    return MeterSettings("haus", MODEL, 1, dict.fromkeys(ids, INTERVAL_US))


def fill(settings: PostgresqlSettings, ids: Sequence[str], days: int) -> int:
    """Make the table and its readings; gives how many."""
    columns = sql.SQL(", ").join(map(sql.Identifier, ids))
    with psycopg.connect(host=settings.host, port=settings.port, user="postgres", autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE TABLE smartmeter (ts timestamptz NOT NULL, meter text NOT NULL, {})").format(
                sql.SQL(", ").join(sql.SQL("{} double precision").format(sql.Identifier(id_)) for id_ in ids)
            )
        )
        values = sql.SQL(", ").join(_value(number, id_) for number, id_ in enumerate(ids))
        made = connection.execute(
            sql.SQL(
                "INSERT INTO smartmeter (ts, meter, {}) SELECT ts, 'haus', {} FROM ("
                "SELECT ts, extract(epoch FROM ts - %(start)s)::float8 AS s, random() AS r"
                "  FROM generate_series(%(start)s, %(end)s, interval '5 seconds') AS ts) AS moment"
            ).format(columns, values),
            {"start": START, "end": START + timedelta(days=days) - timedelta(seconds=5)},
        ).rowcount
        connection.execute("ALTER TABLE smartmeter ADD PRIMARY KEY (meter, ts)")
        connection.execute("ANALYZE smartmeter")
    return made


def _value(number: int, id_: str) -> sql.Composed:
    """A counter that grows by 0.4 units an hour and more, or a value that swings."""
    if measurands()[id_].kind == "counter":
        return sql.SQL("round((s * {})::numeric, 3)::float8").format(0.4 / 3600 * (1 + number / 10))
    return sql.SQL("round((200 + {} + 10 * sin(s / 13751) + 5 * r)::numeric, 1)::float8").format(number)


async def roll_up_everything(settings: PostgresqlSettings) -> float:
    """The seconds that it takes."""
    async with opened(Target(settings, ("haus",), frozenset(), "en", SITE)) as found:
        store = await ensure_store(found.connection, found.table, found.layout, ZONE)
        upkeep = upkeep_of(found.connection, store, SITE)
        started_s = time.perf_counter()
        while await refresh(found.connection, upkeep):
            pass
        return time.perf_counter() - started_s


async def live(settings: PostgresqlSettings, ids: Sequence[str], days: int) -> float:
    """Milliseconds of upkeep a reading, as it comes live."""
    sink = PostgresqlSink(settings, [meter(ids)], "en", SITE)
    taken_s: list[float] = []
    first_us = int((START + timedelta(days=days)).timestamp()) * 1_000_000
    for minute in range(LIVE_MINUTES):
        numbers = range(minute * READINGS_A_MINUTE, (minute + 1) * READINGS_A_MINUTE)
        readings = (
            Reading("haus", first_us + n * INTERVAL_US, "boot", 0, dict.fromkeys(ids, 10000.0 + n / 1000))
            for n in numbers
        )
        await sink.write([Entry(n, reading) for n, reading in zip(numbers, readings, strict=True)])
        started_s = time.perf_counter()
        await sink.roll_up()
        taken_s.append(time.perf_counter() - started_s)
    await sink.close()
    return statistics.fmean(taken_s[1:]) * 1000 / READINGS_A_MINUTE


def queries(days: int) -> dict[str, tuple[LiteralString, dict[str, object]]]:
    """What the year view asks, by what it shows."""
    span = {"from": START, "until": START + timedelta(days=days)}
    where: LiteralString = "meter = 'haus' AND ts >= %(from)s AND ts < %(until)s"
    asked: dict[str, tuple[LiteralString, dict[str, object]]] = {
        "energy and cost of 12 months": (
            "SELECT date_trunc('month', ts, 'Europe/Berlin'), sum(energy), sum(cost) FROM smartmeter_energy_1d"
            " WHERE measurand = 'active_energy_import' AND " + where + " GROUP BY 1 ORDER BY 1",
            span,
        )
    }
    for shown, period in _HOURS_OR_DAYS.items():
        asked[f"energy of {shown}"] = (
            "SELECT ts, energy FROM smartmeter_energy_"
            + period
            + " WHERE measurand = 'active_energy_import' AND "
            + where
            + " ORDER BY ts",
            span,
        )
        asked[f"mean, min and max of {shown}"] = (
            "SELECT ts, voltage_l1_mean, voltage_l1_min, voltage_l1_max FROM smartmeter_"
            + period
            + " WHERE "
            + where
            + " ORDER BY ts",
            span,
        )
    return asked


def ask(settings: PostgresqlSettings, days: int) -> dict[str, float]:
    """Milliseconds by query, the median of some rounds on a connection that has just been made."""
    with psycopg.connect(host=settings.host, port=settings.port, user="postgres", autocommit=True) as connection:
        connection.execute("ANALYZE")
        return {
            shown: statistics.median(_milliseconds(connection, query, parameters) for _ in range(ROUNDS))
            for shown, (query, parameters) in queries(days).items()
        }


def _milliseconds(connection: psycopg.Connection, query: str, parameters: dict[str, object]) -> float:
    started_s = time.perf_counter()
    # Without parameters a % is what it is.
    connection.execute(query.encode(), parameters or None).fetchall()
    return (time.perf_counter() - started_s) * 1000


def panels(settings: PostgresqlSettings, ids: Sequence[str], days: int) -> dict[str, float]:
    """Milliseconds of each panel for the whole span, with Grafana's macros expanded as Grafana does."""
    sys.path.append(str(Path(__file__).parents[1]))
    from tests.grafana import dashboards, macros  # noqa: PLC0415 - they lie with the tests that prove them

    site = dashboards.settings(meter(ids), postgresql=settings)
    store = PostgresqlStore(None, settings.table, "en", ZONE.key)
    from_us = int(START.timestamp()) * 1_000_000
    asked = macros.Asked(from_us, from_us + days * 86_400_000_000, {"meter": "haus", "period": "1d"})
    with psycopg.connect(host=settings.host, port=settings.port, user="postgres", autocommit=True) as connection:
        connection.execute("ANALYZE")
        return {
            str(target): statistics.median(
                _milliseconds(connection, macros.postgresql(target.sql, asked, target.least_step), {})
                for _ in range(ROUNDS)
            )
            for target in dashboards.targets(store, site)
        }


async def day_report(settings: PostgresqlSettings, ids: Sequence[str], days: int) -> float:
    """The seconds for what a report of a year by days reads: energy, gaps, cost, peaks, flags."""
    history = PostgresqlHistory(settings, [meter(ids)], "en")
    from_us = int(START.timestamp()) * 1_000_000
    until_us = from_us + days * 86_400_000_000
    counters = [id_ for id_ in ids if measurands()[id_].kind == "counter"]
    await history.meters()
    started_s = time.perf_counter()
    await history.energy("haus", counters, "1d", from_us, until_us)
    await history.energy("haus", ["active_energy_import"], "15m", from_us, until_us)
    await history.rollups("haus", ["voltage_l1_min", "voltage_l1_max"], "1d", from_us, until_us)
    await history.flags("haus", from_us, until_us)
    taken_s = time.perf_counter() - started_s
    await history.close()
    return taken_s


def sizes(settings: PostgresqlSettings) -> str:
    query = """SELECT relname, pg_total_relation_size(oid) / 1e6 FROM pg_class
                WHERE relname LIKE 'smartmeter%' AND relkind = 'r' ORDER BY 2 DESC LIMIT 7"""
    with psycopg.connect(host=settings.host, port=settings.port, user="postgres") as connection:
        return ", ".join(f"{name} {megabytes:.1f} MB" for name, megabytes in connection.execute(query).fetchall())


def judged(what: str, value: float, bar: float, unit: str) -> bool:
    held = value <= bar
    print(f"{what}: {value:.2f} {unit} (bar {bar:g}): {'held' if held else 'MISSED'}")
    return held


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=365, help="days of readings at 5 s, default a year")
    parser.add_argument(
        "--columns", choices=("usual", "all"), default="usual", help="all: the 68 values of the SDM530, 4 GB a year"
    )
    arguments = parser.parse_args()
    ids = [id_ for id_ in MODEL.registers if arguments.columns == "all" or id_ in USUAL]
    keep_pauses_short()
    print(f"{platform.machine()}, {platform.system()} {platform.release()}, Python {platform.python_version()}")
    with server() as settings:
        started_s = time.perf_counter()
        readings = fill(settings, ids, arguments.days)
        print(f"{readings} readings of {len(ids)} values made in {time.perf_counter() - started_s:.0f} s")
        taken_s = asyncio.run(roll_up_everything(settings))
        print(f"all rolled up in {taken_s:.0f} s; {sizes(settings)}")
        held = [
            judged("upkeep in a backlog, a reading", taken_s * 1000 / readings, UPKEEP_BAR_MS, "ms"),
            judged("upkeep live, a reading", asyncio.run(live(settings, ids, arguments.days)), UPKEEP_BAR_MS, "ms"),
        ]
        held += [judged(shown, taken, QUERY_BAR_MS, "ms") for shown, taken in ask(settings, arguments.days).items()]
        by_panel = panels(settings, ids, arguments.days)
        slowest = max(by_panel, key=by_panel.__getitem__)
        held.append(judged(f"slowest of {len(by_panel)} panels, {slowest}", by_panel[slowest], QUERY_BAR_MS, "ms"))
        report_s = asyncio.run(day_report(settings, ids, arguments.days))
        held.append(judged("day report", report_s, REPORT_BAR_S, "s"))
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
