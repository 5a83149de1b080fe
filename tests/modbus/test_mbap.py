import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartmeter.modbus.errors import ExceptionAnswerError, ForeignAnswerError, SilentTargetError
from smartmeter.modbus.frames import ReadRequest
from smartmeter.modbus.mbap import NoModbusError, encode, next_frame, open_answer

REQUEST = ReadRequest(unit=1, function=4, address=0, count=2)
frames = st.tuples(st.integers(0, 0xFFFF), st.binary(min_size=2, max_size=254))


def frame(transaction, body, protocol=0):
    return transaction.to_bytes(2, "big") + protocol.to_bytes(2, "big") + len(body).to_bytes(2, "big") + body


def test_a_request_is_the_one_of_the_guide():
    # "MODBUS messaging on TCP/IP implementation guide V1.0b" has 15 01 00 00 00 06 FF 03 00 04 00 01 for register 4.
    assert encode(0x1501, ReadRequest(0xFF, 3, 4, 1)) == bytes.fromhex("1501 0000 0006 FF 03 0004 0001")


@given(st.lists(frames, max_size=5), st.integers(1, 40))
def test_frames_are_found_however_they_are_cut(sent, size):
    stream = b"".join(frame(transaction, body) for transaction, body in sent)
    found, received = [], b""
    for start in range(0, len(stream), size):
        received += stream[start : start + size]
        while (one := next_frame(received)) is not None:
            found.append(one)
            received = received[6 + len(one[1]) :]
    assert found == sent
    assert received == b""


@pytest.mark.parametrize("nonsense", [frame(1, b"\1\4", 7), frame(1, b"\1"), frame(1, bytes(255)), b"HTTP/1.1"])
def test_what_is_no_modbus_is_told(nonsense):
    with pytest.raises(NoModbusError):
        next_frame(nonsense)


@given(st.binary(min_size=6, max_size=300))
def test_any_bytes_are_a_frame_or_part_of_one_or_told(received):
    try:
        one = next_frame(received)
    except NoModbusError:
        return
    if one is not None:
        open_answer(REQUEST, *one)


def test_an_answer_must_fit_its_request():
    assert open_answer(REQUEST, 1, bytes.fromhex("01 04 04 43661999")) == bytes.fromhex("43661999")
    for body in ("02 04 04 43661999", "01 03 04 43661999", "01 04 02 4366", "01 04 04 436619", "01 04 04 4366199900"):
        assert isinstance(open_answer(REQUEST, 1, bytes.fromhex(body)), ForeignAnswerError)
    refused = open_answer(REQUEST, 1, bytes.fromhex("01 84 02"))
    assert isinstance(refused, ExceptionAnswerError)
    assert refused.code == 2
    for code in (10, 11):
        assert isinstance(open_answer(REQUEST, 1, bytes((1, 0x84, code))), SilentTargetError)
