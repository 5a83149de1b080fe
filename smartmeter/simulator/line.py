"""A virtual serial line: a pseudo-terminal with meters behind it and the time of a real line."""

import contextlib
import os
import select
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Self

from smartmeter.modbus.line import SerialFormat
from smartmeter.simulator.delivery import Delivery
from smartmeter.simulator.faults import NO_FAULTS, Faults, Turnaround
from smartmeter.simulator.frames import RTU, Framing
from smartmeter.simulator.meter import VirtualMeter
from smartmeter.simulator.replay import Replay
from smartmeter.simulator.terminal import (
    Terminal,
    close_terminal,
    format_of,
    open_terminal_other_than,
    place_link,
    remove_link,
)
from smartmeter.simulator.wire import Counts, RecordedRequest, Wire

READ_BYTES = 4096

# Sleeping ends some 0.1 ms late. How late is learned, in small steps, and slept less.
FIRST_LATENESS_S = 0.0001
MOST_LATENESS_S = 0.0003
LATENESS_STEP_S = 0.000003


class VirtualLine:
    """A serial line with virtual meters, as a context manager; a thread of its own serves it.

    `path` is what a program opens: `link` if one is given, else the pseudo-terminal. `turnaround_s` (or a range) counts
    from the end of the silence after a request to the first character of the answer. `seed` decides whatever is left
    to chance. `framing` is RTU's or ASCII's. `faults` may be replaced at any time, from any thread; so may those of the
    meters. A `replay` answers in the place of meters. Raises LinkError.

    `format` is how the line and all meters on it are set, however a program sets the port. With None its characters are
    as the program sets the port, and only those meters hear it whose own `format` is the same.
    """

    def __init__(  # noqa: PLR0913  # a line is described by that much
        self,
        format: SerialFormat | None,  # noqa: A002  # the word that the settings have for it
        meters: Sequence[VirtualMeter],
        link: Path | None = None,
        *,
        turnaround_s: Turnaround = 0.020,
        faults: Faults = NO_FAULTS,
        delivery: Delivery | None = None,
        seed: int = 1,
        framing: Framing = RTU,
        replay: Replay | None = None,
    ) -> None:
        rng = Random(seed)  # noqa: S311  # guards nothing
        self._wire = Wire(format, meters, turnaround_s, delivery or Delivery(), rng, framing, replay)
        self._wire.faults = faults
        self._is_set = format is not None
        self._link = link
        self._path: Path | None = None
        self._terminal: Terminal | None = None
        self._thread: threading.Thread | None = None
        self._stop_fd = -1
        self._lateness_s = FIRST_LATENESS_S

    @property
    def path(self) -> Path:
        """The port to open. Without a link it changes when the line is unplugged and plugged in again."""
        if self._path is None:
            raise RuntimeError("the line is not plugged in yet")
        return self._link or self._path

    @property
    def faults(self) -> Faults:
        """What goes wrong on the line, whichever meter is asked."""
        return self._wire.faults

    @faults.setter
    def faults(self, faults: Faults) -> None:
        self._wire.faults = faults

    @property
    def requests(self) -> list[RecordedRequest]:
        """The latest requests (20,000 at most), oldest first."""
        return self._wire.requests

    @property
    def counts(self) -> Counts:
        """What has happened since the line was made."""
        return self._wire.counts

    def plug(self) -> None:
        """The port appears, under another number than before, and the link with it."""
        if self._terminal is not None:
            return
        terminal = open_terminal_other_than(self._path)
        try:
            if self._link is not None:
                place_link(self._link, terminal.path)
        except BaseException:
            close_terminal(terminal)
            raise
        self._terminal, self._path = terminal, terminal.path
        stopped_fd, self._stop_fd = os.pipe()
        self._thread = threading.Thread(
            target=self._serve, args=(terminal, stopped_fd), name="virtual line", daemon=True
        )
        self._thread.start()

    def unplug(self) -> None:
        """The port vanishes as that of an adapter that is pulled out, and its link. What is under way is lost."""
        if self._terminal is None or self._thread is None:
            return
        os.close(self._stop_fd)
        self._thread.join()
        if self._link is not None:
            remove_link(self._link, self._terminal.path)
        close_terminal(self._terminal)
        self._terminal = self._thread = None
        self._wire.forget()

    def __enter__(self) -> Self:
        self.plug()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.unplug()

    def _serve(self, terminal: Terminal, stopped_fd: int) -> None:
        """Carries bytes between port and wire at the wire's times, until the other end of `stopped_fd` is closed."""
        wire, line_fd = self._wire, terminal.line_fd
        while True:
            event_s = wire.next_event_s()
            now_s = time.monotonic()
            timeout_s = None if event_s is None else max(0.0, event_s - self._lateness_s - now_s)
            ready = select.select([line_fd, stopped_fd], [], [], timeout_s)[0]
            if stopped_fd in ready:
                os.close(stopped_fd)
                return
            now_s = time.monotonic()
            readable = wire.due(now_s + self._lateness_s)
            if readable:
                sent_s = time.monotonic()
                _write(line_fd, readable)
                wire.sent(sent_s)
                if event_s is not None and not ready and timeout_s:
                    self._learn_lateness(sent_s - event_s)
            if line_fd in ready:
                data = os.read(line_fd, READ_BYTES)
                wire.receive(data, now_s, None if self._is_set else format_of(terminal.port_fd))

    def _learn_lateness(self, late_s: float) -> None:
        """Moves towards the median, so that one long pause of the machine changes little."""
        step_s = LATENESS_STEP_S if late_s > 0 else -LATENESS_STEP_S
        self._lateness_s = min(MOST_LATENESS_S, max(0.0, self._lateness_s + step_s))


def _write(line_fd: int, data: bytes) -> None:
    # Where nobody reads and the system's buffer is full, characters are lost, as on a real port.
    with contextlib.suppress(BlockingIOError):
        os.write(line_fd, data)
