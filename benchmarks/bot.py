"""What the Telegram bot costs: resident memory of the daemon after all its commands, with PostgreSQL and alarms.

The whole daemon runs as a process of its own, on a virtual line, against a PostgreSQL server and a Bot API server on
this machine. Beside it, in the same run, the daemon without a bot.

    python benchmarks/bot.py [--rounds N]
"""

import argparse
import platform
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, Popen

import psutil
from lib.postgresql import server

from smartmeter.modbus.line import SerialFormat
from smartmeter.models import load_model
from smartmeter.settings.model import PostgresqlSettings
from smartmeter.simulator import VirtualLine, VirtualMeter
from tests.fixtures.telegram_api import Person, TelegramApi

BAR_MB = 90.0
LINE = SerialFormat(19200, 8, "E", 1)
OWNER = Person(4711, "Anna")
COMMANDS = ("/now", "/energy", "/chart voltage_l1 1h", "/status", "/alarm", "/fast 1 10s", "/help", "/chart")
ANSWER_S = 60.0
CODE = re.compile(r"/start (\w{8})")
SETTINGS = """
alarms = "en50160"
timezone = "Europe/Berlin"
[[bus]]
port = "{port}"
baudrate = 19200
parity = "E"
[[bus.meter]]
model = "SDM530"
address = 1
interval = "1s"
[postgresql]
host = "{host}"
port = {pg_port}
database = "{database}"
user = "{user}"
"""
BOT = """
[telegram]
token = "{token}"
api_url = "{url}"
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="how often every command is given (default 3)")
    rounds = parser.parse_args().rounds
    print(f"{platform.machine()}, {platform.system()} {platform.release()}, Python {platform.python_version()}")
    with server() as postgresql:
        without_mb = measure(postgresql, None, rounds)
        with TelegramApi() as api:
            with_mb = measure(postgresql, api, rounds)
    print(f"resident with PostgreSQL and alarms: {without_mb:.1f} MB")
    verdict = "held" if with_mb <= BAR_MB else "missed"
    given = f"{rounds} times {len(COMMANDS)} commands"
    print(f"the same with the bot, after {given}: {with_mb:.1f} MB (bar {BAR_MB:g}): {verdict}")
    return 0 if with_mb <= BAR_MB else 1


def measure(postgresql: PostgresqlSettings, api: TelegramApi | None, rounds: int) -> float:
    """The daemon's resident memory in MB when all has been used."""
    meter = VirtualMeter(load_model("SDM530"))
    with tempfile.TemporaryDirectory() as name, VirtualLine(LINE, [meter], turnaround_s=0.02) as line:
        settings = Path(name) / "smartmeter.toml"
        text = SETTINGS.format(
            port=line.path,
            host=postgresql.host,
            pg_port=postgresql.port,
            database=postgresql.database,
            user=postgresql.user,
        )
        if api is not None:
            text += BOT.format(token=api.token, url=api.url)
        settings.write_text(text, "utf-8")
        with running(settings) as process:
            if api is None:
                time.sleep(15)
            else:
                use(process, api, rounds)
            return psutil.Process(process.pid).memory_info().rss / 1e6


@contextmanager
def running(settings: Path) -> Iterator["Popen[str]"]:
    """The daemon as a process of its own."""
    process = Popen([sys.executable, "-m", "smartmeter", "run", "-c", str(settings)], stderr=PIPE, text=True)
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=20)


def use(process: "Popen[str]", api: TelegramApi, rounds: int) -> None:
    """Pair a chat and give every command, waiting for each answer."""
    if process.stderr is None:
        raise AssertionError("it is a pipe")
    code = next(match[1] for line in process.stderr if (match := CODE.search(line)))
    api.say(OWNER.id, f"/start {code}", OWNER)
    api.wait_for(1, within_s=ANSWER_S, chat_id=OWNER.id)
    for _ in range(rounds):
        for command in COMMANDS:
            answers = len(api.sent(OWNER.id))
            api.say(OWNER.id, command, OWNER)
            api.wait_for(answers + 1, within_s=ANSWER_S, chat_id=OWNER.id)


if __name__ == "__main__":
    sys.exit(main())
