"""How fast and how cheaply the daemon reads all 68 values of an SDM530.

The whole daemon runs as a process of its own, on a virtual line with the times of a real one: 19200 8E1 and a
turnaround of 20 ms. Times are taken on the meter's side of the line. Beside it, in the same run, the original's way:
minimalmodbus, one request per value.

    python benchmarks/scan.py [--scans N]
"""

import argparse
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import minimalmodbus
from lib.postgresql import server

from smartmeter.modbus.line import SerialFormat
from smartmeter.models import load_model
from smartmeter.polling.plan import BlockRules, line_time_s, plan_blocks
from smartmeter.settings.model import PostgresqlSettings
from smartmeter.simulator import Quirks, RecordedRequest, VirtualLine, VirtualMeter

MODEL = load_model("SDM530")
LINE = SerialFormat(19200, 8, "E", 1)
TURNAROUND_S = 0.020
INTERVAL_S = 0.4
START_LIMIT_S = 20.0
OWN_SCANS_OF_ORIGINAL = 5
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")

SETTINGS = """
[[bus]]
port = "{port}"
baudrate = 19200
parity = "E"
[[bus.meter]]
model = "SDM530"
address = 1
interval = "{interval_s}s"
{more}
"""


@dataclass(frozen=True, slots=True)
class DaemonResult:
    """What the daemon took; times in seconds, memory in MB."""

    scans_s: Sequence[float]
    early: int
    requests: int
    cpu_per_1000_s: float
    resident_mb: float
    first_reading_s: float


def measure_daemon(scans: int, *, needs_silence: bool = False, more_settings: str = "") -> DaemonResult:
    """Let the daemon scan so often."""
    meter = VirtualMeter(MODEL, quirks=Quirks(needs_silence=needs_silence))
    with tempfile.TemporaryDirectory() as name, VirtualLine(LINE, [meter], turnaround_s=TURNAROUND_S) as line:
        settings = Path(name) / "smartmeter.toml"
        settings.write_text(SETTINGS.format(port=line.path, interval_s=INTERVAL_S, more=more_settings), "utf-8")
        started_s = time.monotonic()
        with running(settings) as process:
            blocks = len(plan_blocks(MODEL.registers.values(), LINE, TURNAROUND_S, BlockRules(80)))
            wait_for_requests(line, blocks, process)
            first_reading_s = line.requests[blocks - 1].time_s - started_s
            wait_for_requests(line, 5 * blocks, process)
            cpu_s, counted = cpu_time_s(process.pid), line.counts.requests
            wait_for_requests(line, counted + scans * blocks, process)
            cpu_s = cpu_time_s(process.pid) - cpu_s
            measured = (line.counts.requests - counted) / blocks
            return DaemonResult(
                scans_s=list(scan_times(line.requests[5 * blocks :])),
                early=sum(not request.silence_kept for request in line.requests[1:]),
                requests=len(line.requests),
                cpu_per_1000_s=cpu_s / measured * 1000,
                resident_mb=resident_mb(process.pid),
                first_reading_s=first_reading_s,
            )


def postgresql_settings(server: PostgresqlSettings) -> str:
    """The lines that have the daemon ship to this server."""
    return (
        f'[postgresql]\nhost = "{server.host}"\nport = {server.port}\ndatabase = "{server.database}"\n'
        f'user = "{server.user}"\nship_interval = "2s"\n'
    )


@contextmanager
def running(settings: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The daemon as a process of its own."""
    command = [sys.executable, "-m", "smartmeter", "run", "-c", str(settings)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)


def wait_for_requests(line: VirtualLine, count: int, process: subprocess.Popen[bytes]) -> None:
    """Return when the line has seen so many requests."""
    last, last_s = line.counts.requests, time.monotonic()
    while line.counts.requests < count:
        if process.poll() is not None or time.monotonic() - last_s > START_LIMIT_S:
            raise SystemExit("the daemon does not read; run it by hand with the same settings")
        time.sleep(0.05)
        if line.counts.requests > last:
            last, last_s = line.counts.requests, time.monotonic()


def scan_times(requests: Sequence[RecordedRequest]) -> Iterator[float]:
    """Seconds of each whole scan, from its first request to the silence after its last answer."""
    scan: list[RecordedRequest] = []
    for request in requests:
        address = int.from_bytes(request.frame[2:4], "big")
        if address == 0:
            scan = []
        scan.append(request)
        count = int.from_bytes(request.frame[4:6], "big")
        if address + count == 346 and int.from_bytes(scan[0].frame[2:4], "big") == 0:
            yield request.time_s + LINE.exchange_s(count, TURNAROUND_S) - scan[0].time_s


def measure_original(scans: int) -> list[float]:
    """Seconds of each scan with one request per value, and the CPU seconds per 1000 scans."""
    with VirtualLine(LINE, [VirtualMeter(MODEL)], turnaround_s=TURNAROUND_S) as line:
        instrument = minimalmodbus.Instrument(str(line.path), 1)
        instrument.serial.baudrate = LINE.baudrate
        # The virtual port is a pty, which has no parity.
        instrument.serial.timeout = 0.6
        times_s = []
        for _ in range(scans):
            started_s = time.monotonic()
            for register in MODEL.registers.values():
                instrument.read_float(register.address, functioncode=register.function)
            times_s.append(time.monotonic() - started_s)
        return times_s


def cpu_time_s(pid: int) -> float:
    """CPU seconds that a process has used, of user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS


def resident_mb(pid: int) -> float:
    """Resident memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS"))


def report(title: str, result: DaemonResult, limit_s: float) -> float:
    """Print what the daemon took; gives the median scan in seconds."""
    median_s = statistics.median(result.scans_s)
    print(f"{title}: {len(result.scans_s)} scans")
    print(f"  scan, median / slowest    {median_s * 1000:8.1f} ms / {max(result.scans_s) * 1000:.1f} ms")
    print(f"  to the line's limit       {median_s / limit_s:8.4f}")
    print(f"  requests before silence   {result.early:8} of {result.requests}")
    print(f"  CPU per 1000 scans        {result.cpu_per_1000_s:8.2f} s")
    print(f"  resident memory           {result.resident_mb:8.1f} MB")
    print(f"  first reading after       {result.first_reading_s:8.2f} s")
    return median_s


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="How fast and how cheaply the daemon reads.")
    parser.add_argument("--scans", type=int, default=100)
    scans = parser.parse_args().scans
    blocks = plan_blocks(MODEL.registers.values(), LINE, TURNAROUND_S, BlockRules(80))
    limit_s = line_time_s(blocks, LINE, TURNAROUND_S)
    print(f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}")
    print(f"68 values at {LINE}, turnaround {TURNAROUND_S * 1000:g} ms; the line's limit is {limit_s * 1000:.1f} ms")
    ours_s = report("daemon", measure_daemon(scans), limit_s)
    report("daemon, meter that ignores early requests", measure_daemon(scans, needs_silence=True), limit_s)
    with server() as database:
        report("daemon with PostgreSQL", measure_daemon(scans, more_settings=postgresql_settings(database)), limit_s)
    theirs_s = statistics.median(measure_original(OWN_SCANS_OF_ORIGINAL))
    print(f"one request per value (minimalmodbus): {theirs_s * 1000:.1f} ms, {theirs_s / ours_s:.2f} times ours")


if __name__ == "__main__":
    main()
