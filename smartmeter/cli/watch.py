"""`smartmeter watch`: the running values of the daemon, from its journal."""

import argparse
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from smartmeter.cli.options import add_config_option, load_settings_from
from smartmeter.live import LatestValue
from smartmeter.settings.model import Settings
from smartmeter.settings.places import JOURNAL_NAME, SERVICE_STATE

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

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

    settings = load_settings_from(args)
    console = Console()
    if args.once or not console.is_terminal:
        console.print(_table(settings, console.width))
        return 0
    # Ctrl-C is how one ends watching.
    with suppress(KeyboardInterrupt):
        _watch(settings, console)
    return 0


def _watch(settings: Settings, console: "Console") -> NoReturn:
    from rich.live import Live as LiveDisplay  # noqa: PLC0415

    with LiveDisplay(console=console, screen=True, auto_refresh=False) as display:
        while True:
            display.update(_table(settings, console.width), refresh=True)
            time.sleep(REFRESH_S)


def _table(settings: Settings, width: int) -> "RenderableType":
    from smartmeter.cli.table import values_table  # noqa: PLC0415
    from smartmeter.journal.errors import JournalError  # noqa: PLC0415

    try:
        latest = _latest(_journal(settings))
    except JournalError as error:
        return str(error)
    return values_table(latest, settings.language, time.time_ns() // 1000, width)


def _journal(settings: Settings) -> Path:
    """The journal that these settings mean; if there is none, the one that a service with these settings keeps."""
    path, of_service = settings.journal.path, SERVICE_STATE / JOURNAL_NAME
    return of_service if not path.exists() and of_service.exists() else path


def _latest(journal: Path) -> Mapping[str, Mapping[str, LatestValue]]:
    from smartmeter.journal.view import latest_readings  # noqa: PLC0415

    return {
        meter: {id_: LatestValue(value, time_us) for id_, (value, time_us) in values.items()}
        for meter, values in latest_readings(journal).items()
    }
