import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartmeter.modbus.crc import append_crc
from smartmeter.modbus.errors import (
    DamagedAnswerError,
    ExceptionAnswerError,
    ForeignAnswerError,
    NoAnswerError,
    ShortAnswerError,
)
from smartmeter.modbus.frames import ReadRequest, explain_failure, find_answer, missing_bytes

REQUEST = ReadRequest(unit=1, function=4, address=0, count=2)
DATA = bytes.fromhex("43661999")
ANSWER = append_crc(bytes((1, 4, 4)) + DATA)

requests = st.builds(
    ReadRequest,
    unit=st.integers(1, 247),
    function=st.sampled_from([3, 4]),
    address=st.integers(0, 65000),
    count=st.integers(1, 125),
)


def answer_to(request, data):
    return append_crc(bytes((request.unit, request.function, 2 * request.count)) + data)


def test_request_is_the_one_of_the_specification():
    # "MODBUS application protocol specification V1.1b3", 6.3 has function 3, registers 107 to 109, as 03 00 6B 00 03.
    assert ReadRequest(17, 3, 107, 3).encode() == bytes.fromhex("11 03 00 6B 00 03 76 87")


@given(requests, st.data(), st.binary(max_size=12))
def test_answer_is_found_whatever_lies_before_it(request_, data, stray):
    payload = data.draw(st.binary(min_size=2 * request_.count, max_size=2 * request_.count))
    found = find_answer(request_, stray + answer_to(request_, payload))
    assert found.data == payload
    assert found.before == len(stray)


@given(requests, st.data())
def test_part_of_an_answer_is_no_answer(request_, data):
    payload = data.draw(st.binary(min_size=2 * request_.count, max_size=2 * request_.count))
    answer = answer_to(request_, payload)
    part = answer[: data.draw(st.integers(0, len(answer) - 1))]
    assert find_answer(request_, part) is None


@given(st.integers(0, len(ANSWER) * 8 - 1))
def test_one_flipped_bit_is_never_accepted(bit):
    damaged = bytearray(ANSWER)
    damaged[bit // 8] ^= 1 << bit % 8
    assert find_answer(REQUEST, bytes(damaged)) is None
    assert isinstance(explain_failure(REQUEST, bytes(damaged)), DamagedAnswerError | ForeignAnswerError)


@pytest.mark.parametrize(("code", "refusal"), [(1, True), (2, True), (3, True), (4, False), (6, False), (99, False)])
def test_exception_is_told_with_its_code(code, refusal):
    with pytest.raises(ExceptionAnswerError, match=rf"registers 0\+2: exception {code} ") as caught:
        find_answer(REQUEST, b"\x00" + append_crc(bytes((1, 0x84, code))))
    assert caught.value.code == code
    assert caught.value.is_refusal is refusal


def test_an_exception_of_another_unit_is_not_ours():
    assert find_answer(REQUEST, append_crc(bytes((2, 0x84, 2)))) is None


@pytest.mark.parametrize(
    ("received", "error"),
    [
        (b"", NoAnswerError),
        (ANSWER[:-1], ShortAnswerError),
        (ANSWER[:2], ShortAnswerError),
        (ANSWER[:-1] + b"\x00", DamagedAnswerError),
        (b"\xff\x00\xff", DamagedAnswerError),
        (append_crc(bytes((2, 4, 4)) + DATA), ForeignAnswerError),
        (append_crc(bytes((1, 3, 4)) + DATA), ForeignAnswerError),
        (append_crc(bytes((1, 4, 2)) + DATA[:2]), ForeignAnswerError),
        (append_crc(bytes((2, 0x84, 2))), ForeignAnswerError),
    ],
)
def test_failures_are_told_apart_and_carry_the_bytes(received, error):
    explained = explain_failure(REQUEST, received)
    assert type(explained) is error
    assert explained.request == REQUEST.encode()
    assert explained.received == received
    assert "unit 1, function 4, registers 0+2" in str(explained)


def test_missing_bytes_count_from_where_the_answer_begins():
    assert missing_bytes(REQUEST, b"") is None
    assert missing_bytes(REQUEST, b"\x00\x00") is None
    assert missing_bytes(REQUEST, ANSWER[:5]) == 4
    assert missing_bytes(REQUEST, b"\x00" + ANSWER[:5]) == 4
    assert missing_bytes(REQUEST, ANSWER[:-1] + b"\x00") == 1
