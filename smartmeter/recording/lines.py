"""The lines of a recording's file: JSON, one object a line, the header first.

    {"format": "smartmeter-recording", "version": 1, "kind": "rtu", "serial": "9600 8N1", …}
    {"us": 512, "sent": "010400000002 71cb"}
    {"us": 48211, "received": "0104044366334d1a2b"}

`us` are microseconds since the beginning; the hexadecimal digits may be set apart by blanks.
"""

import json
import re
from typing import Any, cast, get_args

from smartmeter.modbus.line import AsciiFormat, Parity, SerialFormat
from smartmeter.modbus.trace import Direction
from smartmeter.recording.recording import Header, Kind, MeterAsked, Piece

FORMAT = "smartmeter-recording"
VERSION = 1
ADDRESSES = range(1, 248)

_SERIAL = re.compile(r"([1-9]\d{0,6}) ([78])([NEO])([12])")


class LineError(ValueError):
    """A line is none of a recording; the text says why."""


def header_line(header: Header) -> str:
    """The first line of a file, without its end."""
    return json.dumps(
        {
            "format": FORMAT,
            "version": VERSION,
            "kind": header.kind,
            "serial": None if header.serial is None else str(header.serial),
            "meters": [{"address": meter.address, "model": meter.model} for meter in header.meters],
            "program": header.program,
            "began": header.began,
        },
        ensure_ascii=False,
    )


def piece_line(piece: Piece) -> str:
    """The line of a piece, without its end."""
    return f'{{"us": {piece.time_us}, "{piece.direction}": "{piece.data.hex()}"}}'


def read_header(line: str) -> Header:
    """What the first line says.

    Raises LineError.
    """
    try:
        values = _object(line)
    except LineError:
        values = {}
    if values.get("format") != FORMAT:
        raise LineError("this is no recording; `smartmeter record` makes them")
    if values.get("version") != VERSION:
        raise LineError(f"version {values.get('version')} of recordings is not known; a newer Smartmeter may read it")
    kind = values.get("kind")
    if kind not in get_args(Kind):
        raise LineError(f'"kind" must be one of {", ".join(get_args(Kind))}')
    return Header(
        kind=cast("Kind", kind),
        serial=_serial(values.get("serial"), cast("Kind", kind)),
        meters=_meters(values.get("meters", [])),
        program=_text(values, "program"),
        began=_text(values, "began"),
    )


def read_piece(line: str) -> Piece:
    """The piece in a line.

    Raises LineError.
    """
    values = _object(line)
    time_us = values.get("us")
    if type(time_us) is not int or time_us < 0:
        raise LineError('"us" must be microseconds, a whole number from 0')
    directions = [direction for direction in Direction if direction in values]
    if len(directions) != 1:
        raise LineError(f"it must have one of {', '.join(Direction)}")
    data = values[directions[0]]
    try:
        return Piece(time_us, directions[0], bytes.fromhex(data))
    except (TypeError, ValueError):
        raise LineError(f'"{directions[0]}" must be bytes, in hexadecimal digits') from None


def _object(line: str) -> dict[str, Any]:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        raise LineError("this is no JSON; the line is damaged") from None
    if not isinstance(values, dict):
        raise LineError("this is no JSON object")
    return values


def _serial(text: Any, kind: Kind) -> SerialFormat | None:  # noqa: ANN401 - whatever stands in the file
    if text is None and kind not in ("rtu", "ascii"):
        return None
    match = _SERIAL.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise LineError('"serial" must be how the line is set, such as "9600 8N1"')
    form = AsciiFormat if kind == "ascii" else SerialFormat
    return form(int(match[1]), int(match[2]), cast("Parity", match[3]), int(match[4]))


def _meters(value: Any) -> tuple[MeterAsked, ...]:  # noqa: ANN401 - whatever stands in the file
    try:
        meters = tuple(MeterAsked(meter["address"], meter["model"]) for meter in value)
    except (TypeError, KeyError):
        meters = None
    if meters is None or not all(
        type(meter.address) is int and meter.address in ADDRESSES and isinstance(meter.model, str | None)
        for meter in meters
    ):
        raise LineError('"meters" must be a list of objects with "address" and "model"')
    return meters


def _text(values: dict[str, Any], key: str) -> str:
    value = values.get(key, "")
    if not isinstance(value, str):
        raise LineError(f'"{key}" must be a text')
    return value
