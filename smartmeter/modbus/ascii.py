"""Modbus ASCII on a serial line: like RTU in all but its frames."""

from smartmeter.modbus import ascii_frames
from smartmeter.modbus.rtu import Frames, RtuConnection


class AsciiConnection(RtuConnection):
    """An open serial line with ASCII frames.

    Their end is marked and needs no silence; keeping it costs 3.5 characters and spares who is slow.
    """

    _frames: Frames = ascii_frames
