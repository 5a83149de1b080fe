"""A year of readings in a journal, and the daemon on it with its page."""

import math
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zoneinfo import ZoneInfo

from smartmeter.energy.site import Site
from smartmeter.energy.tariff import Tariff
from smartmeter.journal.bulk import JournalImport
from smartmeter.measurands import measurands
from smartmeter.models.catalogue import load_model
from smartmeter.reading import Reading

MODEL = load_model("SDM530")
# What most people have read every few seconds.
USUAL = (
    *(f"{quantity}_{phase}" for quantity in ("voltage", "current", "active_power") for phase in ("l1", "l2", "l3")),
    *(f"power_factor_{phase}" for phase in ("l1", "l2", "l3")),
    *("active_power_total", "apparent_power_total", "reactive_power_total", "power_factor_total", "frequency"),
    *("active_energy_import", "active_energy_export", "reactive_energy_import", "reactive_energy_export"),
)
SHOWN = ("voltage_l1", "voltage_l2", "voltage_l3")
POLLED = ("voltage_l1", "voltage_l2", "voltage_l3", "current_l1", "current_l2", "current_l3")
ZONE = "Europe/Berlin"
QUARTER_US, DAY_US = 900_000_000, 86_400_000_000
FINE_US = 5_000_000
DAYS, FINE_DAYS = 365, 3
BATCH = 5000

SETTINGS = """
timezone = "{zone}"
[[bus]]
port = "{port}"
baudrate = 19200
parity = "E"
[[bus.meter]]
name = "house"
model = "SDM530"
address = 1
interval = "1h"
[bus.meter.intervals]
{intervals}
[[tariff]]
price = 0.3
feed_in = 0.08
[web]
port = 0
"""


def reading(time_us: int, end_us: int) -> Reading:
    """Values that swing, and counters that grow."""
    hours = (time_us - end_us + 2 * DAYS * DAY_US) / 3_600_000_000
    swing = math.sin(time_us / 13_751_000_000) + (time_us // FINE_US * 7919 % 997) / 997
    values = {
        id_: round(0.4 * hours, 3) if measurands()[id_].kind == "counter" else 200.07 + place + 10 * swing
        for place, id_ in enumerate(USUAL)
    }
    return Reading("house", time_us, "boot", 0, values)


def fill(path: Path, end_us: int) -> None:
    """Make the journal."""
    fine_us = end_us - FINE_DAYS * DAY_US
    moments = [*range(end_us - DAYS * DAY_US, fine_us, QUARTER_US), *range(fine_us, end_us, FINE_US)]
    site = Site(ZoneInfo(ZONE), (Tariff(price=0.30, feed_in=0.08),))
    with JournalImport.for_shipping(path, USUAL, site) as journal:
        for begin in range(0, len(moments), BATCH):
            journal.append([reading(at_us, end_us) for at_us in moments[begin : begin + BATCH]], "made up", str(begin))
        journal.refresh(lambda *_: None)


@contextmanager
def daemon(directory: Path, port: Path, interval_s: float) -> Iterator[tuple[int, int]]:
    """The daemon on that line and the journal in that directory; its process and the port of its page."""
    intervals = "\n".join(f'{id_} = "{interval_s:g}s"' for id_ in POLLED)
    settings, log = directory / "smartmeter.toml", directory / "log"
    settings.write_text(SETTINGS.format(zone=ZONE, port=port, intervals=intervals))
    command = [sys.executable, "-m", "smartmeter", "run", "-c", str(settings)]
    with log.open("wb") as err, subprocess.Popen(command, stderr=err) as process:
        try:
            while not (found := re.search(r"The page is at http://127.0.0.1:(\d+)", log.read_text())):
                if process.poll() is not None:
                    raise SystemExit(log.read_text())
                time.sleep(0.05)
            yield process.pid, int(found[1])
        finally:
            process.terminate()
            process.wait(15)
