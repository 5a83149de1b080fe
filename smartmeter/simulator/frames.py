"""RTU frames as a meter sees them: requests come in, answers go out.

Written without a look at the client's half, so that each can prove the other.
Source: "MODBUS over serial line specification and implementation guide V1.02", section 2.5.1.
"""

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
