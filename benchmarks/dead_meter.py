"""What one dead meter among ten costs the others, on one serial line.

The daemon is a process of its own, the line a virtual one with the times of a real one. A round is all that is due in
one moment of the grid, from the first request to the silence after the last answer; the plan is the line's own time.

    python benchmarks/dead_meter.py [--rounds N]
"""

import argparse
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from scan import running

from smartmeter.modbus.line import SerialFormat
from smartmeter.models import load_model
from smartmeter.polling.plan import BlockRules, line_time_s, plan_blocks
from smartmeter.simulator import Faults, RecordedRequest, VirtualLine, VirtualMeter

MODEL = load_model("SDM530")
LINE = SerialFormat(38400, 8, "N", 1)
TURNAROUND_S = 0.020
METERS = 10
DEAD = 5
INTERVAL_S = 4.0
# Between two rounds the line is free for longer than this, between two requests of a round never.
PAUSE_S = 0.5
# How much longer than its plan a round may take.
MOST = 1.10
# The dead meter is found out in the first rounds.
FIRST_ROUNDS = 3

SETTINGS = """
[[bus]]
port = "{port}"
baudrate = 38400
[web]
enabled = false
"""
METER = """
[[bus.meter]]
name = "meter {address}"
model = "SDM530"
address = {address}
interval = "{interval_s}s"
"""


def rounds(requests: Sequence[RecordedRequest]) -> Iterator[list[RecordedRequest]]:
    """The requests of each round; those to the dead meter, which are made in between, are in none."""
    current: list[RecordedRequest] = []
    for request in requests:
        if request.frame[0] == DEAD:
            continue
        if current and request.time_s - current[-1].time_s > PAUSE_S:
            yield current
            current = []
        current.append(request)


def seconds_of(requests: Sequence[RecordedRequest]) -> float:
    """What a round took."""
    last = requests[-1]
    count = int.from_bytes(last.frame[4:6], "big")
    return last.time_s + LINE.exchange_s(count, TURNAROUND_S) - requests[0].time_s


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="What one dead meter among ten costs the others.")
    parser.add_argument("--rounds", type=int, default=15)
    count = parser.parse_args().rounds
    blocks = plan_blocks(MODEL.registers.values(), LINE, TURNAROUND_S, BlockRules(MODEL.registers_per_request))
    plan_s = (METERS - 1) * line_time_s(blocks, LINE, TURNAROUND_S)
    meters = [VirtualMeter(MODEL, address, faults=Faults(silent=address == DEAD)) for address in range(1, METERS + 1)]
    with tempfile.TemporaryDirectory() as name, VirtualLine(LINE, meters, turnaround_s=TURNAROUND_S) as line:
        settings = Path(name) / "smartmeter.toml"
        text = SETTINGS.replace("[web]", "{meters}[web]").format(
            port=line.path,
            meters="".join(METER.format(address=meter.address, interval_s=INTERVAL_S) for meter in meters),
        )
        settings.write_text(text, "utf-8")
        with running(settings):
            time.sleep((FIRST_ROUNDS + count + 1) * INTERVAL_S)
        asked = sum(request.frame[0] == DEAD for request in line.requests)
        whole = [each for each in rounds(line.requests) if len(each) == len(blocks) * (METERS - 1)][FIRST_ROUNDS:]
    took_s = [seconds_of(each) for each in whole]
    load = f"load {os.getloadavg()[0]:.1f}"
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, {load}, {platform.system()}, Python {platform.python_version()}"
    )
    print(f"{METERS} meters at {LINE}, meter {DEAD} is dead; it was asked {asked} times")
    print(f"{len(took_s)} rounds of {METERS - 1} meters: plan {plan_s * 1000:.0f} ms")
    print("  " + " ".join(f"{took / plan_s:.3f}" for took in took_s), "of the plan")
    print(f"  median {statistics.median(took_s) * 1000:.0f} ms, {statistics.median(took_s) / plan_s:.3f} of the plan")
    print(f"  slowest {max(took_s) * 1000:.0f} ms, {max(took_s) / plan_s:.3f} of the plan")
    if max(took_s) > MOST * plan_s:
        raise SystemExit(f"a round took more than {MOST:.2f} times its plan")


if __name__ == "__main__":
    main()
