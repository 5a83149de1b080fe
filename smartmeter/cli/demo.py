"""`smartmeter demo`: a virtual meter on a real serial line, and the daemon that reads it."""

import argparse
import asyncio
import itertools
import logging
import signal
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

from rich.console import Console
from rich.live import Live as LiveDisplay
from rich.logging import RichHandler

from smartmeter.cli.table import values_table
from smartmeter.daemon import Daemon
from smartmeter.measurands import Language, measurands
from smartmeter.modbus.line import SerialFormat
from smartmeter.models import Model
from smartmeter.periods import system_zone
from smartmeter.reading import Reading
from smartmeter.settings.model import BusSettings, FastSettings, JournalSettings, MeterSettings, Settings
from smartmeter.settings.own_models import model_named
from smartmeter.simulator import VirtualLine
from smartmeter.simulator.of_model import virtual_meter

EXAMPLES = """\
  smartmeter demo
  smartmeter demo --model SDM230 --interval 1
  smartmeter demo --rounds 3

The readings are kept in the journal that --journal names; look at it with `sqlite3`.
"""
LINE = SerialFormat(19200, 8, "E", 1)
REFRESH_S = 0.5
# What a line without a terminal shows of a reading.
SHOWN = ("voltage_l1", "current_l1", "active_power_total", "active_power_l1", "frequency", "active_energy_import")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", default="SDM530", metavar="NAME", help="the virtual meter's model (default SDM530)")
    parser.add_argument("--interval", type=float, default=2.0, metavar="SECONDS", help="between rounds (default 2)")
    parser.add_argument("--journal", type=Path, default=Path("demo.db"), metavar="FILE", help="default demo.db, here")
    parser.add_argument("--language", choices=("en", "de"), default="en", help="of the names (default en)")
    parser.add_argument("--rounds", type=int, metavar="N", help="end after N readings instead of at Ctrl-C")


def main(args: argparse.Namespace) -> int:
    model = model_named(args.model)
    with tempfile.TemporaryDirectory(prefix="smartmeter-demo-") as directory:
        link = Path(directory) / "ttyVirtual"
        with VirtualLine(LINE, [virtual_meter(model)], link=link):
            settings = _settings(link, model, args)
            print(f"A virtual {model.name} answers at address 1 on {link}, {LINE}; Ctrl-C ends it.", flush=True)
            if settings.web is not None:
                print(f"In the browser: http://{settings.web.host}:{settings.web.port}", flush=True)
            asyncio.run(_run(settings, args.rounds))
    print(f"The readings are in {settings.journal.path}.")
    return 0


def _settings(port: Path, model: Model, args: argparse.Namespace) -> Settings:
    interval_us = round(args.interval * 1_000_000)
    meter = MeterSettings("house", model, 1, dict.fromkeys(model.registers, interval_us))
    return Settings(
        source=port,
        language=args.language,
        buses=(BusSettings("demo", str(port), LINE, timeout_s=0.5, meters=(meter,)),),
        journal=JournalSettings(args.journal.resolve()),
        postgresql=None,
        fast=FastSettings(interval_us=500_000, duration_s=60),
        timezone=system_zone(),
    )


async def _run(settings: Settings, rounds: int | None) -> None:
    daemon = Daemon(settings)
    enough = asyncio.Event()
    for stop in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(stop, enough.set)
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR2, daemon.shorten_interval)
    readings = itertools.count(1)

    def count(reading: Reading) -> None:
        if not sys.stdout.isatty():
            print(_line(reading), flush=True)
        if next(readings) == rounds:
            enough.set()

    daemon.live.listen(count)
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(daemon.run())]
        if sys.stdout.isatty():
            running.append(tasks.create_task(_show(daemon, settings.language)))
        await enough.wait()
        for task in running:
            task.cancel()


async def _show(daemon: Daemon, language: Language) -> NoReturn:
    # A terminal's size may change, and the table with it.
    console = Console()
    logging.basicConfig(level=logging.WARNING, handlers=[RichHandler(console=console, show_path=False)])
    with LiveDisplay(console=console, auto_refresh=False) as display:
        while True:
            display.update(values_table(daemon.live.latest, language, time.time_ns() // 1000, console.width))
            display.refresh()
            await asyncio.sleep(REFRESH_S)


def _line(reading: Reading) -> str:
    moment = datetime.fromtimestamp(reading.time_us / 1_000_000, UTC).astimezone()
    shown = [
        f"{measurands()[id_].label_en} {value:.6g} {measurands()[id_].unit_symbol}"
        for id_ in SHOWN
        if (value := reading.values.get(id_)) is not None
    ]
    return f"{moment:%H:%M:%S}  {reading.meter}: {len(reading.values)} values; {', '.join(shown)}"
