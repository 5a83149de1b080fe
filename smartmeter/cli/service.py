"""`smartmeter service`: the systemd unit for this installation."""

import argparse
import getpass
import re
import sys
from pathlib import Path

from smartmeter.cli.options import add_config_option
from smartmeter.errors import SmartmeterError
from smartmeter.settings.errors import SettingsError

EXAMPLES = """\
  smartmeter service | sudo tee /etc/systemd/system/smartmeter.service
  smartmeter service -c /etc/smartmeter/smartmeter.toml --user smartmeter
  sudo systemctl daemon-reload && sudo systemctl enable --now smartmeter
"""

USER_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
PLAIN_WORD = re.compile(r"[A-Za-z0-9_./@:=+-]+")

UNIT = """\
# Written by `smartmeter service`; the directives are described in systemd.exec(5) and systemd.service(5).
[Unit]
Description=Smartmeter: reads electricity meters and keeps every reading
Wants=network-online.target time-sync.target
After=network-online.target time-sync.target

[Service]
Type=notify
ExecStart={command}
User={user}
# Serial ports belong to this group on Debian and Raspberry Pi OS.
SupplementaryGroups=dialout
WorkingDirectory={directory}
# The journal lies in /var/lib/smartmeter, which the program learns from systemd.
StateDirectory=smartmeter
StateDirectoryMode=0750
UMask=0027
Restart=always
RestartSec=5
WatchdogSec=120
TimeoutStopSec=30
# Secrets: write `password_file = "postgresql_password"` in the settings and take the next line in.
#LoadCredential=postgresql_password:/etc/smartmeter/postgresql_password
#LoadCredential=telegram_token:/etc/smartmeter/telegram_token

# What it may: read its settings, write its state, use serial ports and the network. Nothing else.
NoNewPrivileges=yes
CapabilityBoundingSet=
ProtectSystem=strict
ProtectHome=read-only
PrivateTmp=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
DevicePolicy=closed
DeviceAllow=char-ttyUSB rw
DeviceAllow=char-ttyACM rw
DeviceAllow=char-ttyAMA rw
DeviceAllow=char-ttyS rw

[Install]
WantedBy=multi-user.target
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config_option(parser)
    parser.add_argument("--user", default=None, metavar="NAME", help="who runs it (default: you)")


def main(args: argparse.Namespace) -> int:
    from smartmeter.settings.load import find_settings, load_settings  # noqa: PLC0415 - pydantic takes its time

    source = find_settings(args.config).resolve()
    user = args.user or getpass.getuser()
    if not USER_NAME.fullmatch(user):
        raise SmartmeterError(f"{user!r} is no user name that systemd takes")
    try:
        load_settings(source)
    except SettingsError as error:
        if not source.is_file():
            raise
        # A secret may be there for the service only; the unit is right all the same.
        for mistake in error.mistakes:
            print(f"smartmeter: {mistake}", file=sys.stderr)
    command = " ".join(_quoted(word) for word in (*_command(), "run", "-c", str(source)))
    print(UNIT.format(command=command, user=user, directory=str(source.parent).replace("%", "%%")), end="")
    return 0


def _command() -> list[str]:
    """How systemd starts this very installation, by absolute paths."""
    starter = Path(sys.argv[0]).resolve()
    if starter.name == "smartmeter.py":
        return [sys.executable, str(starter)]
    return [sys.executable, "-m", "smartmeter"]


def _quoted(word: str) -> str:
    """A word of a command line as systemd.service(5) wants it, under "Command lines"."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return escaped if PLAIN_WORD.fullmatch(word) else f'"{escaped}"'
