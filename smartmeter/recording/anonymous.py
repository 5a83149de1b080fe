"""Puts something else in the place of contents that are nobody's business, before they are written down.

Only frames that are whole can be mended. So all that came after one request is held until the next.
"""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from smartmeter.modbus import ascii_frames
from smartmeter.modbus.crc import append_crc
from smartmeter.modbus.mbap import PREFIX_BYTES
from smartmeter.modbus.trace import Direction, Tap
from smartmeter.recording.exchanges import answers, is_read
from smartmeter.recording.parts import EXCEPTION_FLAG, Frame, Part, ascii_parts, rtu_parts, tcp_parts
from smartmeter.recording.recording import Kind

REGISTER_BYTES = 2
# Function and byte count.
PDU_HEADER_BYTES = 2


@dataclass(frozen=True, slots=True)
class Secret:
    """Registers from `address` on that are not to be seen, and the bytes that are shown in their place."""

    function: int
    address: int
    shown: bytes

    @property
    def end(self) -> int:
        """The address after its last one."""
        return self.address + len(self.shown) // REGISTER_BYTES


@contextmanager
def anonymous(tap: Tap, kind: Kind, secrets: Collection[Secret]) -> Iterator[Tap]:
    """A tap that tells `tap` the same, without the secrets: checksums fit, and bytes that are no frame are zeros."""
    veil = _Veil(tap, kind, secrets)
    try:
        yield veil.tell
    finally:
        veil.let_go()


class _Veil:
    def __init__(self, tap: Tap, kind: Kind, secrets: Collection[Secret]) -> None:
        self._tap = tap
        self._kind = kind
        self._secrets = secrets
        # Requests that touch a secret: an answer may come late.
        self._touching: dict[Frame, None] = {}
        self._latest: Frame | None = None
        self._held: list[tuple[float, bytes]] = []

    def tell(self, direction: Direction, time_s: float, data: bytes) -> None:
        if direction is Direction.RECEIVED:
            self._held.append((time_s, data))
            return
        self.let_go()
        self._tap(direction, time_s, data)
        requests = [part.frame for part in _parts(self._kind, data) if part.frame is not None]
        self._latest = requests[-1] if requests else None
        self._touching.update(dict.fromkeys(request for request in requests if self._touches(request)))

    def let_go(self) -> None:
        """Tell what is held."""
        data = b"".join(piece for _, piece in self._held)
        mended = b"".join(self._mended(part, data[part.start : part.end]) for part in _parts(self._kind, data))
        position = 0
        for time_s, piece in self._held:
            self._tap(Direction.RECEIVED, time_s, mended[position : position + len(piece)])
            position += len(piece)
        self._held.clear()

    def _mended(self, part: Part, data: bytes) -> bytes:
        if part.frame is None:
            return bytes(len(data)) if self._latest in self._touching else data
        if part.frame.pdu[0] & EXCEPTION_FLAG:
            return data
        request = self._latest
        if request is None or not answers(request, part.frame):
            request = next((each for each in self._touching if answers(each, part.frame)), None)
        if request not in self._touching or request is None:
            return data
        return _close(self._kind, data, Frame(part.frame.unit, self._veiled(request, part.frame.pdu)))

    def _touches(self, request: Frame) -> bool:
        return is_read(request.pdu) and any(True for _ in self._within(request))

    def _within(self, request: Frame) -> Iterator[tuple[int, Secret]]:
        """The secrets of which the request reads a register, each with its distance from the request's first."""
        start, count = int.from_bytes(request.pdu[1:3], "big"), int.from_bytes(request.pdu[3:5], "big")
        for secret in self._secrets:
            if secret.function == request.pdu[0] and secret.address < start + count and start < secret.end:
                yield secret.address - start, secret

    def _veiled(self, request: Frame, pdu: bytes) -> bytes:
        data = bytearray(pdu[PDU_HEADER_BYTES:])
        for distance, secret in self._within(request):
            for index, byte in enumerate(secret.shown, start=REGISTER_BYTES * distance):
                if 0 <= index < len(data):
                    data[index] = byte
        return pdu[:PDU_HEADER_BYTES] + bytes(data)


def _parts(kind: Kind, data: bytes) -> Iterator[Part]:
    if kind != "tcp":
        split: Callable[[bytes], Iterator[Part]] = ascii_parts if kind == "ascii" else rtu_parts
        yield from split(data)
        return
    end = 0
    for part in tcp_parts(data):
        yield Part(end, part.end, part.frame)
        end = part.end
    if end < len(data):
        yield Part(end, len(data), None)


def _close(kind: Kind, frame: bytes, content: Frame) -> bytes:
    """The frame with another content."""
    data = bytes((content.unit,)) + content.pdu
    if kind == "tcp":
        return frame[:PREFIX_BYTES] + data
    return ascii_frames.close_frame(data) if kind == "ascii" else append_crc(data)
