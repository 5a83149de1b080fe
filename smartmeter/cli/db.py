"""`smartmeter db`: what journal and database hold, and work on their roll-ups."""

import argparse
import asyncio
from collections.abc import Callable, Mapping

from smartmeter.cli.kept import QUARTERS, database_of, roll_up_journal, shares
from smartmeter.cli.options import add_config_option, load_settings_from
from smartmeter.cli.progress import progress_bar
from smartmeter.errors import SmartmeterError
from smartmeter.settings.model import Settings

EXAMPLES = """\
  smartmeter db status
  smartmeter db status --json
  smartmeter db init
  smartmeter db upgrade
  smartmeter db rebuild --meter house
  smartmeter db repair
  smartmeter db repair --apply all
  smartmeter db repair --undo all

`init` and `upgrade` are what the daemon does by itself where manage_schema allows it. `rebuild` makes roll-ups and
energy anew from the readings that are kept, while the daemon runs or not. `repair` lists jumps of counters that were
left out, and meters that were replaced; what it decides can be undone, and no reading is ever changed.
"""


class CommandError(SmartmeterError):
    """What was asked for cannot be done."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    status = actions.add_parser("status", help="schema, sizes, what is compressed, what waits")
    status.add_argument("--json", action="store_true", help="the same as one JSON object")
    init = actions.add_parser("init", help="make the tables that are missing")
    upgrade = actions.add_parser("upgrade", help="run the steps of the schema that are missing")
    rebuild = actions.add_parser("rebuild", help="make roll-ups and energy anew from the readings")
    rebuild.add_argument("--meter", metavar="NAME", help="only this meter's (default: all)")
    repair = actions.add_parser("repair", help="decide on what the counter guard found")
    change = repair.add_mutually_exclusive_group()
    change.add_argument("--apply", nargs="+", metavar="N", help="count these jumps as energy: their numbers, or all")
    change.add_argument("--undo", nargs="+", metavar="N", help="take these decisions back: their numbers, or all")
    for action in (status, init, upgrade, rebuild, repair):
        add_config_option(action)


def main(args: argparse.Namespace) -> int:
    settings = load_settings_from(args)
    return _ACTIONS[args.action](settings, args)


def _status(settings: Settings, args: argparse.Namespace) -> int:
    from smartmeter.cli.db_status import print_status  # noqa: PLC0415

    print_status(settings, as_json=args.json)
    return 0


def _init(settings: Settings, _: argparse.Namespace) -> int:
    _upgrade_journal(settings)
    target = database_of(settings)
    if target is not None:
        from smartmeter.sinks.postgresql.maintenance import init_database  # noqa: PLC0415

        print(_steps_line("database", *asyncio.run(init_database(target))))
    return 0


def _upgrade(settings: Settings, _: argparse.Namespace) -> int:
    _upgrade_journal(settings)
    target = database_of(settings)
    if target is not None:
        from smartmeter.sinks.postgresql.maintenance import upgrade_database  # noqa: PLC0415

        print(_steps_line("database", *asyncio.run(upgrade_database(target))))
    return 0


def _upgrade_journal(settings: Settings) -> None:
    from smartmeter.journal.status import journal_status, upgrade_journal  # noqa: PLC0415
    from smartmeter.settings.site import site_of  # noqa: PLC0415

    path = settings.journal.path
    if not path.exists():
        # Made by another user, it would be closed to the daemon.
        print(f"journal: {path} will be made by the daemon when it starts")
        return
    status = journal_status(path)
    if status.schema < status.newest_schema:
        upgrade_journal(path, site_of(settings))
    print(_steps_line("journal", status.schema, status.newest_schema))


def _steps_line(what: str, before: int, after: int) -> str:
    return f"{what}: schema {after}, nothing to do" if before == after else f"{what}: schema {before} is now {after}"


def _rebuild(settings: Settings, args: argparse.Namespace) -> int:
    from smartmeter.journal.decisions import mark_all_dirty  # noqa: PLC0415

    target = database_of(settings)
    if target is not None:
        from smartmeter.sinks.postgresql.maintenance import rebuild_database  # noqa: PLC0415

        with progress_bar("database", QUARTERS) as tell:
            asyncio.run(rebuild_database(target, args.meter, shares(tell)))
        print("database: roll-ups and energy are made anew")
    if settings.journal.path.exists():
        mark_all_dirty(settings.journal.path, args.meter)
        if roll_up_journal(settings):
            print("journal: roll-ups and energy are made anew")
    elif target is None:
        raise CommandError(f"{settings.journal.path}: there is no journal; is smartmeter running with these settings?")
    return 0


def _repair(settings: Settings, args: argparse.Namespace) -> int:
    from smartmeter.cli.db_repair import repair  # noqa: PLC0415

    repair(settings, args.apply, args.undo)
    return 0


_ACTIONS: Mapping[str, Callable[[Settings, argparse.Namespace], int]] = {
    "status": _status,
    "init": _init,
    "upgrade": _upgrade,
    "rebuild": _rebuild,
    "repair": _repair,
}
