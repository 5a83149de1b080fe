"""Cuts what is too long for one message of Telegram's into several."""

import html
import re
from collections.abc import Iterator
from typing import Final

# https://core.telegram.org/bots/api#sendmessage: without the tags, so with them we are on the safe side.
TEXT_UNITS: Final = 4096
CAPTION_UNITS: Final = 1024

_TAG: Final = re.compile("<[^>]*>")


def split(text: str, most: int = TEXT_UNITS) -> list[str]:
    """The text, in HTML, in pieces of at most `most` UTF-16 units, as Telegram counts them.

    It is cut between blocks (an empty line is between them) if that is possible, else between lines; tags must not
    reach over the end of a line. A line that is too long by itself loses its tags.
    """
    pieces: list[str] = []
    piece = ""
    for block in text.split("\n\n"):
        if piece and _fits(f"{piece}\n\n{block}", most):
            piece = f"{piece}\n\n{block}"
            continue
        pieces.append(piece)
        *whole, piece = _lines(block, most)
        pieces += whole
    return [piece for piece in (*pieces, piece) if piece.strip()]


def _lines(block: str, most: int) -> list[str]:
    """The block in pieces, cut between lines."""
    pieces = [""]
    for line in block.split("\n"):
        for part in [line] if _fits(line, most) else _parts(line, most):
            joined = f"{pieces[-1]}\n{part}" if pieces[-1] else part
            if _fits(joined, most):
                pieces[-1] = joined
            else:
                pieces.append(part)
    return pieces


def _parts(line: str, most: int) -> Iterator[str]:
    part, units = "", 0
    for character in html.unescape(_TAG.sub("", line)):
        written = html.escape(character, quote=False)
        if part and units + _units(written) > most:
            yield part
            part, units = "", 0
        part += written
        units += _units(written)
    yield part


def _fits(text: str, most: int) -> bool:
    return _units(text) <= most


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
