"""What a meter answers to a request: protocol data units, whatever line they come over.

Source: "MODBUS application protocol specification V1.1b3", sections 6.3, 6.4, 6.8, 6.12 and 7. Eastron's meters know
functions 3, 4, 16 and 8 (sub-function 0, one register).
"""

import struct
from typing import Protocol

READ_HOLDING_REGISTERS = 3
READ_INPUT_REGISTERS = 4
DIAGNOSTICS = 8
WRITE_REGISTERS = 16

ILLEGAL_FUNCTION = 1
ILLEGAL_DATA_ADDRESS = 2
ILLEGAL_DATA_VALUE = 3
# What Eastron's papers have this code for.
COULD_NOT_STORE = 5

EXCEPTION_BIT = 0x80
REQUEST_PDU_BYTES = 5
# Function, start, count, byte count.
WRITE_HEADER = struct.Struct(">BHHB")


class RefusedError(Exception):
    """A meter refuses a request with this exception code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"exception {code}")
        self.code = code


class Registers(Protocol):
    """What can be read and written."""

    def read(self, function: int, start: int, count: int) -> bytes:
        """The registers' contents, 2 bytes each; raises RefusedError."""

    def write(self, start: int, data: bytes) -> None:
        """Takes the contents of registers from `start` on, 2 bytes each; raises RefusedError."""


def answer_to(pdu: bytes, registers: Registers) -> bytes | None:
    """The answer to a request; None to one that is malformed, which meters do not answer."""
    function = pdu[0]
    if function == WRITE_REGISTERS:
        return _answer_to_write(pdu, registers)
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


def _answer_to_write(pdu: bytes, registers: Registers) -> bytes | None:
    if len(pdu) < WRITE_HEADER.size:
        return None
    function, start, count, length = WRITE_HEADER.unpack_from(pdu)
    data = pdu[WRITE_HEADER.size :]
    if len(data) != length:
        return None
    if not data or length != 2 * count:
        return exception(function, ILLEGAL_DATA_VALUE)
    try:
        registers.write(start, data)
    except RefusedError as refused:
        return exception(function, refused.code)
    return pdu[:REQUEST_PDU_BYTES]


def exception(function: int, code: int) -> bytes:
    """The answer that refuses a request for this function."""
    return bytes((function | EXCEPTION_BIT, code))
