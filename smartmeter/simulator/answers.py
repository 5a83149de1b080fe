"""What a meter answers to a request: protocol data units, whatever line they come over.

Source: "MODBUS application protocol specification V1.1b3", sections 6.3, 6.4, 6.8 and 7. Eastron's meters know
functions 3, 4 and 8 (sub-function 0, one register), and 16, which is left out: this meter cannot be set.
"""

import struct
from typing import Protocol

READ_HOLDING_REGISTERS = 3
READ_INPUT_REGISTERS = 4
DIAGNOSTICS = 8

ILLEGAL_FUNCTION = 1
ILLEGAL_DATA_ADDRESS = 2
ILLEGAL_DATA_VALUE = 3

EXCEPTION_BIT = 0x80
REQUEST_PDU_BYTES = 5


class RefusedError(Exception):
    """A meter refuses a request with this exception code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"exception {code}")
        self.code = code


class Registers(Protocol):
    """What can be read."""

    def read(self, function: int, start: int, count: int) -> bytes:
        """The registers' contents, 2 bytes each; raises RefusedError."""


def answer_to(pdu: bytes, registers: Registers) -> bytes | None:
    """The answer to a request; None to one that is malformed, which meters do not answer."""
    function = pdu[0]
    if function not in (READ_HOLDING_REGISTERS, READ_INPUT_REGISTERS, DIAGNOSTICS):
        return exception(function, ILLEGAL_FUNCTION)
    if len(pdu) != REQUEST_PDU_BYTES:
        return None
    first, second = struct.unpack(">HH", pdu[1:])
    if function == DIAGNOSTICS:
        return_query_data = first == 0
        return pdu if return_query_data else exception(function, ILLEGAL_FUNCTION)
    try:
        data = registers.read(function, first, second)
    except RefusedError as refused:
        return exception(function, refused.code)
    return bytes((function, len(data))) + data


def exception(function: int, code: int) -> bytes:
    """The answer that refuses a request for this function."""
    return bytes((function | EXCEPTION_BIT, code))
