import pytest

from smartmeter.simulator.answers import RefusedError, answer_to


class Registers:
    """Every register holds its own address; 1000 and what follows is refused with exception 2.

    So is a write, with exception 5.
    """

    def __init__(self):
        self.written = []

    def read(self, function, start, count):
        if start + count > 1000:
            raise RefusedError(2)
        return b"".join(address.to_bytes(2, "big") for address in range(start, start + count))

    def write(self, start, data):
        if start >= 1000:
            raise RefusedError(5)
        self.written.append((start, data))


@pytest.mark.parametrize(
    ("request_pdu", "answer"),
    [
        ("04 0102 0002", "04 04 0102 0103"),
        ("03 0010 0001", "03 02 0010"),
        ("04 03E7 0002", "84 02"),
        ("03 03E7 0002", "83 02"),
        # Return query data; no other diagnostics.
        ("08 0000 A537", "08 0000 A537"),
        ("08 0001 0000", "88 01"),
        # Several registers are written; a count that is wrong in itself is a wrong value.
        ("10 0014 0002 04 42700000", "10 0014 0002"),
        ("10 03E8 0001 02 0000", "90 05"),
        ("10 0014 0003 04 42700000", "90 03"),
        ("10 0014 0000 00", "90 03"),
        # No coils, no writing of one register, no identification.
        ("01 0000 0001", "81 01"),
        ("06 0000 0001", "86 01"),
        ("2B 0E 01 00", "AB 01"),
    ],
)
def test_answers(request_pdu, answer):
    assert answer_to(bytes.fromhex(request_pdu), Registers()) == bytes.fromhex(answer)


@pytest.mark.parametrize(
    "request_pdu",
    ["04", "04 0000", "04 0000 0002 00", "08 0000", "08 0000 0001 0002", "10 0014", "10 0014 0002 04 4270"],
)
def test_malformed_requests_get_no_answer(request_pdu):
    assert answer_to(bytes.fromhex(request_pdu), Registers()) is None


def test_what_is_written_arrives():
    registers = Registers()
    answer_to(bytes.fromhex("10 0014 0002 04 42700000"), registers)
    assert registers.written == [(0x14, bytes.fromhex("42700000"))]
