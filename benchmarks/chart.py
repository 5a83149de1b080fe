"""What a chart for a chat costs: how long it takes, how much memory, and whether measuring is disturbed by it.

The journal holds a week of readings of 21 values every 5 seconds, rolled up. A chart of the week is drawn as the bot
draws it, by a process apart. Then the daemon's poller reads a virtual meter, with its times, from a process apart, and
every other stretch of rounds has charts of the week drawn all the while, one after the other, from the poller's own
event loop: how far the rounds begin from the time grid is compared between the two.

    python benchmarks/chart.py [--rounds N] [--charts N]

Bars: a chart of the week 5 s; the rounds' deviation with charts, its 99th percentile, 1.5 times that
without, and 1 ms. The 99th percentile needs the default of 600 rounds; fewer than 300, of which it would be that of
the two or three latest, are refused.
"""

import argparse
import asyncio
import json
import math
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from zoneinfo import ZoneInfo

from smartmeter.bot.chart import COMMAND, ChartOrder, draw_chart
from smartmeter.clock import system_clock
from smartmeter.daemon import keep_pauses_short
from smartmeter.energy.site import Site
from smartmeter.journal.bulk import JournalImport
from smartmeter.measurands import measurands
from smartmeter.modbus.line import SerialFormat
from smartmeter.models.catalogue import load_model
from smartmeter.polling.bus import Bus
from smartmeter.polling.fast import FastInterval
from smartmeter.polling.poller import MeterPoller
from smartmeter.reading import Reading
from smartmeter.settings.model import BusSettings, FastSettings, MeterSettings
from smartmeter.simulator import VirtualLine, VirtualMeter

MODEL = load_model("SDM530")
# What most people have read every few seconds.
USUAL = (
    *(f"{quantity}_{phase}" for quantity in ("voltage", "current", "active_power") for phase in ("l1", "l2", "l3")),
    *(f"power_factor_{phase}" for phase in ("l1", "l2", "l3")),
    *("active_power_total", "apparent_power_total", "reactive_power_total", "power_factor_total", "frequency"),
    *("active_energy_import", "active_energy_export", "reactive_energy_import", "reactive_energy_export"),
)
ZONE = "Europe/Berlin"
SHOWN = ("active_power_total", "active_energy_import")
INTERVAL_US = 5_000_000
DAY_US = 86_400_000_000
DAYS = 7
START_US = 1_780_000_000_000_000 // DAY_US * DAY_US
BATCH = 5000

CHART_BAR_S = 5.0
JITTER_BAR = 1.5
JITTER_BAR_MS = 1.0

LINE = SerialFormat(19200, 8, "E", 1)
TURNAROUND_S = 0.020
ROUND_US = 100_000
POLLED = ("voltage_l1", "voltage_l2", "voltage_l3", "current_l1", "current_l2", "current_l3")
ROUNDS_A_STRETCH = 50
ROUNDS = 600
LEAST_ROUNDS = 300
# The first rounds of a stretch may belong to the one before.
SETTLE_S = 0.5


def week() -> Iterator[Reading]:
    """Values that swing, and counters that grow."""
    for number in range(DAYS * DAY_US // INTERVAL_US):
        at_us = number * INTERVAL_US
        swing = math.sin(at_us / 13_751_000_000) + (number * 7919 % 997) / 997
        values = {
            id_: 1000.001 + number * 0.0007 if measurands()[id_].kind == "counter" else 200.07 + place + 10 * swing
            for place, id_ in enumerate(USUAL)
        }
        yield Reading("house", START_US + at_us, "boot", at_us, values)


def fill(path: Path) -> int:
    """Make the journal; gives how many readings it has."""
    readings = list(week())
    with JournalImport.for_shipping(path, USUAL, Site(ZoneInfo(ZONE), ())) as journal:
        for begin in range(0, len(readings), BATCH):
            journal.append(readings[begin : begin + BATCH], "made up", str(begin))
        journal.refresh(lambda *_: None)
    return len(readings)


def week_order(path: Path, measurand: str) -> ChartOrder:
    return ChartOrder(path, "house", measurand, START_US, START_US + DAYS * DAY_US, ZONE, "en")


def drawn_in_s(path: Path, measurand: str, charts: int) -> list[float]:
    """The seconds that each of these charts takes."""

    async def draw() -> list[float]:
        taken_s = []
        for _ in range(charts):
            began_s = time.perf_counter()
            await draw_chart(week_order(path, measurand))
            taken_s.append(time.perf_counter() - began_s)
        return taken_s

    return asyncio.run(draw())


def peak_mb(path: Path) -> float | None:
    """The most memory that the child of a chart has had at a time; None where the system does not tell."""
    if not Path("/proc/self/status").exists():
        return None
    order = week_order(path, SHOWN[0])
    question = {name: getattr(order, name) for name in ChartOrder.__slots__} | {"journal": str(path)}
    with subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        if child.stdin is None or child.stdout is None:
            raise AssertionError("both are pipes")
        child.stdin.write(json.dumps(question).encode())
        child.stdin.close()
        # Unread, its answer keeps it from ending: the line of JSON comes when all is done but the picture's last part.
        child.stdout.read(1)
        peak = _high_water_mb(child.pid)
        child.stdout.read()
    return peak


def _high_water_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM"))


async def poll(port: str, path: Path, rounds: int) -> dict[str, list[float]]:
    """Milliseconds from the grid to the start of each round, by what went on beside it; in a process of its own."""
    found: dict[str, list[float]] = {"without": [], "with": []}
    clock = system_clock()
    kind = ""

    def note(reading: Reading) -> None:
        if kind:
            late_us = reading.monotonic_us - (reading.time_us - (clock.wall_us() - clock.monotonic_us()))
            found[kind].append(late_us / 1000)

    meter = MeterSettings("house", MODEL, 1, dict.fromkeys(POLLED, ROUND_US))
    bus = Bus(BusSettings("line", port, LINE, 0.5, (meter,)))
    poller = MeterPoller(meter, bus, FastInterval(FastSettings(ROUND_US, 1)), clock, note)
    keep_pauses_short()
    polling = asyncio.create_task(poller.run())
    charts = 0

    async def draw_on_and_on() -> None:
        nonlocal charts
        while True:
            await draw_chart(week_order(path, SHOWN[charts % len(SHOWN)]))
            charts += 1

    while len(found["with"]) < rounds:
        for now, of_now in found.items():
            drawing = asyncio.create_task(draw_on_and_on()) if now == "with" else None
            await asyncio.sleep(SETTLE_S)
            wanted = len(of_now) + ROUNDS_A_STRETCH
            kind = now
            while len(of_now) < wanted:
                await asyncio.sleep(ROUND_US / 1e6)
                if polling.done():
                    await polling
            kind = ""
            if drawing is not None:
                drawing.cancel()
                with suppress(asyncio.CancelledError):
                    await drawing
    polling.cancel()
    with suppress(asyncio.CancelledError):
        await polling
    bus.close()
    found["charts"] = [charts]
    found["skipped"] = [poller.state.skipped]
    return found


def measure_jitter(path: Path, rounds: int) -> dict[str, list[float]]:
    """What `poll` finds on a virtual line that this process serves."""
    with VirtualLine(LINE, [VirtualMeter(MODEL)], turnaround_s=TURNAROUND_S) as line:
        command = [sys.executable, __file__, "--poll", str(line.path), "--journal", str(path), "--rounds", str(rounds)]
        found: dict[str, list[float]] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return found


def percentile_99(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[98]


def judged(what: str, value: float, bar: float, unit: str) -> bool:
    held = value <= bar
    print(f"{what}: {value:.2f} {unit} (bar {bar:.2f}): {'held' if held else 'MISSED'}")
    return held


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--rounds",
        type=int,
        default=ROUNDS,
        help=f"with charts, and as many without; default {ROUNDS}, at least {LEAST_ROUNDS}",
    )
    parser.add_argument("--charts", type=int, default=5, help="of each measurand, default 5")
    parser.add_argument("--poll", help=argparse.SUPPRESS)
    parser.add_argument("--journal", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.rounds < LEAST_ROUNDS:
        parser.error(f"--rounds: at least {LEAST_ROUNDS}, or the 99th percentile says nothing")
    if arguments.poll:
        print(json.dumps(asyncio.run(poll(arguments.poll, arguments.journal, arguments.rounds))))
        return 0
    print(f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}")
    with tempfile.TemporaryDirectory(prefix="smartmeter-benchmark-") as name:
        path = Path(name) / "smartmeter.db"
        began_s = time.perf_counter()
        print(f"{fill(path)} readings of {len(USUAL)} values, rolled up, in {time.perf_counter() - began_s:.0f} s")
        held = []
        for measurand in SHOWN:
            taken_s = drawn_in_s(path, measurand, arguments.charts)
            print(f"{measurand}, median of {len(taken_s)}: {statistics.median(taken_s):.2f} s")
            held.append(judged(f"{measurand}, slowest chart of the week", max(taken_s), CHART_BAR_S, "s"))
        peak = peak_mb(path)
        own = resource.getrusage(resource.RUSAGE_CHILDREN)
        print(f"peak memory of the child: {'not told here' if peak is None else f'{peak:.0f} MB'}")
        print(f"CPU of the child: {(own.ru_utime + own.ru_stime) / (len(SHOWN) * arguments.charts + 1):.2f} s")
        found = measure_jitter(path, arguments.rounds)
    p99_ms = {}
    for kind in ("without", "with"):
        off_ms = [abs(value) for value in found[kind]]
        p99_ms[kind] = percentile_99(off_ms)
        print(
            f"{len(off_ms)} rounds {kind} charts: off the grid by {statistics.median(off_ms):.2f} ms (median), "
            f"{p99_ms[kind]:.2f} ms (p99), {max(off_ms):.2f} ms (most)"
        )
    print(f"{found['charts'][0]:.0f} charts meanwhile, {found['skipped'][0]:.0f} rounds skipped")
    print(f"the 99th percentile needs the default of {ROUNDS} rounds; asked for were {arguments.rounds}")
    bar_ms = JITTER_BAR * p99_ms["without"] + JITTER_BAR_MS
    held.append(judged("99th percentile with charts", p99_ms["with"], bar_ms, "ms"))
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
