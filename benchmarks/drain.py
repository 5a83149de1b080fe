"""How fast a backlog drains into PostgreSQL, and what the rest of the program feels of it.

A real server on this machine, as it comes (fsync on), the real journal, shipper and sink. Beside it, in the same run
and on the same server, the original's way: one INSERT of the 68 values and one COMMIT per reading; bare, and by way of
SQLAlchemy, as the original did it, where that is installed (python -m pip install sqlalchemy).

    python benchmarks/drain.py [--readings N] [--original N] [--rounds N]

While the backlog drains, a timer of 1 ms ticks on the same event loop: how late it is, is how long a meter may have
waited for its next request. A busy machine makes it late as well; so beside it stands how long the loop itself worked
between two ticks, in CPU time.
"""

import argparse
import asyncio
import importlib.util
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from lib.postgresql import server
from psycopg import sql

from smartmeter.daemon import keep_pauses_short
from smartmeter.journal import Journal
from smartmeter.measurands import measurands
from smartmeter.models.catalogue import load_model
from smartmeter.polling.fast import FastInterval
from smartmeter.reading import Reading
from smartmeter.settings.model import FastSettings, JournalSettings, MeterSettings, PostgresqlSettings
from smartmeter.sinks.postgresql import PostgresqlSink
from smartmeter.sinks.shipper import ShipperState, ship

WEEK_AT_5_S = 120_960
BAR = 50

MODEL = load_model("SDM530")
INTERVAL_US = 5_000_000
START_US = 1_790_000_000_000_000
METER = MeterSettings("haus", MODEL, 1, dict.fromkeys(MODEL.registers, INTERVAL_US))
COMMIT_EVERY = 5_000
TICK_S = 0.001
IDLE_S = 2.0


@dataclass(frozen=True, slots=True)
class Drain:
    """One drain: readings per second, the ticks of the timer meanwhile, and the CPU time of all threads in seconds."""

    rate: float
    ticks: Sequence["Tick"]
    cpu_s: float


@dataclass(frozen=True, slots=True)
class Tick:
    """By how much the timer came late, and the CPU time of the loop's thread since the tick before, in seconds."""

    late_s: float
    worked_s: float


def values(number: int) -> dict[str, float]:
    """Values that differ from reading to reading, with the digits that a meter gives."""
    return {id_: round(200 + index + number % 100 / 10, 1) for index, id_ in enumerate(MODEL.registers)}


def reading(number: int) -> Reading:
    return Reading(METER.name, START_US + number * INTERVAL_US, "benchmark", number * INTERVAL_US, values(number))


def originals_way(settings: PostgresqlSettings, readings: int) -> float:
    """Readings per second by bare statements."""
    columns = make_originals_table(settings)
    insert = sql.SQL("INSERT INTO original (ts, {}) VALUES ({})").format(
        sql.SQL(", ").join(map(sql.Identifier, columns)),
        sql.SQL(", ").join([sql.Placeholder()] * (1 + len(columns))),
    )
    rows = [[_time(number), *values(number).values()] for number in range(readings)]
    # psycopg2, which the original had, knows no prepared statements.
    with connect(settings, prepare_threshold=None) as connection:
        started_s = time.perf_counter()
        for row in rows:
            connection.execute(insert, row)
            connection.commit()
        return readings / (time.perf_counter() - started_s)


def originals_way_with_sqlalchemy(settings: PostgresqlSettings, readings: int) -> float:
    """Readings per second by SQLAlchemy's core, which does less than its object mapper."""
    import sqlalchemy  # noqa: PLC0415  need not be installed

    columns = make_originals_table(settings)
    engine = sqlalchemy.create_engine(f"postgresql+psycopg://postgres@{settings.host}:{settings.port}/postgres")
    table = sqlalchemy.Table("original", sqlalchemy.MetaData(), autoload_with=engine)
    rows = [{"ts": _time(n), **dict(zip(columns, values(n).values(), strict=True))} for n in range(readings)]
    with engine.connect() as connection:
        started_s = time.perf_counter()
        for row in rows:
            connection.execute(table.insert().values(row))
            connection.commit()
        rate = readings / (time.perf_counter() - started_s)
    engine.dispose()
    return rate


def make_originals_table(settings: PostgresqlSettings) -> list[str]:
    """Gives the names of its columns besides ts."""
    columns = [measurands()[id_].column("de") for id_ in MODEL.registers]
    doubles = sql.SQL(", ").join(sql.SQL("{} double precision").format(sql.Identifier(name)) for name in columns)
    with connect(settings, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS original")
        connection.execute(sql.SQL("CREATE TABLE original (ts timestamptz PRIMARY KEY, {})").format(doubles))
        connection.execute("CHECKPOINT")
    return columns


def connect(settings: PostgresqlSettings, **options: Any) -> psycopg.Connection:  # noqa: ANN401  psycopg's
    return psycopg.connect(host=settings.host, port=settings.port, user="postgres", dbname="postgres", **options)


def _time(number: int) -> datetime:
    return datetime.fromtimestamp(START_US / 1e6, UTC) + timedelta(microseconds=number * INTERVAL_US)


async def our_way(settings: PostgresqlSettings, readings: int) -> Drain:
    """Fill a journal, then drain it."""
    empty(settings)
    with tempfile.TemporaryDirectory(prefix="smartmeter-benchmark-") as name:
        journal_settings = JournalSettings(Path(name) / "smartmeter.db")
        journal = await Journal.open(journal_settings, MODEL.registers, [PostgresqlSink.name])
        try:
            for number in range(readings):
                journal.append(reading(number))
                if number % COMMIT_EVERY == COMMIT_EVERY - 1:
                    await journal.commit()
            await journal.commit()
            return await drain(journal, settings, readings)
        finally:
            await journal.close()


async def drain(journal: Journal, settings: PostgresqlSettings, readings: int) -> Drain:
    done = asyncio.Event()

    def watch(state: ShipperState) -> None:
        if state.shipped == readings:
            done.set()

    ticks: list[Tick] = []
    ticking = asyncio.create_task(tick(ticks))
    sink = PostgresqlSink(settings, [METER], "en")
    started_s, started_cpu_s = time.perf_counter(), time.process_time()
    shipping = asyncio.create_task(ship(journal, sink, 10, FastInterval(FastSettings(1, 0)), watch))
    finished = asyncio.create_task(done.wait())
    await asyncio.wait({shipping, finished}, return_when=asyncio.FIRST_COMPLETED)
    took_s, cpu_s = time.perf_counter() - started_s, time.process_time() - started_cpu_s
    for task in (ticking, shipping, finished):
        task.cancel()
    with suppress(asyncio.CancelledError):
        await shipping
    return Drain(readings / took_s, ticks, cpu_s)


async def tick(ticks: list[Tick]) -> None:
    """Note how late a short sleep ends, until cancelled."""
    worked_s = time.thread_time()
    while True:
        due_s = time.perf_counter() + TICK_S
        await asyncio.sleep(TICK_S)
        now_worked_s = time.thread_time()
        ticks.append(Tick(time.perf_counter() - due_s, now_worked_s - worked_s))
        worked_s = now_worked_s


async def idle() -> Sequence[Tick]:
    """The ticks when there is nothing else to do."""
    ticks: list[Tick] = []
    with suppress(TimeoutError):
        async with asyncio.timeout(IDLE_S):
            await tick(ticks)
    return ticks


def empty(settings: PostgresqlSettings) -> None:
    with connect(settings, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS smartmeter")
        connection.execute("CHECKPOINT")


def describe(ticks: Sequence[Tick]) -> str:
    late_ms = [1e3 * tick.late_s for tick in ticks]
    worked_ms = [1e3 * tick.worked_s for tick in ticks]
    return (
        f"timer late by {statistics.median(late_ms):.1f} ms in the middle, {max(late_ms):.1f} ms at most; "
        f"loop at work for {max(worked_ms):.1f} ms at most"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--readings", type=int, default=WEEK_AT_5_S, help="the backlog, default a week at 5 s")
    parser.add_argument("--original", type=int, default=3000, help="readings for the original's way")
    parser.add_argument("--rounds", type=int, default=3, help="how often both take their turn")
    arguments = parser.parse_args()
    # As the daemon does it.
    keep_pauses_short()
    print(f"{platform.machine()}, {platform.system()} {platform.release()}, Python {platform.python_version()}")
    ways = {"bare": originals_way}
    if importlib.util.find_spec("sqlalchemy"):
        ways["SQLAlchemy"] = originals_way_with_sqlalchemy
    originals: dict[str, list[float]] = {name: [] for name in ways}
    drains: list[Drain] = []
    with server() as settings:
        for _ in range(arguments.rounds):
            for name, way in ways.items():
                originals[name].append(way(settings, arguments.original))
                print(f"the original's way, {name}: {originals[name][-1]:.0f} readings/s")
            drains.append(asyncio.run(our_way(settings, arguments.readings)))
            print(f"ours: {drains[-1].rate:.0f} readings/s; {describe(drains[-1].ticks)}")
    print(f"idle: {describe(asyncio.run(idle()))}")
    print(f"CPU: {statistics.median(each.cpu_s for each in drains) / arguments.readings * 1e6:.0f} µs a reading")
    rate = statistics.median(each.rate for each in drains)
    for name in ways:
        ratio = rate / statistics.median(originals[name])
        print(f"{ratio:.0f} times the original's rate, {name} (bar {BAR}): {'held' if ratio >= BAR else 'MISSED'}")
    # The last one is closest to what the original did.
    return 0 if ratio >= BAR else 1


if __name__ == "__main__":
    sys.exit(main())
