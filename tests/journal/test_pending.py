from hypothesis import given
from hypothesis import strategies as st

from smartmeter.journal.pending import Pending
from tests.journal.made_up import MEASURANDS, numbers, reading, sequences


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("append"), st.integers(1, 12)),
            st.tuples(st.just("begin"), st.integers(0, 12)),
            st.tuples(st.just("end"), st.just(0)),
        )
    )
)
def test_every_reading_is_waiting_or_committed_or_lost(steps):
    pending = Pending(MEASURANDS, capacity=10)
    committed, in_flight = set(), ()
    for step, count in steps:
        if step == "append":
            for _ in range(count):
                pending.append(reading(pending.last_sequence + 1))
        elif step == "begin":
            in_flight = pending.first(count)
        else:
            pending.committed(in_flight)
            committed |= {row.sequence for row in in_flight}
            in_flight = ()
        waiting = pending.entries_after(0, 100)
        assert numbers(waiting) == sequences(waiting)
        assert sequences(waiting) == sorted(set(sequences(waiting)) - committed)
        assert len(waiting) == len(pending) <= 10
        if not in_flight:
            assert len(waiting) + len(committed) + pending.lost == pending.last_sequence


@given(st.integers(0, 30), st.integers(0, 35), st.integers(0, 35))
def test_gives_what_is_beyond_a_number(count, sequence, limit):
    pending = Pending(MEASURANDS, capacity=10)
    for number in range(1, count + 1):
        pending.append(reading(number))
    expected = [number for number in range(max(1, count - 9), count + 1) if number > sequence]
    assert sequences(pending.entries_after(sequence, limit)) == expected[:limit]
    assert pending.count_after(sequence) == len(expected)
