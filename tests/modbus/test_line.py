import pytest

from smartmeter.modbus.line import AsciiFormat, NetworkLine, SerialFormat


@pytest.mark.parametrize(
    ("line", "bits"),
    [
        (SerialFormat(9600, 8, "N", 1), 10),
        (SerialFormat(19200, 8, "E", 1), 11),
        (SerialFormat(9600, 8, "N", 2), 11),
        (SerialFormat(2400, 7, "O", 2), 11),
    ],
)
def test_bits_of_a_character(line, bits):
    assert line.character_bits == bits
    assert line.character_s == bits / line.baudrate


def test_silence_is_three_and_a_half_characters_up_to_19200_baud_and_fixed_above():
    assert SerialFormat(19200, 8, "E", 1).silence_s == pytest.approx(0.002005, abs=1e-6)
    assert SerialFormat(38400, 8, "N", 1).silence_s == 0.00175
    assert SerialFormat(115200, 8, "E", 1).silence_s == 0.00175


def test_exchange_counts_request_silence_turnaround_answer_silence():
    line = SerialFormat(9600, 8, "N", 1)
    characters = 8 + 3.5 + 5 + 2 * 10 + 3.5
    assert line.exchange_s(10, 0.02) == pytest.approx(characters * 10 / 9600 + 0.02)


def test_prints_as_people_write_it():
    assert str(SerialFormat(19200, 8, "E", 1)) == "19200 8E1"


def test_ascii_takes_two_characters_for_every_byte():
    line = AsciiFormat(9600, 7, "E", 1)
    characters = 17 + 3.5 + 11 + 4 * 10 + 3.5
    assert line.exchange_s(10, 0.02) == pytest.approx(characters * 10 / 9600 + 0.02)


def test_over_a_network_one_large_request_takes_less_time_than_two_small_ones():
    line = NetworkLine()
    assert line.exchange_s(80, 0.02) < 2 * line.exchange_s(2, 0.02)
    assert hash(line) == hash(NetworkLine())
