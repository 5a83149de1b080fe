"""Listening to others. A pseudo-terminal has two ends and no third for us, so that what others say is fed in."""

import os
import threading
import time

import pytest

from smartmeter.modbus.errors import PortError
from smartmeter.modbus.line import SerialFormat
from smartmeter.modbus.listening import listen
from smartmeter.modbus.port import open_port
from smartmeter.modbus.trace import Direction
from smartmeter.simulator.terminal import close_terminal, open_terminal

LINE = SerialFormat(9600)


@pytest.fixture
def terminal():
    opened = open_terminal()
    yield opened
    close_terminal(opened)


def heard(terminal, say, duration_s):
    """What a listener is told while a thread says something."""
    told = []
    with open_port(str(terminal.path), LINE) as port:
        speaker = threading.Thread(target=say, args=(lambda data: os.write(terminal.line_fd, data),))
        speaker.start()
        began_s = time.monotonic()
        try:
            listen(port, LINE, began_s + duration_s, lambda *what: told.append(what))
        finally:
            speaker.join()
        ended_s = time.monotonic()
    assert all(direction is Direction.HEARD and began_s <= time_s <= ended_s for direction, time_s, _ in told)
    return [data for _, _, data in told]


def test_what_is_said_is_told_by_silences(terminal):
    def say(write):
        write(b"\x01\x04")
        write(b"\x00")
        time.sleep(0.1)
        write(b"\x01\x84\x02")

    assert heard(terminal, say, 0.3) == [b"\x01\x04\x00", b"\x01\x84\x02"]


def test_what_is_said_at_the_end_counts(terminal):
    def say(write):
        end_s = time.monotonic() + 0.15
        while time.monotonic() < end_s:
            write(b"\x55")
            time.sleep(0.001)

    assert b"".join(heard(terminal, say, 0.1)).startswith(b"\x55" * 5)


def test_silence_is_nothing(terminal):
    assert heard(terminal, lambda _: None, 0.05) == []


def test_a_port_that_goes_away_is_an_error_and_what_was_heard_is_told():
    terminal = open_terminal()
    told = []
    with open_port(str(terminal.path), LINE) as port:
        os.write(terminal.line_fd, b"\x01")
        threading.Timer(0.05, close_terminal, [terminal]).start()
        with pytest.raises(PortError, match="the port has gone away"):
            listen(port, LINE, time.monotonic() + 5, lambda *what: told.append(what[2]))
    assert told == [b"\x01"]
