"""`smartmeter telegram`: which chats the bot serves."""

import argparse
import time
from datetime import datetime
from zoneinfo import ZoneInfo

from smartmeter.cli.options import add_config_option, load_settings_from
from smartmeter.errors import SmartmeterError
from smartmeter.settings.model import Settings

EXAMPLES = """\
  smartmeter telegram pair
  smartmeter telegram chats
  smartmeter telegram remove 123456789

`pair` shows a code that is valid for ten minutes and pairs one chat: write `/start CODE` to the bot. Five wrong codes
close pairing for an hour; `pair --reopen` opens it before. The daemon must have run once with these settings.
"""


class CommandError(SmartmeterError):
    """What was asked for cannot be done."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    pair = actions.add_parser("pair", help="show a code with which a chat is paired")
    pair.add_argument("--reopen", action="store_true", help="also if wrong codes have closed pairing")
    chats = actions.add_parser("chats", help="the chats that are paired")
    remove = actions.add_parser("remove", help="have a chat served no more")
    remove.add_argument("chat", type=int, metavar="NUMBER", help="its number, as `smartmeter telegram chats` shows it")
    for action in (pair, chats, remove):
        add_config_option(action)


def main(args: argparse.Namespace) -> int:
    settings = load_settings_from(args)
    if settings.telegram is None:
        raise CommandError(f"{settings.source}: there is no bot; its token stands under [telegram]")
    if args.action == "pair":
        _pair(settings, reopening=args.reopen)
    elif args.action == "chats":
        _list(settings)
    else:
        _remove(settings, args.chat)
    return 0


def _pair(settings: Settings, *, reopening: bool) -> None:
    from smartmeter.bot.pairing import CODE_VALID_US, closed_for_us, issue_code, reopen  # noqa: PLC0415
    from smartmeter.clock import now, system_clock  # noqa: PLC0415
    from smartmeter.state import with_state  # noqa: PLC0415

    path, moment = settings.journal.state_path, now(system_clock())
    if reopening:
        with_state(path, reopen)
    code = with_state(path, issue_code, moment)
    if code is None:
        until = _clock(settings, with_state(path, closed_for_us, moment))
        raise CommandError(
            f"pairing is closed until {until}, as five wrong codes came; if these were yours: "
            "smartmeter telegram pair --reopen"
        )
    print(f"Write to the bot before {_clock(settings, CODE_VALID_US)}:  /start {code}")


def _clock(settings: Settings, ahead_us: int) -> str:
    """The time of day in so many microseconds, where the meters are."""
    return f"{datetime.fromtimestamp(time.time() + ahead_us / 1e6, ZoneInfo(settings.timezone)):%H:%M}"


def _list(settings: Settings) -> None:
    from smartmeter.bot.pairing import chats  # noqa: PLC0415
    from smartmeter.periods import local_time  # noqa: PLC0415
    from smartmeter.state import with_state  # noqa: PLC0415

    paired = with_state(settings.journal.state_path, chats)
    for chat in paired:
        since = local_time(chat.paired_us, ZoneInfo(settings.timezone))
        print(f"{chat.id:>15}  since {since:%Y-%m-%d %H:%M}  {chat.title}")
    if not paired:
        print("No chat is paired; smartmeter telegram pair shows how.")


def _remove(settings: Settings, chat: int) -> None:
    from smartmeter.bot.pairing import chats, remove_chat  # noqa: PLC0415
    from smartmeter.state import with_state  # noqa: PLC0415

    path = settings.journal.state_path
    # Looked for first, as SQLite takes no number of more than 64 bits.
    is_paired = chat in [one.id for one in with_state(path, chats)]
    if not (is_paired and with_state(path, remove_chat, chat)):
        raise CommandError(f"no chat {chat} is paired; smartmeter telegram chats lists them")
    print(f"The bot does not serve chat {chat} any more.")
