from random import Random

from hypothesis import given
from hypothesis import strategies as st

from smartmeter.modbus.crc import append_crc, has_valid_crc
from smartmeter.simulator.faults import NO_FAULTS, Faults, spoil, striking_faults

ANSWER = append_crc(b"\x01\x04\x04\x43\x66\x1a\x00")


def spoiled(**faults):
    return spoil(ANSWER, Faults(**faults), Random(1))


def test_no_faults_leave_an_answer_alone():
    assert spoil(ANSWER, NO_FAULTS, Random(1)) == ANSWER


@given(st.integers(0, 100_000), st.binary(min_size=3, max_size=250))
def test_noise_is_always_seen_by_the_crc(seed, body):
    frame = append_crc(body)
    noisy = spoil(frame, Faults(noise=1.0), Random(seed))
    assert len(noisy) == len(frame)
    assert noisy != frame
    assert not has_valid_crc(noisy)


def test_noise_strikes_as_often_as_it_says():
    rng = Random(7)
    struck = sum(spoil(ANSWER, Faults(noise=0.25), rng) != ANSWER for _ in range(2000))
    assert 420 < struck < 580


def test_noise_is_the_same_with_the_same_seed():
    assert [spoil(ANSWER, Faults(noise=0.5), rng) for rng in [Random(3)] for _ in range(20)] == [
        spoil(ANSWER, Faults(noise=0.5), rng) for rng in [Random(3)] for _ in range(20)
    ]


def test_cut_answers_lack_their_end():
    assert spoiled(cut_bytes=3) == ANSWER[:-3]
    assert spoiled(cut_bytes=len(ANSWER) + 2) == b""


def test_only_long_answers_break_off():
    assert spoiled(most_bytes=len(ANSWER)) == ANSWER
    assert spoiled(most_bytes=5) == ANSWER[:5]
    assert spoiled(most_bytes=5, cut_bytes=len(ANSWER) - 2) == ANSWER[:2]


def test_garbage_comes_instead():
    assert spoiled(garbage=b"\xf8\xc0", stray_zeros=1, cut_bytes=1) == b"\xf8\xc0"


def test_foreign_answers_are_whole_but_for_their_address():
    foreign = spoiled(foreign_address=9)
    assert foreign[0] == 9
    assert foreign[1:-2] == ANSWER[1:-2]
    assert has_valid_crc(foreign)


def test_a_wrong_byte_count_is_covered_by_the_crc():
    wrong = spoiled(wrong_byte_count=2)
    assert wrong[2] == ANSWER[2] + 2
    assert wrong[3:-2] == ANSWER[3:-2]
    assert has_valid_crc(wrong)


def test_stray_zeros_come_first():
    assert spoiled(stray_zeros=2) == b"\0\0" + ANSWER


def test_the_first_of_every_n_answers_is_struck():
    strike, faults = striking_faults(), Faults(silent=True, every=3)
    assert [strike(faults).silent for _ in range(7)] == [True, False, False, True, False, False, True]


def test_faults_that_are_put_in_place_anew_count_anew():
    strike, first, second = striking_faults(), Faults(silent=True, every=3), Faults(silent=True, every=2)
    assert [strike(first).silent for _ in range(2)] == [True, False]
    assert [strike(second).silent for _ in range(3)] == [True, False, True]
    assert strike(NO_FAULTS) is NO_FAULTS
