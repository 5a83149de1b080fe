"""Files of recordings: written as it comes, so that nothing is lost by Ctrl-C or a crash, and read again.

A file whose name ends in .gz is compressed, piece by piece.
"""

import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from smartmeter.errors import SmartmeterError
from smartmeter.modbus.trace import Direction, Tap
from smartmeter.recording.lines import LineError, header_line, piece_line, read_header, read_piece
from smartmeter.recording.recording import MICROSECONDS, Header, Piece, Recording

COMPRESSED = ".gz"
# zlib's number for gzip with the largest window.
GZIP = 31


class RecordingError(SmartmeterError):
    """A recording cannot be written or read."""


@contextmanager
def recording_to(path: Path, header: Header) -> Iterator[Tap]:
    """A new file, and the tap that writes into it what it is told.

    Times count from the opening. Raises RecordingError if the file is there already or cannot be made, and at the end
    if not everything could be written.
    """
    try:
        file = path.open("xb")
    except FileExistsError:
        raise RecordingError(f"{path} is there already; --force replaces it, -o names another file") from None
    except OSError as error:
        raise RecordingError(f"{path} cannot be written: {error.strerror}") from error
    with file:
        writer = _Writer(file, compressed=path.name.endswith(COMPRESSED))
        writer.write(header_line(header))
        began_s = time.monotonic()

        def tap(direction: Direction, time_s: float, data: bytes) -> None:
            writer.write(piece_line(Piece(max(0, round((time_s - began_s) * MICROSECONDS)), direction, data)))

        try:
            yield tap
        finally:
            writer.end()
    if writer.failure is not None:
        raise RecordingError(f"{path} is not complete: {writer.failure.strerror}") from writer.failure


class _Writer:
    """Writes lines, each at once; after a failure none any more, as nobody who is listened to can do anything."""

    def __init__(self, file: IO[bytes], *, compressed: bool) -> None:
        self.failure: OSError | None = None
        self._file = file
        self._compressor = zlib.compressobj(wbits=GZIP) if compressed else None

    def write(self, line: str) -> None:
        data = f"{line}\n".encode()
        if self._compressor is not None:
            data = self._compressor.compress(data) + self._compressor.flush(zlib.Z_SYNC_FLUSH)
        self._put(data)

    def end(self) -> None:
        if self._compressor is not None:
            self._put(self._compressor.flush(zlib.Z_FINISH))

    def _put(self, data: bytes) -> None:
        if self.failure is None:
            try:
                self._file.write(data)
                self._file.flush()
            except OSError as error:
                self.failure = error
                # What is in the buffer would fail again when the file is closed.
                with suppress(OSError):
                    self._file.close()


def read_recording(path: Path) -> Recording:
    """The recording in a file. A last line that has no end, as a crash leaves it, is passed over.

    Raises RecordingError, with the number of the line.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise RecordingError(f"{path} cannot be read: {error.strerror}") from error
    if path.name.endswith(COMPRESSED):
        try:
            # What of the end is missing is missing in the lines, too.
            data = zlib.decompressobj(GZIP).decompress(data)
        except zlib.error:
            raise RecordingError(f"{path} is damaged, or no gzip file") from None
    return Recording(*_parse(path, data))


def _parse(path: Path, data: bytes) -> tuple[Header, tuple[Piece, ...]]:
    *lines, rest = data.split(b"\n")
    number = 1
    try:
        header = read_header((lines[0] if lines else rest).decode())
        pieces: list[Piece] = []
        for number, line in enumerate(lines[1:], start=2):  # noqa: B007 - named in errors
            if line.strip():
                pieces.append(read_piece(line.decode()))
        if lines and rest:
            # Whole but for its end.
            with suppress(LineError, UnicodeDecodeError):
                pieces.append(read_piece(rest.decode()))
    except UnicodeDecodeError:
        raise RecordingError(f"{path}, line {number}: this is no text; the file is damaged") from None
    except LineError as error:
        raise RecordingError(f"{path}, line {number}: {error}") from None
    return header, tuple(pieces)
