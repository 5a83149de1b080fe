import pytest

from smartmeter.modbus.errors import DamagedAnswerError, ExceptionAnswerError, NoAnswerError, PortError
from smartmeter.models.register import Register
from smartmeter.polling.identity import read_serial_number

BIG = Register("serial_number", 3, 0xFC00, "", 2, "u32")
LITTLE = Register("serial_number", 4, 8, "", 2, "u32", "little")


async def number_of(register, answer):
    asked = []

    async def read(request):
        asked.append((request.unit, request.function, request.address, request.count))
        if isinstance(answer, Exception):
            raise answer
        return answer

    number = await read_serial_number(7, register, read)
    assert asked == ([] if register is None else [(7, register.function, register.address, register.count)])
    return number


@pytest.mark.parametrize(
    ("register", "answer", "number"),
    [
        (BIG, b"\x01\x02\x03\x04", "16909060"),
        (LITTLE, b"\x03\x04\x01\x02", "16909060"),
        (BIG, bytes(4), ""),
        (BIG, b"\xff" * 4, ""),
        (BIG, ExceptionAnswerError(2, "", b"", b""), ""),
        (BIG, ExceptionAnswerError(6, "", b"", b""), None),
        (BIG, NoAnswerError("", b"", b""), None),
        (BIG, DamagedAnswerError("", b"", b""), None),
        (None, b"", ""),
    ],
)
async def test_a_number_none_to_tell_or_no_good_answer(register, answer, number):
    assert await number_of(register, answer) == number


async def test_a_port_that_goes_away_is_told():
    with pytest.raises(PortError):
        await number_of(BIG, PortError("gone"))
