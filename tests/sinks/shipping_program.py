"""Ships a journal to PostgreSQL until it is killed; arguments: the journal, host, port and name of the database.

Says "shipping" when it begins, and "done" when nothing waits any more.
"""

import asyncio
import sys
from pathlib import Path

from smartmeter.journal import Journal
from smartmeter.polling.fast import FastInterval
from smartmeter.settings.model import FastSettings, JournalSettings, PostgresqlSettings
from smartmeter.sinks.postgresql import PostgresqlSink
from smartmeter.sinks.shipper import ShipperState, ship
from tests.sinks.made_up import meter, reading

PASSWORD = "geheim"


def say(state: ShipperState) -> None:
    if state.shipped and not state.backlog:
        print("done", flush=True)


async def main(path, host, port, database):
    settings = PostgresqlSettings(
        host=host,
        port=int(port),
        database=database,
        user="smartmeter",
        password=PASSWORD,
        sslmode="prefer",
        schema=None,
        table="smartmeter",
        manage_schema=True,
        ship_interval_s=10,
        ssh=None,
    )
    # The cursor becomes durable late, so that a kill finds much that is shipped and not noted.
    journal = await Journal.open(JournalSettings(path, commit_interval_s=0.2), reading(0).values, ["postgresql"])
    print("shipping", flush=True)
    await ship(journal, PostgresqlSink(settings, [meter()], "en"), 10, FastInterval(FastSettings(1, 0)), say)


asyncio.run(main(Path(sys.argv[1]), *sys.argv[2:]))
