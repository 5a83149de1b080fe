"""What is usual is tried first, and everything once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartmeter.modbus.line import AsciiFormat, NetworkLine, SerialFormat
from smartmeter.modbus.ports import AsciiPort, SerialPort, TcpPort
from smartmeter.models import load_model
from smartmeter.scan.estimate import answer_s, in_words, request_s, scan_s, silent_s
from smartmeter.scan.order import ADDRESSES, USUAL_ADDRESSES, Leg, Wanted, legs, lines_to_try, requests_of

PORT = SerialPort("/dev/ttyUSB0")
LINES = (SerialFormat(9600), SerialFormat(19200, 8, "E"), SerialFormat(2400))


@given(st.lists(st.sampled_from(ADDRESSES), unique=True), st.lists(st.sampled_from(LINES), unique=True, min_size=1))
def test_every_address_is_asked_once_at_every_setting_and_usual_ones_first(addresses, lines):
    parts = legs(lines, addresses)
    asked = [(leg.line, address) for leg in parts for address in leg.addresses]
    assert sorted(map(str, asked)) == sorted(str((line, address)) for line in lines for address in addresses)
    assert requests_of(parts) == len(asked)
    usual = [address in USUAL_ADDRESSES for _, address in asked]
    if len(lines) > 1:
        assert usual == sorted(usual, reverse=True)


def test_the_most_usual_setting_comes_first_and_none_differs_by_stop_bits_alone():
    lines = lines_to_try(PORT, Wanted())
    assert lines[0] == SerialFormat(9600, 8, "N", 1)
    assert len({(line.baudrate, line.parity) for line in lines}) == len(lines)


def test_what_is_told_narrows():
    assert lines_to_try(PORT, Wanted(baudrates=(57600,), parities=("O",))) == (SerialFormat(57600, 8, "O", 1),)
    both = lines_to_try(PORT, Wanted(baudrates=(9600, 19200)))
    assert [str(line) for line in both] == ["9600 8N1", "19200 8N1", "9600 8E1", "19200 8E1"]
    assert {line.stopbits for line in lines_to_try(PORT, Wanted(stopbits=(2,)))} == {2}
    assert {line.parity for line in lines_to_try(PORT, Wanted(parities=("O",)))} == {"O"}


def test_a_model_is_looked_for_with_its_own_settings_first():
    model = load_model("PAC2200")
    lines = lines_to_try(PORT, Wanted(model=model))
    assert lines[0] == model.serial
    assert sum((line.baudrate, line.parity) == (19200, "N") for line in lines) == 1


def test_other_ports_have_their_own_settings():
    assert lines_to_try(TcpPort("gateway", 502), Wanted()) == (NetworkLine(),)
    ascii_lines = lines_to_try(AsciiPort("/dev/ttyUSB0"), Wanted(baudrates=(9600,)))
    assert ascii_lines == (AsciiFormat(9600, 8, "N", 1), AsciiFormat(9600, 7, "E", 1))


def test_what_a_silent_address_costs():
    line = SerialFormat(9600)
    # Eight characters of ten bits, 3.5 characters, the time-out.
    assert silent_s(line, 0.1) == pytest.approx(0.1 + 11.5 * 10 / 9600)
    assert silent_s(AsciiFormat(9600), 0.1) == pytest.approx(0.1 + 20.5 * 10 / 9600)
    assert silent_s(NetworkLine(), 1.0) == pytest.approx(1.002)
    assert answer_s(line, 2) == pytest.approx(9 * line.character_s)
    assert answer_s(AsciiFormat(9600), 2) == pytest.approx(19 * line.character_s)
    assert answer_s(NetworkLine(), 2) == 0.0
    assert request_s(line) == pytest.approx(8 * line.character_s)


def test_the_estimate_adds_it_up():
    parts = [Leg(SerialFormat(9600), (1, 2, 3)), Leg(SerialFormat(1200), (1, 2))]
    each = [silent_s(leg.line, 0.2) for leg in parts]
    assert scan_s(parts, 0.2, 0.3) == pytest.approx(3 * each[0] + 2 * each[1] + 0.6)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "1 s"),
        (25.3, "25 s"),
        (59.9, "1 min"),
        (60, "1 min"),
        (563, "9 min 20 s"),
        (3596, "1 h"),
        (4230, "1 h 10 min"),
    ],
)
def test_lengths_of_time_are_said_as_people_say_them(seconds, words):
    assert in_words(seconds) == words
