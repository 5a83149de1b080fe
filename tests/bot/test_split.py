"""Long texts: nothing of them is lost, no piece is too long, and no tag is torn."""

import html
import re

from hypothesis import given
from hypothesis import strategies as st

from smartmeter.bot.answer import bold, escaped
from smartmeter.bot.split import CAPTION_UNITS, TEXT_UNITS, split
from tests.fixtures.telegram_text import parse_html, utf16_units

WORDS = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp")) | st.sampled_from("<>&;'\"😀"), max_size=80
)
LINES = st.lists(st.tuples(st.sampled_from((escaped, bold)), WORDS).map(lambda made: made[0](made[1])), max_size=30)


def told(texts):
    """All that people read of it, without what is between lines."""
    return "".join("".join(html.unescape(re.sub("</?b>", "", text)) for text in texts).split())


@given(LINES, st.integers(20, 200))
def test_nothing_is_lost_and_no_piece_is_too_long(lines, most):
    text = "\n".join(lines)
    pieces = split(text, most)
    assert told(pieces) == told([text])
    for piece in pieces:
        assert piece.strip()
        assert utf16_units(piece) <= most
        # As Telegram reads it: a torn tag would be refused.
        parse_html(piece)


def test_what_fits_stays_whole():
    assert split("a\n\nb\nc") == ["a\n\nb\nc"]
    assert split("x" * TEXT_UNITS) == ["x" * TEXT_UNITS]
    assert split("") == []


def test_it_is_cut_between_blocks_before_it_is_between_lines():
    block = "\n".join(["line"] * 10)
    pieces = split(f"{block}\n\n{block}\n\n{block}", 110)
    assert pieces == [f"{block}\n\n{block}", block]
    assert split("\n".join(["line"] * 3), 9) == ["line\nline", "line"]


def test_emoji_count_twice_and_a_long_line_loses_its_tags_only():
    pieces = split(bold("\N{ELECTRIC PLUG}" * 1000 + "&"), CAPTION_UNITS)
    assert [utf16_units(piece) for piece in pieces] == [1024, 981]
    assert pieces[0] == "\N{ELECTRIC PLUG}" * 512
    assert pieces[1].endswith("&amp;")
