"""`smartmeter migrate`: from the original's settings file to ours."""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from smartmeter.cli.private_file import create_private_file, replace_private_file
from smartmeter.errors import SmartmeterError

EXAMPLES = """\
  smartmeter migrate
  smartmeter migrate -c /home/pi/smartmeter/smartmeter_cfg.toml -o /etc/smartmeter/smartmeter.toml
  smartmeter migrate -o -
"""

STANDARD_OUTPUT = Path("-")


class MigrationError(SmartmeterError):
    """There is nothing to migrate, or no place to write it to."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-c",
        "--config",
        type=Path,
        metavar="FILE",
        help="the original's settings; else smartmeter_cfg.toml in the working directory or beside the program",
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help="where to write ours (default: smartmeter.toml beside the original's; - prints it). "
        "Passwords stand in it, so only you may read it",
    )
    parser.add_argument("--force", action="store_true", help="replace a file that is there already")


def main(args: argparse.Namespace) -> int:
    # pydantic takes its time: `--help` need not pay for it.
    from smartmeter.settings.legacy import is_legacy  # noqa: PLC0415
    from smartmeter.settings.load import NAME, find_legacy_settings, load_settings  # noqa: PLC0415
    from smartmeter.settings.toml_file import read_toml  # noqa: PLC0415
    from smartmeter.settings.write import write_settings  # noqa: PLC0415

    source = find_legacy_settings(args.config)
    if not is_legacy(read_toml(source)):
        raise MigrationError(f"{source} is no settings file of the original Smartmeter, so there is nothing to migrate")
    settings = load_settings(source)
    for notice in settings.notices:
        print(f"smartmeter: {source}: {notice}", file=sys.stderr)
    if args.output == STANDARD_OUTPUT:
        print(write_settings(settings), end="")
        return 0
    output = args.output or source.with_name(NAME)
    text = write_settings(replace(settings, source=output))
    if args.force:
        if output.exists() and output.samefile(source):
            raise MigrationError(f"{output} is the file that is read; -o names another one")
        replace_private_file(output, text)
    else:
        create_private_file(output, text)
    print(f"{output} is written. Look at it, then try it: smartmeter check -c {output}")
    return 0
