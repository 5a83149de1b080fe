"""How much the journal writes to the disk in a day, and what a power cut can cost.

The real journal, with every value of an SDM530 in every reading and a sink whose cursor moves with every commit, does a
day's commits (or a part of them, scaled up) as fast as the disk takes them, and rolls up once a minute of the readings'
time. Bytes are counted at the block device, with
all that the file system adds; other programs that write to the same device count too, so `--directory` on a quiet one
(a loop device, say) gives the true figure. `--seconds` commits at the real pace instead, for so long per case;
`--keep` lets readings go that are older, as a journal does that has run for long.

    python benchmarks/journal_bytes.py [--directory DIR] [--seconds S] [--keep S] [--page-bytes N]
"""

import argparse
import asyncio
import logging
import os
import platform
import random
import sqlite3
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from smartmeter.journal import Journal, database
from smartmeter.measurands import measurands
from smartmeter.models import load_model
from smartmeter.reading import Reading
from smartmeter.settings.model import JournalSettings

MEASURANDS = tuple(load_model("SDM530").registers)
SINK = "postgresql"
DAY_S = 86_400
SECTOR_BYTES = 512
# As the journal does it by itself at the real pace.
ROLL_UP_EVERY_S = 60
START_US = 1_760_000_000_000_000


@dataclass(frozen=True)
class Case:
    """Readings every `interval_s`, commits every `commit_s`; `share` is the part of a day that is done."""

    interval_s: int
    commit_s: int
    share: float

    @property
    def commits_a_day(self) -> int:
        return DAY_S // self.commit_s

    @property
    def rows(self) -> int:
        return self.commit_s // self.interval_s


# The second is the default: a commit for every reading.
CASES = (Case(1, 60, 1.0), Case(5, 5, 0.25), Case(1, 5, 0.25))


@dataclass(frozen=True)
class Written:
    """Counters so far: bytes and flushes at the block device, bytes by this process."""

    device_bytes: int | None
    flushes: int | None
    process_bytes: int | None

    @classmethod
    def by(cls, directory: Path) -> "Written":
        os.sync()
        device = directory.stat().st_dev
        stat = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}/stat")
        # The fields: https://docs.kernel.org/block/stat.html
        fields = stat.read_text().split() if stat.exists() else []
        io = Path("/proc/self/io")
        lines = io.read_text().splitlines() if io.exists() else []
        process = next((int(line.split()[1]) for line in lines if line.startswith("write_bytes")), None)
        if not fields:
            return cls(None, None, process)
        return cls(int(fields[6]) * SECTOR_BYTES, int(fields[15]), process)

    def since(self, before: "Written") -> "Written":
        def less(end: int | None, start: int | None) -> int | None:
            return None if end is None or start is None else end - start

        return Written(
            less(self.device_bytes, before.device_bytes),
            less(self.flushes, before.flushes),
            less(self.process_bytes, before.process_bytes),
        )


def reading(number: int, interval_s: int) -> Reading:
    at_us = number * interval_s * 1_000_000
    # A float that is a whole number takes less room; these are none. Counters run on, or the guard would hold them.
    values = {
        id_: 0.001 * (number + 0.5) if measurands()[id_].kind == "counter" else random.uniform(1, 1000)
        for id_ in MEASURANDS
    }
    return Reading("house", START_US + at_us, "boot", at_us, values)


async def measure(case: Case, directory: Path, real_s: float | None, keep_s: float | None) -> None:
    journal = await Journal.open(JournalSettings(directory / "smartmeter.db", 1e9, keep_s), MEASURANDS, [SINK])
    number = 0
    commit_times_s = []

    async def commit() -> None:
        nonlocal number
        await journal.advance(SINK, number)
        for _ in range(case.rows):
            number += 1
            journal.append(reading(number, case.interval_s))
        started_s = time.perf_counter()
        await journal.commit()
        commit_times_s.append(time.perf_counter() - started_s)
        if real_s is None and number * case.interval_s % ROLL_UP_EVERY_S < case.commit_s:
            await journal.roll_up()

    commits = round(case.commits_a_day * case.share if real_s is None else real_s / case.commit_s)
    # A log that grows no more has been copied into the database, and is overwritten from then on, as it is all day.
    log, length = directory / "smartmeter.db-wal", -1
    while not log.exists() or log.stat().st_size > length:
        length = log.stat().st_size if log.exists() else -1
        await commit()
    commit_times_s.clear()
    before = Written.by(directory)
    for _ in range(commits):
        if real_s is not None:
            await asyncio.sleep(case.commit_s)
        await commit()
    written = Written.by(directory).since(before)
    size = (directory / "smartmeter.db").stat().st_size
    if journal.state.failing:
        raise SystemExit(journal.state.failing)
    await journal.close()

    days = commits / case.commits_a_day
    row_bytes = size / number
    print(f"\n{len(MEASURANDS)} values every {case.interval_s} s, commit_interval {case.commit_s} s; {commits} commits")
    if written.device_bytes is not None and written.flushes is not None:
        flushes = written.flushes / commits
        print(
            f"  at the block device   {written.device_bytes / days / 1e6:.0f} MB a day, {flushes:.2f} flushes a commit"
        )
    if written.process_bytes is not None:
        print(f"  by this process       {written.process_bytes / days / 1e6:.0f} MB a day")
    print(
        f"  the file grows        {row_bytes * DAY_S / case.interval_s / 1e6:.0f} MB a day, {row_bytes:.0f} B a reading"
    )
    median_s, longest_s = statistics.median(commit_times_s), max(commit_times_s)
    print(f"  a commit takes        {median_s * 1e3:.1f} ms, at most {longest_s * 1e3:.1f} ms")
    print(f"  a power cut costs     at most {case.rows} readings of a meter, and what comes during a commit")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--directory", type=Path, help="where to write (default: the directory for temporary files)")
    parser.add_argument("--seconds", type=float, help="commit at the real pace, for so long per case")
    parser.add_argument(
        "--keep", type=float, help="seconds of the readings' time that they are kept (default: for ever)"
    )
    parser.add_argument("--page-bytes", type=int, default=database.PAGE_BYTES, help="another page size, to compare")
    arguments = parser.parse_args()
    logging.basicConfig()
    database.WRITER_PRAGMAS = (
        *database.WRITER_PRAGMAS,
        f"page_size = {arguments.page_bytes}",
        f"wal_autocheckpoint = {database.CHECKPOINT_BYTES // arguments.page_bytes}",
    )
    print(f"SQLite {sqlite3.sqlite_version}, {platform.platform()}, pages of {arguments.page_bytes} bytes")
    for case in CASES:
        with tempfile.TemporaryDirectory(dir=arguments.directory) as directory:
            asyncio.run(measure(case, Path(directory), arguments.seconds, arguments.keep))


if __name__ == "__main__":
    main()
