import pytest

from smartmeter.simulator.answers import RefusedError, answer_to


class Registers:
    """Every register holds its own address; 1000 and what follows is refused with exception 2."""

    def read(self, function, start, count):
        if start + count > 1000:
            raise RefusedError(2)
        return b"".join(address.to_bytes(2, "big") for address in range(start, start + count))


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
        # No coils, no writing, no identification.
        ("01 0000 0001", "81 01"),
        ("06 0000 0001", "86 01"),
        ("10 0000 0002 04 00000000", "90 01"),
        ("2B 0E 01 00", "AB 01"),
    ],
)
def test_answers(request_pdu, answer):
    assert answer_to(bytes.fromhex(request_pdu), Registers()) == bytes.fromhex(answer)


@pytest.mark.parametrize("request_pdu", ["04", "04 0000", "04 0000 0002 00", "08 0000", "08 0000 0001 0002"])
def test_malformed_requests_get_no_answer(request_pdu):
    assert answer_to(bytes.fromhex(request_pdu), Registers()) is None
