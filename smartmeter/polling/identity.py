"""Which meter it is that answers: its serial number."""

from smartmeter.modbus.errors import AnswerError, ExceptionAnswerError
from smartmeter.modbus.frames import ReadRequest
from smartmeter.models.register import Register
from smartmeter.polling.round import ReadRegisters

# A zero proves nothing, and all ones are what memory holds that nobody has written.
_NOTHING = (b"\x00", b"\xff")


async def read_serial_number(unit: int, register: Register | None, read: ReadRegisters) -> str | None:
    """The serial number in decimal digits; empty if the meter has none to tell, None if it gave no good answer.

    Raises PortError if the port goes away.
    """
    if register is None:
        return ""
    try:
        content = await read(ReadRequest(unit, register.function, register.address, register.count))
    except ExceptionAnswerError as error:
        return "" if error.is_refusal else None
    except AnswerError:
        return None
    if content in {one * len(content) for one in _NOTHING}:
        return ""
    words = [content[at : at + 2] for at in range(0, len(content), 2)]
    return str(int.from_bytes(b"".join(words if register.order == "big" else words[::-1])))
