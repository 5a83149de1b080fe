"""How long `smartmeter scan` takes to ask all addresses at one setting, to the line's limit.

The limit of a silent address is its request, the silence that ends it, and the time-out. The line is a virtual one with
the times of a real one; three meters are on it, one of them answers later than the time-out. Those who answer are not
looked at more closely: this is the search.

    python benchmarks/scan_bus.py [--addresses N]
"""

import argparse
import asyncio
import os
import platform
import time
from dataclasses import dataclass

from smartmeter.modbus.line import SerialFormat
from smartmeter.modbus.ports import SerialPort
from smartmeter.models import load_model
from smartmeter.scan.estimate import silent_s
from smartmeter.scan.sweep import who_answers
from smartmeter.simulator import Quirks, VirtualLine, VirtualMeter

CASES = (
    (SerialFormat(9600, 8, "N", 1), 0.2),
    (SerialFormat(9600, 8, "N", 1), 0.1),
    (SerialFormat(19200, 8, "E", 1), 0.1),
    (SerialFormat(2400, 8, "N", 1), 0.1),
    (SerialFormat(38400, 8, "N", 1), 0.05),
)
# How much longer than the line's limit it may take.
MOST = 1.15


@dataclass(frozen=True, slots=True)
class Result:
    """What a search took, and whom it found."""

    took_s: float
    found: tuple[int, ...]
    requests: int


def measure(line_format: SerialFormat, timeout_s: float, addresses: int) -> Result:
    """Search once."""
    model = load_model("SDM630")
    late = Quirks(turnaround_s=timeout_s + 0.1)
    meters = [VirtualMeter(model, 1), VirtualMeter(model, addresses // 3, quirks=late), VirtualMeter(model, addresses)]
    with VirtualLine(line_format, meters, turnaround_s=0.02) as line:
        started_s = time.monotonic()
        heard = asyncio.run(who_answers(SerialPort(str(line.path)), line_format, range(1, addresses + 1), timeout_s))
        took_s = time.monotonic() - started_s
        return Result(took_s, tuple(each.address for each in heard), line.counts.requests)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="How long the search for meters takes.")
    parser.add_argument("--addresses", type=int, default=247)
    addresses = parser.parse_args().addresses
    print(f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}")
    print(f"{addresses} addresses, meters at 1, {addresses // 3} (late) and {addresses}")
    worst = 0.0
    for line_format, timeout_s in CASES:
        result = measure(line_format, timeout_s, addresses)
        limit_s = addresses * silent_s(line_format, timeout_s)
        ratio = result.took_s / limit_s
        worst = max(worst, ratio)
        found = ", ".join(map(str, result.found))
        print(
            f"  {line_format}, time-out {timeout_s * 1000:3.0f} ms: {result.took_s:5.2f} s, limit {limit_s:5.2f} s, "
            f"ratio {ratio:.3f}; {result.requests} requests; found {found}",
            flush=True,
        )
    if worst > MOST:
        raise SystemExit(f"a search took more than {MOST:.2f} times the line's limit")


if __name__ == "__main__":
    main()
