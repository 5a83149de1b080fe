"""What the examinations of a bus bring to light: every byte with its time, and what is known of the port."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from smartmeter.modbus.errors import AnswerError, PortError
from smartmeter.modbus.frames import ReadRequest
from smartmeter.modbus.line import NetworkLine, SerialFormat
from smartmeter.polling.learned import Learned
from smartmeter.settings.model import BusSettings, MeterSettings


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes that were sent, or that could be read, at a moment of the monotonic clock."""

    at_s: float
    data: bytes


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and all that came until the next one was sent.

    `sent` is its frame and when it was handed over. `data` are the registers' bytes of a good answer, else `error` says
    why there is none.
    """

    request: ReadRequest
    sent: Piece
    pieces: tuple[Piece, ...]
    data: bytes | None = None
    error: AnswerError | None = None

    @property
    def received(self) -> bytes:
        """All that came, in one piece."""
        return b"".join(piece.data for piece in self.pieces)

    @property
    def is_echoed(self) -> bool:
        """Whether the first that came was the request itself: no answer to a read can begin like that."""
        return self.received.startswith(self.sent.data)

    @property
    def answer(self) -> tuple[Piece, ...]:
        """What came, without an echo of the request."""
        rest = len(self.sent.data) if self.is_echoed else 0
        pieces = []
        for piece in self.pieces:
            if len(piece.data) > rest:
                pieces.append(Piece(piece.at_s, piece.data[rest:]))
            rest = max(0, rest - len(piece.data))
        return tuple(pieces)


@dataclass(frozen=True, slots=True)
class Trial:
    """What a meter that does not answer did at another setting of the line: whether it answered, and what came."""

    format: SerialFormat
    answered: bool
    received: bytes


@dataclass(frozen=True, slots=True)
class MeterEvidence:
    """What asking a meter brought.

    `learned` is which blocks it takes, `values` what it shows, by measurand, both of the one full round, None and empty
    if it never answered. `trials` are made only with a meter that does not answer at all. `device` is what a device
    that describes itself says of itself, or what is wrong with that.
    """

    meter: MeterSettings
    exchanges: tuple[Exchange, ...]
    learned: Learned | None = None
    values: Mapping[str, float | None] = field(default_factory=dict)
    trials: tuple[Trial, ...] = ()
    device: str | None = None

    @property
    def has_answered(self) -> bool:
        """Whether there was a single good answer."""
        return any(exchange.data is not None for exchange in self.exchanges)


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that has the port open: its id and its command line."""

    pid: int
    command: str

    def __str__(self) -> str:
        return f"{self.command} (process {self.pid})"


@dataclass(frozen=True, slots=True)
class Access:
    """Who may use a port: its mode in letters, owner and group; and who asks, by name, with the groups they have."""

    mode: str
    owner: str
    group: str
    user: str
    groups: frozenset[str]


@dataclass(frozen=True, slots=True)
class LineErrors:
    """What the driver of a serial port has counted: characters without a stop bit, with wrong parity, lost; breaks."""

    framing: int
    parity: int
    overrun: int
    breaks: int

    def since(self, before: "LineErrors") -> "LineErrors":
        """What came on top of what was counted before."""
        return LineErrors(
            self.framing - before.framing,
            self.parity - before.parity,
            self.overrun - before.overrun,
            self.breaks - before.breaks,
        )


@dataclass(frozen=True, slots=True)
class PortFacts:
    """What the system knows of a port, as far as there is something to know.

    `holders`: other processes that have it open. `latency_timer_ms`: for how long an FTDI adapter holds characters
    back. `adapter`: USB vendor and product, such as "1a86:7523". `is_mini_uart`: the one of a Raspberry Pi.
    """

    holders: tuple[Holder, ...] = ()
    access: Access | None = None
    latency_timer_ms: int | None = None
    adapter: str | None = None
    is_mini_uart: bool = False


@dataclass(frozen=True, slots=True)
class BusEvidence:
    """What examining a bus brought.

    `port_error` is why the port could not be used, or not any longer. `unasked` is what came while nobody asked, in
    `listened_s` seconds. `line_errors` is what the port's driver counted meanwhile, None if it does not count.
    `began_s` is when, by the monotonic clock.
    """

    bus: BusSettings
    port: PortFacts
    meters: tuple[MeterEvidence, ...] = ()
    port_error: PortError | None = None
    unasked: tuple[Piece, ...] = ()
    listened_s: float = 0.0
    line_errors: LineErrors | None = None
    began_s: float = 0.0

    @property
    def line(self) -> SerialFormat | NetworkLine:
        """How the line is set."""
        return self.bus.format
