"""`smartmeter service`: the systemd unit for this installation."""

import argparse
import getpass
import sys
from pathlib import Path

from smartmeter.cli.options import add_config_option
from smartmeter.errors import SmartmeterError

EXAMPLES = """\
  smartmeter service | sudo tee /etc/systemd/system/smartmeter.service
  smartmeter service -c /etc/smartmeter/smartmeter.toml --user smartmeter
  sudo systemctl daemon-reload && sudo systemctl enable --now smartmeter
"""

UNIT = """\
# Written by `smartmeter service`; the directives are described in systemd.exec(5) and systemd.service(5).
[Unit]
Description=Smartmeter: reads electricity meters and keeps every reading
Wants=network-online.target time-sync.target
After=network-online.target time-sync.target

[Service]
Type=notify
ExecStart={command} run -c {settings}
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

    settings = load_settings(find_settings(args.config))
    source = settings.source.resolve()
    user = args.user or getpass.getuser()
    if any(character.isspace() for character in str(source)):
        raise SmartmeterError(f"{source}: systemd needs a path without spaces; move the settings, then ask again")
    print(UNIT.format(command=_command(), settings=source, user=user, directory=source.parent), end="")
    return 0


def _command() -> str:
    """How systemd starts this very installation, by absolute paths."""
    starter = Path(sys.argv[0]).resolve()
    if starter.name == "smartmeter.py":
        return f"{sys.executable} {starter}"
    return f"{sys.executable} -m smartmeter"
