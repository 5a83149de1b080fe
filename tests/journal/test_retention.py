import sqlite3
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartmeter.journal.retention import BLOCK_ROWS, BLOCKS_PER_COMMIT, delete_expired
from smartmeter.journal.schema import migrate
from tests.journal.made_up import INTERVAL_US, reading, readings, sequences

SECOND_US = 1_000_000
INTERVAL_S = INTERVAL_US / SECOND_US


async def write(journal, *new):
    for one in new:
        journal.append(one)
    await journal.commit()
    await journal.roll_up()
    await journal.commit()


async def stored(journal):
    return sequences(await journal.entries_after(0, 10_000))


async def test_keeps_everything_unless_told(open_journal):
    journal = await open_journal(sinks=["postgresql"])
    await write(journal, *readings(1, 500))
    await journal.advance("postgresql", 500)
    await journal.commit()
    assert len(await stored(journal)) == 500


async def test_keeps_what_a_sink_has_not_taken(open_journal):
    journal = await open_journal(sinks=["postgresql", "mqtt"], keep_s=100 * INTERVAL_S)
    await write(journal, *readings(1, 1000))
    await journal.advance("postgresql", 1000)
    await journal.commit()
    assert len(await stored(journal)) == 1000
    await journal.advance("mqtt", 350)
    await journal.commit()
    assert (await stored(journal))[0] == 301
    await journal.advance("mqtt", 1000)
    await journal.commit()
    assert (await stored(journal))[0] == 801


async def test_a_sink_that_is_no_longer_set_does_not_hold_anything(open_journal):
    journal = await open_journal(sinks=["postgresql"], keep_s=0.0)
    await journal.advance("mqtt", 1)
    await journal.advance("postgresql", 1000)
    await write(journal, *readings(1, 300))
    assert (await stored(journal))[0] == 201


async def test_without_a_sink_age_alone_counts(open_journal):
    journal = await open_journal(keep_s=100 * INTERVAL_S)
    await write(journal, *readings(1, 450))
    assert (await stored(journal))[0] == 301


async def test_a_commit_deletes_a_limited_number(open_journal):
    journal = await open_journal(keep_s=0.0)
    await write(journal, *readings(1, 900))
    assert (await stored(journal))[0] == BLOCK_ROWS * BLOCKS_PER_COMMIT + 1
    await write(journal, reading(901))
    assert (await stored(journal))[0] == 801 + BLOCK_ROWS


@pytest.mark.parametrize("jump_us", [20 * 365 * 86_400 * SECOND_US, -20 * 365 * 86_400 * SECOND_US])
async def test_a_clock_that_jumps_takes_nothing_away(open_journal, jump_us):
    journal = await open_journal(keep_s=5000 * INTERVAL_S)
    await write(journal, *readings(1, 300))
    jumped = [reading(number, time_us=reading(number).time_us + jump_us) for number in range(301, 901)]
    await write(journal, *jumped)
    await write(journal, *readings(901, 1000))
    assert len(await stored(journal)) == 1000


async def test_the_newest_reading_stays_so_that_the_sequence_goes_on(open_journal):
    journal = await open_journal(keep_s=0.0)
    await write(journal, *readings(1, 300))
    await write(journal, reading(301, monotonic_us=10**15))
    await journal.close()
    journal = await open_journal(keep_s=0.0)
    await write(journal, reading(302))
    assert (await stored(journal))[-1] == 302


def fill(connection, boots):
    """`boots` holds for each boot how many readings it has and the seconds between them; before the first the machine
    has run for a day.
    """
    connection.execute("INSERT INTO meter VALUES (1, 'house')")
    sequence, elapsed_us, ages = 0, 0, []
    for boot_id, (count, gap_s) in enumerate(boots, 1):
        connection.execute("INSERT INTO boot VALUES (?, ?, ?)", (boot_id, f"boot-{boot_id}", sequence + 1))
        monotonic_us = 86_400 * SECOND_US
        for index in range(count):
            sequence += 1
            step_us = gap_s * SECOND_US if index else 0
            monotonic_us += step_us
            elapsed_us += step_us
            ages.append(elapsed_us)
            row = (sequence, 0, boot_id, monotonic_us)
            connection.execute("INSERT INTO reading VALUES (?, 1, ?, ?, ?)", row)
    return [(elapsed_us - at_us) / SECOND_US for at_us in ages]


@given(
    st.lists(
        # A boot may be noted of which no reading came.
        st.tuples(st.sampled_from([0, 1, 50, 99, 100, 101, 150]), st.sampled_from([0, 1, 10, 1000])),
        min_size=1,
        max_size=6,
    ).filter(lambda boots: any(count for count, _ in boots)),
    st.sampled_from([0, 5, 100, 20_000]),
    st.one_of(st.none(), st.integers(0, 600)),
    st.data(),
)
def test_what_goes_is_old_and_taken_and_what_is_left_is_less_than_a_block(boots, keep_s, taken, data):
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(connection, None, ())
        ages_s = fill(connection, boots)
        deleted = delete_expired(connection, keep_s, taken)
        left = [sequence for (sequence,) in connection.execute("SELECT sequence FROM reading ORDER BY sequence")]
        assert left == list(range(deleted + 1, len(ages_s) + 1))
        assert left
        assert deleted <= BLOCK_ROWS * BLOCKS_PER_COMMIT
        assert all(age_s > keep_s for age_s in ages_s[:deleted])
        assert taken is None or deleted <= taken
        may_go = [age_s > keep_s and (taken is None or n <= taken) for n, age_s in enumerate(ages_s[:-1], 1)]
        assert deleted == BLOCK_ROWS * BLOCKS_PER_COMMIT or sum(may_go) - deleted < BLOCK_ROWS
        again = data.draw(st.integers(0, 3))
        for _ in range(again):
            delete_expired(connection, keep_s, taken)
        assert connection.execute("SELECT max(sequence) FROM reading").fetchone() == (len(ages_s),)
