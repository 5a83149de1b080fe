"""Listens to a line while nobody asks: what comes then is somebody else's, or noise."""

import contextlib
import os
import select
import time

from smartmeter.doctor.evidence import Piece
from smartmeter.modbus.line import SerialFormat
from smartmeter.modbus.port import open_port

READ_BYTES = 4096


def listen(path: str, line: SerialFormat, seconds: float) -> tuple[Piece, ...]:
    """What comes within so many seconds.

    Raises PortError.
    """
    port = open_port(path, line)
    pieces: list[Piece] = []
    try:
        end_s = time.monotonic() + seconds
        while (left_s := end_s - time.monotonic()) > 0:
            if not select.select([port.fileno()], [], [], left_s)[0]:
                break
            data = b""
            with contextlib.suppress(OSError):
                data = os.read(port.fileno(), READ_BYTES)
            if not data:
                # It has gone away; whoever asks next is told so.
                break
            pieces.append(Piece(time.monotonic(), data))
    finally:
        port.close()
    return tuple(pieces)
