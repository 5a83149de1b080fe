import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartmeter.simulator.delivery import Delivery, pieces

CHARACTER_S = 11 / 19200


def delivered(count, **delivery):
    return list(pieces(bytes(range(count)), 1.0, CHARACTER_S, Delivery(**delivery)))


DELIVERIES = st.one_of(
    st.just({}),
    st.builds(lambda size: {"chunk_bytes": size}, st.integers(1, 20)),
    st.builds(lambda latency: {"usb_latency_s": latency}, st.floats(0.001, 0.05)),
)


@given(st.integers(1, 255), DELIVERIES)
def test_all_characters_are_delivered_once_in_order_and_none_before_it_came(count, delivery):
    handed_over = delivered(count, **delivery)
    assert b"".join(piece for _, piece in handed_over) == bytes(range(count))
    times = [at_s for at_s, _ in handed_over]
    assert times == sorted(times)
    come = 0
    for at_s, piece in handed_over:
        assert piece
        come += len(piece)
        assert at_s >= 1.0 + come * CHARACTER_S - 1e-8


def test_in_one_piece_unless_told_otherwise():
    assert delivered(93) == [(pytest.approx(1.0 + 93 * CHARACTER_S), bytes(range(93)))]


def test_in_chunks_as_they_come():
    assert [(round((at_s - 1.0) / CHARACTER_S, 6), len(piece)) for at_s, piece in delivered(20, chunk_bytes=8)] == [
        (8, 8),
        (16, 8),
        (20, 4),
    ]


def test_a_usb_adapter_delivers_when_its_timer_fires():
    handed_over = delivered(40, usb_latency_s=0.016)
    # 1.0 s is no multiple of 16 ms; the first one after it is 1.008.
    assert [at_s for at_s, _ in handed_over] == pytest.approx([1.008, 1.024])
    assert [len(piece) for _, piece in handed_over] == [int(0.008 / CHARACTER_S), 40 - int(0.008 / CHARACTER_S)]


def test_a_usb_adapter_delivers_full_packets_at_once():
    handed_over = delivered(165, usb_latency_s=1.7)
    assert [len(piece) for _, piece in handed_over] == [62, 62, 41]
    assert handed_over[1][0] == pytest.approx(1.0 + 124 * CHARACTER_S)
    assert handed_over[2][0] == pytest.approx(1.7)
