import re
import sqlite3
from contextlib import closing

import pytest

from smartmeter.journal import JournalError
from smartmeter.journal.database import connect_writer
from smartmeter.journal.names import KEY_COLUMNS, measurand_columns, quoted
from smartmeter.journal.schema import STEPS, migrate
from smartmeter.measurands import measurands
from tests.journal.made_up import START_US, reading

FOLLOWING_STEP = ("CREATE TABLE rollup (start_us INTEGER PRIMARY KEY)", "INSERT INTO rollup VALUES (1)")


async def test_a_newer_journal_is_refused_with_both_versions(open_journal, path):
    journal = await open_journal()
    await journal.close()
    with closing(sqlite3.connect(path)) as other:
        other.execute(f"PRAGMA user_version = {len(STEPS) + 1}")
    with pytest.raises(JournalError, match=rf"schema {len(STEPS) + 1}, this one knows {len(STEPS)}"):
        await open_journal()


async def test_a_following_step_runs_once_and_keeps_what_is_there(open_journal, path):
    journal = await open_journal()
    journal.append(reading(1))
    await journal.close()
    for _ in range(2):
        with closing(connect_writer(path)) as connection:
            migrate(connection, path, ["voltage_l1", "frequency"], (*STEPS, FOLLOWING_STEP))
            assert connection.execute("SELECT * FROM rollup").fetchall() == [(1,)]
            assert connection.execute("SELECT voltage_l1, frequency FROM readings").fetchall() == [(230.1, None)]
            assert connection.execute("PRAGMA user_version").fetchone() == (len(STEPS) + 1,)


async def test_a_step_that_fails_leaves_no_trace(open_journal, path):
    journal = await open_journal()
    await journal.close()
    with closing(connect_writer(path)) as connection:
        with pytest.raises(sqlite3.OperationalError, match="meter"):
            migrate(connection, path, [], (*STEPS, (*FOLLOWING_STEP, "CREATE TABLE meter (id)")))
        assert connection.execute("SELECT name FROM sqlite_master WHERE name = 'rollup'").fetchall() == []
        assert connection.execute("PRAGMA user_version").fetchone() == (len(STEPS),)


@pytest.mark.parametrize("name", ["select", 'a "quoted" one', "x; DROP TABLE reading", "Ärger"])
async def test_any_name_can_be_a_column(open_journal, name):
    journal = await open_journal(measurands=[name])
    journal.append(reading(1, values={name: 1.5}))
    await journal.commit()
    (entry,) = await journal.entries_after(0, 1)
    assert entry.reading.values == {name: 1.5}


def test_no_measurand_is_called_like_a_column_of_ours():
    of_the_view = {"time", "time_s", "meter"}
    assert not {id_.lower() for id_ in measurands()} & ({*KEY_COLUMNS} | of_the_view)


async def test_the_view_is_for_people_and_dashboards(open_journal, path):
    journal = await open_journal()
    journal.append(reading(0))
    journal.append(reading(1, meter="garage", time_us=START_US + 1_500_000))
    await journal.commit()
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as other:
        cursor = other.execute("SELECT * FROM readings ORDER BY sequence")
        names = [name for name, *_ in cursor.description]
        assert names == [
            *("time", "time_s", "time_us", "meter", "sequence"),
            *("voltage_l1", "power_total", "energy_import"),
        ]
        assert cursor.fetchall() == [
            ("2026-09-21T14:13:20.000Z", START_US // 10**6, START_US, "house", 1, 230.1, 0.0, 0.0),
            ("2026-09-21T14:13:21.500Z", START_US // 10**6 + 1, START_US + 1_500_000, "garage", 2, 230.1, -0.5, 1.0),
        ]


@pytest.mark.parametrize("which", ["meter = 'house' AND", ""])
async def test_a_span_of_the_view_is_read_by_the_index(open_journal, path, which):
    await open_journal()
    with closing(sqlite3.connect(path)) as other:
        plan = other.execute(
            f"EXPLAIN QUERY PLAN SELECT time_s, voltage_l1 FROM readings WHERE {which} time_us BETWEEN 1 AND 2"
        ).fetchall()
    assert any(re.search(r"reading_by_time \(\S+ AND time_us>\? AND time_us<\?\)", step) for *_, step in plan)


async def test_every_measurand_has_a_column_of_its_own(open_journal, path):
    await open_journal(measurands=measurands())
    with closing(sqlite3.connect(path)) as other:
        assert list(measurand_columns(other)) == list(measurands())
        assert other.execute(f"SELECT {', '.join(map(quoted, measurands()))} FROM readings").fetchall() == []


async def test_a_commit_is_flushed_to_the_disk_before_it_counts(open_journal, path):
    await open_journal()
    with closing(connect_writer(path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        full = 2
        assert connection.execute("PRAGMA synchronous").fetchone() == (full,)
