"""`smartmeter run`: the daemon."""

import argparse
import asyncio
import contextlib
import logging
import signal
from typing import TYPE_CHECKING

from smartmeter.cli.log import configure_log, secrets_of
from smartmeter.cli.options import add_config_option
from smartmeter.settings.apart import loaded_settings, start_loading

if TYPE_CHECKING:
    from smartmeter.daemon import Daemon

EXAMPLES = """\
  smartmeter run
  smartmeter run -c /etc/smartmeter/smartmeter.toml

Signals: SIGTERM and Ctrl-C end it and lose nothing; SIGUSR2 shortens the interval for a while; SIGUSR1 writes the
demand periods of the settings to the meters, and logs what became of it.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config_option(parser)
    parser.add_argument("-v", "--verbose", action="store_true", help="log more")


def main(args: argparse.Namespace) -> int:
    formatter = configure_log(logging.DEBUG if args.verbose else logging.INFO)
    loading = start_loading(args.config)
    # Meanwhile, and only in this process: the loading one has no use for it.
    from smartmeter.daemon import Daemon  # noqa: PLC0415

    settings = loaded_settings(loading)
    formatter.hide(secrets_of(settings))
    asyncio.run(_run(Daemon(settings)))
    return 0


async def _run(daemon: "Daemon") -> None:
    loop, running = asyncio.get_running_loop(), asyncio.current_task()
    if running is None:
        raise AssertionError("this is a task")
    # SIGHUP comes when the terminal is closed.
    for stop in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(stop, running.cancel)
    loop.add_signal_handler(signal.SIGUSR2, daemon.shorten_interval)
    loop.add_signal_handler(signal.SIGUSR1, daemon.write_demand_periods)
    with contextlib.suppress(asyncio.CancelledError):
        await daemon.run()
