import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import pytest

from tests.journal.made_up import numbers, readings, sequences

ROUNDS = 6
WRITER = """
import asyncio, sys
from pathlib import Path
from smartmeter.journal import Journal
from smartmeter.settings.model import JournalSettings
from tests.journal.made_up import MEASURANDS, reading

async def main(path):
    journal = await Journal.open(JournalSettings(path, 0.001, None), MEASURANDS, ["postgresql"])
    number = (await journal.entries_after(0, 100_000) or [None])[-1]
    number = number.sequence if number else 0
    while True:
        for _ in range(1 + number % 7):
            number += 1
            journal.append(reading(number))
        await journal.advance("postgresql", number - 1)
        await journal.commit()
        print(number, flush=True)

asyncio.run(main(Path(sys.argv[1])))
"""


def killed_at_a_random_moment(path):
    """The last number that was committed before SIGKILL, as far as the process could still say it."""
    with subprocess.Popen([sys.executable, "-c", WRITER, path], stdout=subprocess.PIPE, text=True) as process:
        first = process.stdout.readline()
        time.sleep(random.random() * 0.2)
        process.send_signal(signal.SIGKILL)
        lines = [first, *process.stdout]
    return int([line for line in lines if line.endswith("\n")][-1])


async def test_what_was_committed_survives_kill_9(open_journal, path):
    committed = 0
    for _ in range(ROUNDS):
        before, committed = committed, killed_at_a_random_moment(path)
        assert committed > before
        with closing(sqlite3.connect(path)) as other:
            assert other.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            # A cursor that was never moved has no row: the first commit of the first writer advances to 0.
            ((cursor,),) = other.execute("SELECT coalesce(max(sequence), 0) FROM cursor").fetchall()
            assert cursor >= committed - 1
    journal = await open_journal()
    entries = await journal.entries_after(0, 100_000)
    found = sequences(entries)
    assert found == numbers(entries) == list(range(1, len(found) + 1))
    # All that was said, and of what was under way whole transactions or nothing.
    assert committed <= found[-1] <= committed + 7


@pytest.mark.parametrize("commit_interval_s", [0.001, 3600.0])
async def test_an_orderly_end_loses_nothing(open_journal, commit_interval_s):
    journal = await open_journal(commit_interval_s=commit_interval_s)
    for one in readings(1, 2500):
        journal.append(one)
    await journal.close()
    journal = await open_journal()
    assert numbers(await journal.entries_after(0, 10_000)) == list(range(1, 2501))
