import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartmeter.modbus.ascii_frames import (
    answer_length,
    close_frame,
    encode,
    explain_failure,
    find_answer,
    lrc,
    missing_bytes,
    open_frame,
)
from smartmeter.modbus.errors import (
    DamagedAnswerError,
    ExceptionAnswerError,
    ForeignAnswerError,
    NoAnswerError,
    ShortAnswerError,
    SilentTargetError,
)
from smartmeter.modbus.frames import ReadRequest

REQUEST = ReadRequest(unit=1, function=4, address=0, count=2)
DATA = bytes.fromhex("43661999")
ANSWER = close_frame(bytes((1, 4, 4)) + DATA)

requests = st.builds(
    ReadRequest,
    unit=st.integers(1, 247),
    function=st.sampled_from([3, 4]),
    address=st.integers(0, 65000),
    count=st.integers(1, 125),
)


def test_a_frame_is_as_the_guide_has_it():
    # Unit 1, function 3, registers 0 and on, 2 of them: 1 + 3 + 2 = 6, so the checksum is FA.
    assert encode(ReadRequest(1, 3, 0, 2)) == b":010300000002FA\r\n"
    assert lrc(b"") == 0


@given(st.binary(min_size=1, max_size=255))
def test_what_is_closed_opens_again(data):
    assert open_frame(close_frame(data)) == data


@given(requests, st.data(), st.binary(max_size=12).filter(lambda stray: b":" not in stray))
def test_an_answer_that_comes_byte_by_byte_is_found_with_its_last(request_, data, stray):
    payload = data.draw(st.binary(min_size=2 * request_.count, max_size=2 * request_.count))
    answer = close_frame(bytes((request_.unit, request_.function, 2 * request_.count)) + payload)
    assert len(answer) == answer_length(request_)
    came = stray + answer
    for end in range(len(came)):
        assert find_answer(request_, came[:end]) is None
    found = find_answer(request_, came)
    assert (found.data, found.before) == (payload, len(stray))


def test_tells_how_much_is_missing():
    assert missing_bytes(REQUEST, b"\0:01") is None
    assert missing_bytes(REQUEST, ANSWER[:8]) == len(ANSWER) - 8


@given(st.integers(0, len(ANSWER) * 8 - 1))
def test_one_flipped_bit_is_never_accepted(bit):
    damaged = bytearray(ANSWER)
    damaged[bit // 8] ^= 1 << bit % 8
    found = find_answer(REQUEST, bytes(damaged))
    # Letters may come small: the same value.
    assert found is None or found.data == DATA
    if found is None:
        explain_failure(REQUEST, bytes(damaged))


@pytest.mark.parametrize(
    ("received", "error"),
    [
        (b"", NoAnswerError),
        (ANSWER[:-4], ShortAnswerError),
        (ANSWER[:-5] + b"0\r\n", DamagedAnswerError),
        (b"\xff\xff", DamagedAnswerError),
        (close_frame(bytes((2, 4, 4)) + DATA), ForeignAnswerError),
        (close_frame(bytes((1, 4, 2)) + DATA[:2]), ForeignAnswerError),
    ],
)
def test_what_is_wrong_is_told_apart(received, error):
    assert find_answer(REQUEST, received) is None
    assert type(explain_failure(REQUEST, received)) is error


@pytest.mark.parametrize(("code", "error"), [(2, ExceptionAnswerError), (11, SilentTargetError)])
def test_exceptions(code, error):
    with pytest.raises(error, match=f"exception {code}"):
        find_answer(REQUEST, b"\0" + close_frame(bytes((1, 0x84, code))))
