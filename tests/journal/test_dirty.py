import sqlite3
from contextlib import closing

from hypothesis import given
from hypothesis import strategies as st

from smartmeter.energy.quarters import COUNTED_US
from smartmeter.journal.dirty import MARK_ALL, MARK_ALL_OF_METER, marks_of
from smartmeter.journal.schema import migrate
from smartmeter.periods import QUARTER_US

START_US = 1_792_872_000_000_000
TIMES = st.one_of(
    # At the ends of quarter-hours and beside them.
    st.tuples(st.integers(0, 40), st.integers(-1, 1)).map(lambda pair: START_US + pair[0] * QUARTER_US + pair[1]),
    st.integers(START_US, START_US + 100 * QUARTER_US),
    st.sampled_from([0, -1, 10**17, COUNTED_US.start, COUNTED_US.stop - 1, COUNTED_US.stop]),
)


@given(st.lists(st.tuples(st.sampled_from([1, 2]), TIMES), max_size=30))
def test_all_that_is_marked_is_what_the_readings_would_mark(readings):
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(connection, None, ())
        connection.execute("INSERT INTO meter (id, name) VALUES (1, 'house'), (2, 'garage'), (3, 'pump')")
        connection.executemany(
            "INSERT INTO reading (meter_id, time_us, boot_id, monotonic_us) VALUES (?, ?, 1, 0)", readings
        )

        def marked():
            return connection.execute("SELECT meter_id, start_us FROM dirty").fetchall()

        wanted = sorted({each for reading in readings for each in marks_of(*reading)})
        connection.execute(MARK_ALL_OF_METER, (2,))
        assert sorted(marked()) == [each for each in wanted if each[0] == 2]
        connection.execute(MARK_ALL)
        assert sorted(marked()) == wanted
