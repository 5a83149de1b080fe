"""What the page costs: how fast a year is drawn, whether measuring is disturbed by open pages, and the memory.

The journal holds a year of 21 values, rolled up: quarter-hours of it were made of one reading each, the last days of
one every five seconds. The daemon itself, as a process, reads a virtual meter into that journal, and answers. First
every span is asked for, and never the same question twice. Then the daemon is started anew, to read ten times a second,
and stretches of rounds come without pages and with a hundred: each has its stream of events open and asks for the state
once a second. How far the rounds began from the time grid is in the journal. At last, what the daemon has in memory.

    python benchmarks/web.py [--rounds N] [--questions N] [--pages N]

Bars: a request 300 ms; the rounds' deviation with pages, its 99th percentile, 1.5 times that without, and 1 ms; memory
60 MB.
"""

import argparse
import asyncio
import http.client
import json
import math
import os
import platform
import re
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

from lib.year import DAY_US, FINE_US, MODEL, QUARTER_US, SHOWN, USUAL, daemon, fill

from smartmeter.clock import system_clock
from smartmeter.modbus.line import SerialFormat
from smartmeter.simulator import VirtualLine, VirtualMeter

SPANS = {"hour": 1 / 24, "day": 1.0, "week": 7.0, "month": 31.0, "year": 365.0}

REQUEST_BAR_MS = 300.0
JITTER_BAR, JITTER_BAR_MS = 1.5, 1.0
MEMORY_BAR_MB = 60.0

LINE = SerialFormat(19200, 8, "E", 1)
TURNAROUND_S = 0.020
ROUNDS_A_STRETCH = 50
ROUND_S = 0.1
# The first rounds of a stretch may belong to the one before.
SETTLE_S = 1.0
ASK_EVERY_S = 1.0


def asked_ms(port: int, path: str, query: Sequence[tuple[str, object]]) -> tuple[float, int]:
    """The milliseconds and the bytes of a whole request, as a browser asks."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        began_s = time.perf_counter()
        connection.request("GET", f"/api/v1/{path}?{urlencode(query)}", headers={"Accept-Encoding": "gzip"})
        answer = connection.getresponse()
        content = answer.read()
        taken_ms = 1000 * (time.perf_counter() - began_s)
    if answer.status != http.client.OK:
        raise SystemExit(content.decode())
    return taken_ms, len(content)


def skipped_rounds(port: int) -> int:
    """How many rounds would have begun too late, since the daemon's start."""
    time.sleep(ASK_EVERY_S)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/state") as answer:
        return int(json.load(answer)["meters"][0]["skipped"])


def measure_requests(port: int, end_us: int, questions: int) -> list[bool]:
    """Each span, some of each, and whether they were answered in time."""
    held = []
    for name, days in SPANS.items():
        found = []
        for number in range(questions):
            until_us = end_us - number * 1_000_000
            times = {"from": iso(until_us - round(days * DAY_US)), "until": iso(until_us)}
            query = [("meter", "house"), *(("measurand", id_) for id_ in SHOWN), *times.items(), ("points", 1000)]
            found.append(asked_ms(port, "history", query))
        held.append(told(f"history of a {name}", found))
    today = datetime.fromtimestamp(end_us / 1e6, UTC).date()
    for span in ("day", "month", "year", "all"):
        dates = [today - timedelta(days=number) for number in range(questions)]
        found = [asked_ms(port, "energy", [("meter", "house"), ("span", span), ("date", date)]) for date in dates]
        held.append(told(f"energy of span {span}", found))
    return held


def told(what: str, found: Sequence[tuple[float, int]]) -> bool:
    times_ms = [taken_ms for taken_ms, _ in found]
    print(f"{what}: {statistics.median(times_ms):.0f} ms (median), {max(size for _, size in found) / 1000:.0f} kB")
    return judged(f"{what}, slowest", max(times_ms), REQUEST_BAR_MS, "ms")


def iso(time_us: int) -> str:
    return datetime.fromtimestamp(time_us / 1e6, UTC).isoformat().replace("+00:00", "Z")


async def be_pages(port: int, pages: int) -> None:
    """So many pages, until ended: a process of its own, which takes less than its share of the processor."""
    os.nice(10)

    async def listen() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        while await reader.read(65_536):
            pass

    async def ask(number: int) -> None:
        await asyncio.sleep(number * ASK_EVERY_S / pages)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while True:
            writer.write(b"GET /api/v1/state HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n")
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head)
            if not head.startswith(b"HTTP/1.1 200") or length is None:
                raise SystemExit(head.decode())
            await reader.readexactly(int(length[1]))
            await asyncio.sleep(ASK_EVERY_S)

    await asyncio.gather(*(listen() for _ in range(pages)), *(ask(number) for number in range(pages)))


def measure_jitter(path: Path, port: int, rounds: int, pages: int) -> dict[str, list[float]]:
    """Milliseconds from the grid to the start of each round, by what went on beside it."""
    clock = system_clock()
    began_us = clock.wall_us()
    stretches: dict[str, list[tuple[int, int]]] = {"without": [], "with": []}
    skips = dict.fromkeys(stretches, 0)
    for _ in range(math.ceil(rounds / ROUNDS_A_STRETCH)):
        for kind, of_kind in stretches.items():
            command = [sys.executable, __file__, "--be-pages", str(port), "--pages", str(pages)]
            process = subprocess.Popen(command) if kind == "with" else None
            time.sleep(SETTLE_S)
            from_us, skipped = clock.wall_us(), skipped_rounds(port)
            time.sleep(ROUNDS_A_STRETCH * ROUND_S)
            of_kind.append((from_us, clock.wall_us()))
            skips[kind] += skipped_rounds(port) - skipped
            if process is not None:
                if process.poll() is not None:
                    raise SystemExit("the pages have ended")
                process.terminate()
                process.wait()
    for kind, count in skips.items():
        print(f"rounds skipped {kind} {pages} pages: {count}")
    # Until all is committed.
    time.sleep(6)
    offset_us = clock.wall_us() - clock.monotonic_us()
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        query = (
            "SELECT time_us, monotonic_us FROM reading WHERE time_us > ? AND voltage_l1 IS NOT NULL ORDER BY time_us"
        )
        rows = connection.execute(query, (began_us,)).fetchall()
    return {
        kind: [
            abs(monotonic_us - (time_us - offset_us)) / 1000
            for time_us, monotonic_us in rows
            if any(from_us <= time_us < until_us for from_us, until_us in of_kind)
        ]
        for kind, of_kind in stretches.items()
    }


def memory_mb(pid: int, what: str) -> float | None:
    """Resident memory, or the most there was of it; None where the system does not tell."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return None
    return next(int(line.split()[1]) / 1024 for line in status.read_text().splitlines() if line.startswith(what))


def percentile_99(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[98]


def judged(what: str, value: float, bar: float, unit: str) -> bool:
    held = value <= bar
    print(f"{what}: {value:.2f} {unit} (bar {bar:.2f}): {'held' if held else 'MISSED'}")
    return held


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=400, help="with pages, and as many without; default 400")
    parser.add_argument("--questions", type=int, default=5, help="of each span, default 5")
    parser.add_argument("--pages", type=int, default=100, help="that are open, default 100")
    parser.add_argument("--be-pages", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.be_pages:
        asyncio.run(be_pages(arguments.be_pages, arguments.pages))
        return 0
    print(f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}")
    with tempfile.TemporaryDirectory(prefix="smartmeter-benchmark-") as name:
        path = Path(name) / "smartmeter.db"
        end_us = int(time.time()) * 1_000_000 // QUARTER_US * QUARTER_US
        began_s = time.perf_counter()
        fill(path, end_us)
        print(f"a year of {len(USUAL)} values, rolled up, in {time.perf_counter() - began_s:.0f} s")
        with VirtualLine(LINE, [VirtualMeter(MODEL)], turnaround_s=TURNAROUND_S) as line:
            with daemon(path.parent, Path(line.path), FINE_US / 1e6) as (pid, port):
                fresh_mb = memory_mb(pid, "VmRSS")
                held = measure_requests(port, end_us, arguments.questions)
                asked_mb, most_mb = memory_mb(pid, "VmRSS"), memory_mb(pid, "VmHWM")
            with daemon(path.parent, Path(line.path), ROUND_S) as (pid, port):
                measure_requests(port, end_us, 1)
                found = measure_jitter(path, port, arguments.rounds, arguments.pages)
                used_mb = memory_mb(pid, "VmRSS")
    p99_ms = {kind: percentile_99(off_ms) for kind, off_ms in found.items()}
    for kind, off_ms in found.items():
        print(
            f"{len(off_ms)} rounds {kind} {arguments.pages} pages: off the grid by {statistics.median(off_ms):.2f} ms "
            f"(median), {p99_ms[kind]:.2f} ms (p99), {max(off_ms):.2f} ms (most)"
        )
    held.append(
        judged("99th percentile with pages", p99_ms["with"], JITTER_BAR * p99_ms["without"] + JITTER_BAR_MS, "ms")
    )
    if used_mb is not None:
        print(f"memory at first {fresh_mb:.0f} MB, when all was asked {asked_mb:.0f} MB, at most {most_mb:.0f} MB")
        held.append(judged("memory after use", used_mb, MEMORY_BAR_MB, "MB"))
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
