"""CRC-16/MODBUS, the check at the end of every RTU frame.

Source: "MODBUS over serial line specification and implementation guide V1.02", section 6.2.2: polynomial 0xA001 (0x8005
with its bits reversed), initial value 0xFFFF, the low byte sent first.
"""

POLYNOMIAL = 0xA001
INITIAL = 0xFFFF
CRC_BYTES = 2


def _crc_of_byte(byte: int) -> int:
    crc = byte
    for _ in range(8):
        crc = (crc >> 1) ^ POLYNOMIAL if crc & 1 else crc >> 1
    return crc


_TABLE = tuple(_crc_of_byte(byte) for byte in range(256))


def crc16(data: bytes) -> int:
    """The CRC of `data`, 0 to 65535."""
    table = _TABLE
    crc = INITIAL
    for byte in data:
        crc = (crc >> 8) ^ table[(crc ^ byte) & 0xFF]
    return crc


def append_crc(data: bytes) -> bytes:
    """The frame as it goes over the line: `data` and its CRC."""
    return data + crc16(data).to_bytes(CRC_BYTES, "little")


def has_valid_crc(frame: bytes) -> bool:
    """Whether the last two bytes of `frame` are the CRC of those before; False if there is nothing before them."""
    # The CRC of a message with its own CRC behind it is zero.
    return len(frame) > CRC_BYTES and crc16(frame) == 0
