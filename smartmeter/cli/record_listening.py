"""Records a line on which others talk."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress

from smartmeter.errors import SmartmeterError
from smartmeter.modbus.line import SerialFormat
from smartmeter.modbus.listening import listen
from smartmeter.modbus.port import open_port
from smartmeter.modbus.ports import SerialPort, parse_port
from smartmeter.modbus.trace import Tap
from smartmeter.settings.model import BusSettings


class ListeningError(SmartmeterError):
    """Nothing can be heard there."""


def record_listening(
    bus: BusSettings, duration_s: float | None, begin: Callable[[], AbstractContextManager[Tap]]
) -> None:
    """Record what others say on the line, for so long or until Ctrl-C. `begin` makes the file when the port is open.

    Raises ListeningError of a network, PortError, RecordingError.
    """
    port = parse_port(bus.port)
    if not isinstance(port, SerialPort) or not isinstance(bus.format, SerialFormat):
        raise ListeningError(f"{port}: a network does not let us hear others; --listen needs a serial port on the line")
    until_s = float("inf") if duration_s is None else time.monotonic() + duration_s
    with open_port(port.path, bus.format) as opened, begin() as tap:
        print(f"Listening on {port}, {bus.format}; Ctrl-C ends it.", flush=True)
        with suppress(KeyboardInterrupt):
            listen(opened, bus.format, until_s, tap)
