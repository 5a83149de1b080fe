"""A pseudo-terminal as a serial port: what a program opens, and the link that keeps its name."""

import os
import termios
import tty
from dataclasses import dataclass
from pathlib import Path

from smartmeter.errors import SmartmeterError
from smartmeter.modbus.line import Parity, SerialFormat

_RATES = {value: int(name[1:]) for name, value in vars(termios).items() if name[:1] == "B" and name[1:].isdecimal()}


class LinkError(SmartmeterError):
    """The link to the virtual port cannot be made."""


@dataclass(frozen=True, slots=True)
class Terminal:
    """A pseudo-terminal: `line_fd` is our end, `path` what a program opens.

    `port_fd` keeps the program's end open, so that our end does not see its comings and goings.
    """

    line_fd: int
    port_fd: int
    path: Path


def open_terminal() -> Terminal:
    """A new pseudo-terminal, raw: every byte passes as it is."""
    line_fd, port_fd = os.openpty()
    tty.setraw(port_fd)
    os.set_blocking(line_fd, False)
    return Terminal(line_fd, port_fd, Path(os.ttyname(port_fd)))


def format_of(fd: int) -> SerialFormat | None:
    """How a program has set the port; None for a speed that has no name.

    A pseudo-terminal keeps no parity. Programs that check it say so by INPCK, ours an odd one by IGNPAR besides;
    of one that does not check it nothing can be known, and it counts as none.
    """
    iflag, _, cflag, _, _, speed, _ = termios.tcgetattr(fd)
    parity: Parity = "N"
    if iflag & termios.INPCK:
        parity = "O" if iflag & termios.IGNPAR or cflag & termios.PARODD else "E"
    rate = _RATES.get(speed)
    return SerialFormat(rate, 8, parity, 2 if cflag & termios.CSTOPB else 1) if rate else None


def open_terminal_other_than(path: Path | None) -> Terminal:
    """A new pseudo-terminal that does not have this path, which the system may be about to give out again."""
    terminal = open_terminal()
    if terminal.path != path:
        return terminal
    try:
        return open_terminal()
    finally:
        close_terminal(terminal)


def close_terminal(terminal: Terminal) -> None:
    """Closes it; who has it open sees what a pulled adapter shows: end of file, and EIO on writing."""
    os.close(terminal.line_fd)
    os.close(terminal.port_fd)


def place_link(link: Path, target: Path) -> None:
    """Makes `link` a symbolic link to `target`, in one step where there was one already.

    Raises LinkError if anything but a symbolic link is there, or it cannot be made.
    """
    if link.exists() and not link.is_symlink():
        raise LinkError(f"{link} exists and is no symbolic link: it stays as it is; choose another path for the link")
    new = link.with_name(f".{link.name}.{os.getpid()}")
    try:
        new.unlink(missing_ok=True)
        new.symlink_to(target)
        new.replace(link)
    except OSError as error:
        raise LinkError(f"{link} cannot be made: {error.strerror}; choose another path for the link") from error


def remove_link(link: Path, target: Path) -> None:
    """Removes `link`, if it still leads to `target`."""
    if link.is_symlink() and link.readlink() == target:
        link.unlink()
