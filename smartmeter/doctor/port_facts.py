"""What the system knows of a serial port: who has it open, who may, which adapter it is, what its driver counted."""

import fcntl
import grp
import os
import pwd
import stat
import struct
import termios
from pathlib import Path

from smartmeter.doctor.evidence import Access, Holder, LineErrors, PortFacts
from smartmeter.modbus.port import latency_timer_ms

# struct serial_icounter_struct of linux/serial.h: cts, dsr, rng, dcd, rx, tx, frame, overrun, parity, brk, buf_overrun
# and nine that are reserved.
_COUNTERS = struct.Struct("20i")
_FRAMING, _OVERRUN, _PARITY, _BREAKS, _BUFFER_OVERRUN = range(6, 11)
_MINI_UART = b"bcm2835-aux-uart"
_PTY_MAKER = "/dev/ptmx"


def port_facts(path: str, sys: Path = Path("/sys"), proc: Path = Path("/proc")) -> PortFacts:
    """What is known of the port at `path`, without opening it; little, if there is none."""
    name = Path(os.path.realpath(path)).name
    return PortFacts(
        holders=_holders(path, proc),
        access=_access(path),
        latency_timer_ms=latency_timer_ms(path),
        adapter=_adapter(sys / "class" / "tty" / name / "device"),
        is_mini_uart=_MINI_UART in _read(sys / "class" / "tty" / name / "device" / "of_node" / "compatible"),
    )


def line_errors(fd: int) -> LineErrors | None:
    """What the driver has counted since the system started; None if it does not count, as that of a pty."""
    try:
        counted = _COUNTERS.unpack(fcntl.ioctl(fd, termios.TIOCGICOUNT, bytes(_COUNTERS.size)))
    except (AttributeError, OSError):
        return None
    overrun = counted[_OVERRUN] + counted[_BUFFER_OVERRUN]
    return LineErrors(counted[_FRAMING], counted[_PARITY], overrun, counted[_BREAKS])


def _holders(path: str, proc: Path) -> tuple[Holder, ...]:
    """Other processes that have the port open, as far as this user may know."""
    port = os.path.realpath(path)
    found = []
    for directory in sorted(proc.glob("[0-9]*"), key=lambda directory: int(directory.name)):
        pid = int(directory.name)
        if pid == os.getpid():
            continue
        opened = _opened(directory / "fd")
        # Who has made a pseudo-terminal is its line, not another program that uses it.
        if port in opened and not (port.startswith("/dev/pts/") and opened & {_PTY_MAKER, "/dev/pts/ptmx"}):
            command = _read(directory / "cmdline").replace(b"\0", b" ").decode(errors="replace").strip()
            found.append(Holder(pid, command or _read(directory / "comm").decode(errors="replace").strip()))
    return tuple(found)


def _opened(directory: Path) -> set[str]:
    try:
        return {str(entry.readlink()) for entry in directory.iterdir()}
    except OSError:
        # It has ended meanwhile, or belongs to somebody else.
        return set()


def _access(path: str) -> Access | None:
    try:
        status = Path(path).stat()
    except OSError:
        return None
    groups = {_group(number) for number in (*os.getgroups(), os.getegid())}
    return Access(
        stat.filemode(status.st_mode),
        _user(status.st_uid),
        _group(status.st_gid),
        _user(os.geteuid()),
        frozenset(groups),
    )


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _group(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)


def _adapter(device: Path) -> str | None:
    """USB vendor and product of a tty's device, which stand some directories above it."""
    place = Path(os.path.realpath(device))
    for directory in (place, *place.parents):
        vendor, product = _read(directory / "idVendor"), _read(directory / "idProduct")
        if vendor and product:
            return f"{vendor.decode().strip()}:{product.decode().strip()}"
    return None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
