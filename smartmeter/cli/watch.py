"""`smartmeter watch`: the running values of the daemon, from its journal."""

import argparse
import time
from collections.abc import Mapping
from pathlib import Path

from smartmeter.cli.options import add_config_option, load_settings_from
from smartmeter.live import LatestValue

EXAMPLES = """\
  smartmeter watch
  smartmeter watch -c /etc/smartmeter/smartmeter.toml
  smartmeter watch --once

The values come from the journal and are thus as old as its commit interval at most.
"""
REFRESH_S = 1.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config_option(parser)
    parser.add_argument("--once", action="store_true", help="print the table once and end")


def main(args: argparse.Namespace) -> int:
    from rich.console import Console  # noqa: PLC0415 - a library for this command alone
    from rich.live import Live as LiveDisplay  # noqa: PLC0415

    from smartmeter.cli.table import values_table  # noqa: PLC0415

    settings = load_settings_from(args)
    console = Console()

    def table() -> object:
        latest = _latest(settings.journal.path)
        return values_table(latest, settings.language, time.time_ns() // 1000, console.width)

    if args.once:
        console.print(table())
        return 0
    with LiveDisplay(console=console, screen=console.is_terminal, auto_refresh=False) as display:
        while True:
            display.update(table(), refresh=True)  # type: ignore[arg-type]
            time.sleep(REFRESH_S)


def _latest(journal: Path) -> Mapping[str, Mapping[str, LatestValue]]:
    from smartmeter.journal.view import latest_readings  # noqa: PLC0415

    return {
        meter: {id_: LatestValue(value, time_us) for id_, (value, time_us) in values.items()}
        for meter, values in latest_readings(journal).items()
    }
