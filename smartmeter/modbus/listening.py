"""Listening on a serial line on which others talk, without a word of our own."""

import os
import select
import time

import serial

from smartmeter.modbus.errors import PortGoneError
from smartmeter.modbus.line import SerialFormat
from smartmeter.modbus.trace import Direction, Tap

READ_BYTES = 4096
# Whatever the line's silence is: the machine takes such pauses, and adapters such turns, within a frame.
SHORTEST_GAP_S = 0.005


def listen(port: serial.Serial, line: SerialFormat, until_s: float, tap: Tap) -> None:
    """Tell `tap` what is heard, until the moment `until_s` of the monotonic clock.

    Characters that follow each other are told together, with the time of the last one: a frame usually, or several
    where the line was not silent for long enough between them.

    Raises PortError if the port goes away.
    """
    gap_s = max(line.silence_s, SHORTEST_GAP_S)
    heard, last_s = b"", 0.0
    try:
        while (now_s := time.monotonic()) < until_s:
            end_s = min(until_s, last_s + gap_s) if heard else until_s
            # A wait without an end would be none for the signal that ends it, on some systems.
            if select.select([port], [], [], max(0.0, min(end_s - now_s, 1.0)))[0]:
                heard += _read(port)
                last_s = time.monotonic()
            elif heard:
                tap(Direction.HEARD, last_s, heard)
                heard = b""
    finally:
        if heard:
            tap(Direction.HEARD, last_s, heard)


def _read(port: serial.Serial) -> bytes:
    try:
        data = os.read(port.fileno(), READ_BYTES)
    except BlockingIOError:
        return b""
    except OSError as error:
        raise PortGoneError(f"{port.port}: the port has gone away ({error.strerror})") from error
    if not data:
        raise PortGoneError(f"{port.port}: the port has gone away")
    return data
