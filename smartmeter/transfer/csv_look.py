"""What a CSV file is like: its encoding, what stands between its columns, its decimal sign, its columns."""

import codecs
import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from smartmeter.transfer.columns import Columns, find_columns
from smartmeter.transfer.errors import TransferError

# A thousand columns, or a hundred rows of the original's table.
LOOK_BYTES = 65536
# In the order in which they are tried; a comma last, as it may also be the decimal sign.
_DELIMITERS = (";", "\t", "|", ",")
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
# Excel writes this line first so that other Excels know.
_HINT = "sep="


@dataclass(frozen=True, slots=True)
class Look:
    """The head of a CSV file. The rows begin at byte `begin`, in line `line` (counted from 1).

    `decimal_comma`: numbers have one. `head`: the bytes of the header and the first row, which tell files apart.
    """

    encoding: str
    delimiter: str
    decimal_comma: bool
    columns: Columns
    begin: int
    line: int
    head: bytes


def look_at_csv(path: Path) -> Look:
    """Raises TransferError if the file cannot be read or is no table of readings."""
    try:
        with path.open("rb") as file:
            start = file.read(LOOK_BYTES)
    except OSError as error:
        raise TransferError(f"{path}: cannot be read: {error.strerror}") from None
    if start.startswith(_UTF_16):
        raise TransferError(f"{path}: this is UTF-16; save it as CSV in UTF-8")
    if start.startswith(b"PAR1"):
        raise TransferError(f"{path}: this is Parquet, which is written but not read; import CSV")
    bom = len(codecs.BOM_UTF8) if start.startswith(codecs.BOM_UTF8) else 0
    encoding = _encoding(start)
    lines = start[bom:].splitlines(keepends=True)
    hint = next(iter(lines), b"").decode(encoding, "replace").strip()
    number = 1 if hint.lower().startswith(_HINT) and len(hint) > len(_HINT) else 0
    if not any(line.strip() for line in lines[number : number + 1]):
        raise TransferError(f"{path}: the first line must name the columns, and it is empty")
    header = lines[number].decode(encoding, "replace")
    delimiter = hint[len(_HINT) :][:1] if number else _delimiter(header)
    columns = find_columns(_split(header, delimiter), str(path))
    # The last line may be cut off.
    sample = lines[number + 1 : -1] or lines[number + 1 :]
    rows = [_split(line.decode(encoding, "replace"), delimiter) for line in sample]
    return Look(
        encoding=encoding,
        delimiter=delimiter,
        decimal_comma=any(_has_comma(row, columns) for row in rows),
        columns=columns,
        begin=bom + sum(map(len, lines[: number + 1])),
        line=number + 2,
        head=b"".join(lines[number : number + 2]),
    )


def _encoding(start: bytes) -> str:
    """UTF-8 if it is that; else what Windows writes in western Europe."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        decoder.decode(start)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def _delimiter(header: str) -> str:
    return max(_DELIMITERS, key=lambda each: len(_split(header, each)))


def _split(line: str, delimiter: str) -> list[str]:
    return next(csv.reader([line], delimiter=delimiter), [])


def _has_comma(row: Sequence[str], columns: Columns) -> bool:
    return any("," in row[index] for index in columns.measurands.values() if index < len(row))
