"""RTU and ASCII frames as a meter sees them: requests come in, answers go out.

Written without a look at the client's half, so that each can prove the other.
Source: "MODBUS over serial line specification and implementation guide V1.02", sections 2.5.1 and 2.5.2.
"""

from collections.abc import Callable
from dataclasses import dataclass

from smartmeter.modbus.crc import CRC_BYTES, append_crc, has_valid_crc

SHORTEST_FRAME_BYTES = 1 + 1 + CRC_BYTES


def open_request(frame: bytes) -> tuple[int, bytes] | None:
    """The address and the protocol data unit in a frame; None if it is damaged."""
    if len(frame) < SHORTEST_FRAME_BYTES or not has_valid_crc(frame):
        return None
    return frame[0], frame[1:-CRC_BYTES]


def close_answer(address: int, pdu: bytes) -> bytes:
    """The frame that carries the protocol data unit of an answer."""
    return append_crc(bytes((address,)) + pdu)


def open_ascii_request(frame: bytes) -> tuple[int, bytes] | None:
    """The address and the protocol data unit in a frame; None if it is damaged."""
    try:
        content = bytes.fromhex(frame[1:-2].decode("ascii"))
    except ValueError:
        return None
    if frame[:1] != b":" or frame[-2:] != b"\r\n" or len(content) < 1 + 1 + 1 or sum(content) % 256:
        return None
    return content[0], content[1:-1]


def close_ascii_answer(address: int, pdu: bytes) -> bytes:
    """The frame that carries the protocol data unit of an answer."""
    content = bytes((address,)) + pdu
    return b":" + (content + bytes((-sum(content) % 256,))).hex().upper().encode("ascii") + b"\r\n"


@dataclass(frozen=True, slots=True)
class Framing:
    """One of the two ways: `open` for requests, `close` for answers."""

    open: Callable[[bytes], tuple[int, bytes] | None]
    close: Callable[[int, bytes], bytes]


RTU = Framing(open_request, close_answer)
ASCII = Framing(open_ascii_request, close_ascii_answer)
