"""Opening a serial port: settings, exclusive use, low latency. Bytes are then read and written by its descriptor."""

import errno
import os
import termios
from pathlib import Path

import serial

from smartmeter.modbus.errors import PortBusyError, PortError
from smartmeter.modbus.line import SerialFormat


def open_port(path: str, serial_format: SerialFormat) -> serial.Serial:
    """The port, opened for this process alone, not blocking, empty, and as fast as its driver allows.

    Raises PortError, which says what to do, if that is impossible.
    """
    # A pty has no parity; the C library answers EINVAL to who sets one.
    on_pty = os.path.realpath(path).startswith(("/dev/pts/", "/dev/ttys"))
    try:
        port = serial.Serial(
            port=path,
            baudrate=serial_format.baudrate,
            bytesize=serial_format.bytesize,
            parity="N" if on_pty else serial_format.parity,
            stopbits=serial_format.stopbits,
            timeout=0,
            write_timeout=0,
            exclusive=True,
        )
    except (serial.SerialException, OSError, ValueError) as error:
        if getattr(error, "errno", None) in (errno.EAGAIN, errno.EBUSY):
            raise PortBusyError(f"{path}: another process uses the port; `fuser -v {path}` names it") from error
        raise PortError(f"{path}: {_explain(error)}") from error
    if on_pty:
        _note_parity(port.fileno(), serial_format)
    _tell_empty_from_gone(port.fileno())
    _ask_for_low_latency(port)
    return port


def latency_timer_ms(path: str) -> int | None:
    """The milliseconds that an FTDI adapter holds characters back; None where there is no such timer."""
    name = Path(os.path.realpath(path)).name
    try:
        return int(Path(f"/sys/bus/usb-serial/devices/{name}/latency_timer").read_text("ascii"))
    except (OSError, ValueError):
        return None


def _note_parity(fd: int, serial_format: SerialFormat) -> None:
    # A pty keeps no parity, but it keeps the flags of who checks it; a virtual line finds them there.
    attributes = termios.tcgetattr(fd)
    attributes[0] &= ~(termios.INPCK | termios.IGNPAR)
    attributes[0] |= {"N": 0, "E": termios.INPCK, "O": termios.INPCK | termios.IGNPAR}[serial_format.parity]
    termios.tcsetattr(fd, termios.TCSANOW, attributes)


def _tell_empty_from_gone(fd: int) -> None:
    # With VMIN = 0, as pyserial leaves it, a read gives nothing both when nothing came and when the port has hung up.
    attributes = termios.tcgetattr(fd)
    attributes[6][termios.VMIN] = 1
    termios.tcsetattr(fd, termios.TCSANOW, attributes)


def _ask_for_low_latency(port: serial.Serial) -> None:
    # Only some drivers know it; FTDI's then flushes after 1 ms instead of 16.
    try:
        port.set_low_latency_mode(True)
    except (AttributeError, ValueError, OSError, NotImplementedError):
        return


def _explain(error: Exception) -> str:
    code = getattr(error, "errno", None)
    if code in (errno.ENOENT, errno.ENODEV, errno.ENXIO):
        return "there is no such port; is the adapter plugged in? `ls /dev/serial/by-id/` lists those that are"
    if code == errno.EACCES:
        return "no permission; add the user to the group dialout: `sudo usermod -aG dialout USER`, then log in again"
    if code == errno.ENOTTY or (code is None and "not configure" in str(error)):
        return "is not a serial port"
    return str(error)
