"""`smartmeter web`: what the page needs for others than this machine."""

import argparse
import getpass
import secrets
import sys

from smartmeter.errors import SmartmeterError

EXAMPLES = """\
  smartmeter web password
  smartmeter web token

`password` asks for a password, twice, and prints what belongs under [web] in the settings: a hash, from which nobody
can get the password back. `token` makes one for a program.
"""
SHORTEST = 8
_TOKEN_BYTES = 24


class PasswordError(SmartmeterError):
    """It cannot be the password."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("password", help="ask for a password and print its hash")
    actions.add_parser("token", help="print a new token for a program")


def main(args: argparse.Namespace) -> int:
    if args.action == "token":
        print(f'tokens = ["{secrets.token_urlsafe(_TOKEN_BYTES)}"]')
        return 0
    from smartmeter.web.sessions import LONGEST_PASSWORD, hash_password  # noqa: PLC0415 - only now is it needed

    password = _ask(LONGEST_PASSWORD)
    print(f'password_hash = "{hash_password(password)}"')
    return 0


def _ask(longest: int) -> str:
    """The password: asked for twice at a terminal, else the line on standard input."""
    if sys.stdin.isatty():
        password = getpass.getpass("Password: ")
        if getpass.getpass("Once more: ") != password:
            raise PasswordError("these are two different passwords")
    else:
        password = sys.stdin.readline().rstrip("\n")
    if not SHORTEST <= len(password) <= longest:
        raise PasswordError(f"a password has {SHORTEST} to {longest} characters")
    return password
