"""The front door: finds the command and turns errors into one line.

A command's module is imported when the command is given and not before, so that `--help` stays fast on a Raspberry Pi.
"""

import argparse
import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Protocol, cast

from smartmeter import __version__
from smartmeter.errors import SmartmeterError

COMMANDS: Mapping[str, str] = {
    "run": "read the meters, keep every reading, ship it: the daemon",
    "check": "check the settings and all that they name, and print the plan of each bus",
    "doctor": "find out what is wrong with a bus, and what to do about it",
    "read": "read the meters once and print every value",
    "set": "what is set at a meter, and changing it: address, speed, parity, demand period, …",
    "watch": "show the running values of the daemon in a table",
    "demo": "a virtual meter and the daemon together, to look at",
    "db": "what journal and database hold; make, upgrade, rebuild and repair roll-ups and energy",
    "meter": "say that a meter was replaced, or have what was learned of it learned anew",
    "scan": "find the meters on a line: address, speed, parity, probable model",
    "init": "ask for port and model, or find them, and write smartmeter.toml",
    "migrate": "write smartmeter.toml from the configuration of the original Smartmeter",
    "models": "list the meter models, or one with its registers",
    "simulate": "virtual or recorded meters on a serial line or behind a network",
    "record": "record a bus into a file that can be sent and replayed",
    "telegram": "pair chats with the bot, list and remove them",
    "web": "make the password's hash and tokens for the page",
    "report": "energy and cost of a day, week, month or year, or the quality of the supply by EN 50160",
    "export": "write readings, roll-ups or energy into a file, CSV or Parquet",
    "import": "bring years of readings in, from the original's database or a file",
    "grafana": "write dashboards for Grafana, or put them into a running one",
    "service": "print the systemd unit for this installation",
}
FRONT_OPTIONS = ("-h", "--help", "--version")
INTERRUPTED = 130


class Command(Protocol):
    """What the module of a command holds."""

    EXAMPLES: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the command's options."""

    def main(self, args: argparse.Namespace) -> int:
        """Run the command; the result is the exit status."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that `arguments` (else the process's own) name; the result is the exit status.

    Without a command it is the daemon, as with the original.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or (given[0].startswith("-") and given[0] not in FRONT_OPTIONS):
        given.insert(0, "run")
    name = given[0]
    if name not in COMMANDS:
        _front_parser().parse_args(given)
    try:
        args = _command_parser(name).parse_args(given)
        return _load(name).main(args)
    except SmartmeterError as error:
        for line in str(error).splitlines():
            print(f"smartmeter: {line}", file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        print(f"smartmeter: the library {error.name} is missing; install what is needed: make setup", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has seen enough; without this Python complains once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _load(name: str) -> Command:
    return cast("Command", importlib.import_module(f"smartmeter.cli.{name}"))


def _front_parser() -> argparse.ArgumentParser:
    width = max(len(name) for name in COMMANDS)
    parser = argparse.ArgumentParser(
        prog="smartmeter",
        description="Reads electricity meters over Modbus and keeps every reading.",
        epilog="commands:\n"
        + "\n".join(f"  {name:{width}}  {text}" for name, text in COMMANDS.items())
        + "\n\n`smartmeter COMMAND --help` tells more. To see it work without a meter: smartmeter demo",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_version(parser)
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND", help="one of those below; none: run")
    return parser


def _command_parser(name: str) -> argparse.ArgumentParser:
    module = _load(name)
    front = argparse.ArgumentParser(prog="smartmeter")
    _add_version(front)
    parser = front.add_subparsers(required=True, metavar="COMMAND").add_parser(
        name,
        description=f"{name}: {COMMANDS[name]}.",
        epilog=f"examples:\n{module.EXAMPLES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    module.add_arguments(parser)
    return front


def _add_version(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--version", action="version", version=f"smartmeter {__version__}")
