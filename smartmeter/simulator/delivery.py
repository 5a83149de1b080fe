"""When the characters of a frame become readable: what stands between the line and the program."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, floor

# An FTDI chip hands over when a packet of 64 bytes, 62 of them data, is full, or when its latency timer fires.
USB_PACKET_DATA_BYTES = 62
# Room for rounding, far below a character.
HAIR_S = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How characters are handed over: in one piece when the last one has come, unless told otherwise.

    `chunk_bytes`: whenever so many have come, and at the end. `usb_latency_s`: as a USB adapter does that collects them
    until its latency timer fires (FTDI: 0.016 s), at multiples of that time, or until a packet is full.
    """

    chunk_bytes: int | None = None
    usb_latency_s: float | None = None


def pieces(frame: bytes, start_s: float, character_s: float, delivery: Delivery) -> Iterator[tuple[float, bytes]]:
    """When which piece becomes readable, of a frame whose first character begins at `start_s`."""
    if delivery.usb_latency_s is not None:
        yield from _usb_pieces(frame, start_s, character_s, delivery.usb_latency_s)
        return
    size = delivery.chunk_bytes or max(1, len(frame))
    for position in range(0, len(frame), size):
        piece = frame[position : position + size]
        yield start_s + (position + len(piece)) * character_s, piece


def _usb_pieces(frame: bytes, start_s: float, character_s: float, latency_s: float) -> Iterator[tuple[float, bytes]]:
    position = 0
    while position < len(frame):
        first_s = start_s + (position + 1) * character_s
        tick_s = ceil((first_s - HAIR_S) / latency_s) * latency_s
        handed_over_s = tick_s
        if position + USB_PACKET_DATA_BYTES <= len(frame):
            handed_over_s = min(tick_s, start_s + (position + USB_PACKET_DATA_BYTES) * character_s)
        come = min(len(frame), floor((handed_over_s - start_s + HAIR_S) / character_s))
        yield handed_over_s, frame[position:come]
        position = come
