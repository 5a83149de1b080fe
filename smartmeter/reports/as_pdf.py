"""A report as PDF, by fpdf2, with the fonts that matplotlib brings. Importing this imports both."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
from fpdf import FPDF
from fpdf.enums import TableBordersLayout
from fpdf.fonts import FontFace
from fpdf.table import Table as FpdfTable

from smartmeter.reports.charts import png
from smartmeter.reports.document import Bars, Block, Document, Figure, Figures, Lines, Notes, Table, Tone

_FONT = "DejaVu"
_FONTS = Path(mpl.get_data_path()) / "fonts" / "ttf"
_QUIET = 110
_LINE = 210
_CARD = 245
_COLOURS: Mapping[Tone, tuple[int, int, int]] = {
    "good": (0, 115, 79),
    "bad": (179, 38, 30),
    "open": (138, 90, 0),
    "missing": (_QUIET, _QUIET, _QUIET),
}
_BODY_POINTS = 9
_TABLE_POINTS = 7.5
_CELL_MARGIN = 4
# So much wider is bold.
_BOLDER = 1.12
# Figures side by side, in millimetres.
_CARD_HEIGHT = 17
_CARD_GAP = 3


class _Page(FPDF):
    def footer(self) -> None:
        self.set_y(-12)
        self.set_font(_FONT, size=7)
        self.set_text_color(_QUIET)
        self.cell(self.epw / 2, 6, self.title or "")
        self.cell(self.epw / 2, 6, f"{self.page_no()} / {{nb}}", align="R")
        self.set_text_color(0)


def pdf(document: Document) -> bytes:
    """The file."""
    page = _Page(format="A4")
    page.add_font(_FONT, fname=_FONTS / "DejaVuSans.ttf")
    page.add_font(_FONT, style="B", fname=_FONTS / "DejaVuSans-Bold.ttf")
    page.set_title(document.title)
    page.set_lang(document.language)
    page.set_margins(16, 15)
    page.set_auto_page_break(auto=True, margin=16)
    for number, section in enumerate(document.sections):
        page.add_page()
        if not number:
            _line(page, document.title, 16, "B")
            page.set_text_color(_QUIET)
            for line in document.lines:
                _line(page, line, _BODY_POINTS - 1)
            page.set_text_color(0)
            page.ln(3)
        _line(page, section.heading, 13, "B")
        for block in section.blocks:
            _block(page, block)
    return bytes(page.output())


def _block(page: FPDF, block: Block) -> None:
    match block:
        case Figures():
            _figures(page, block.figures)
        case Bars() | Lines():
            page.image(png(block), w=page.epw)
            page.ln(2)
        case Table():
            _heading(page, block.title)
            _table(page, block)
        case Notes():
            _heading(page, block.heading)
            for line in block.lines:
                _line(page, line, _BODY_POINTS - 1)


def _heading(page: FPDF, text: str) -> None:
    page.ln(2)
    if text:
        # Not as the last line of a page.
        if page.will_page_break(20):
            page.add_page()
        page.ln(2)
        _line(page, text, 10, "B")


def _line(page: FPDF, text: str, points: float, style: str = "") -> None:
    page.set_font(_FONT, style=style, size=points)
    page.multi_cell(0, points * 0.55, text, new_x="LMARGIN", new_y="NEXT")


def _figures(page: FPDF, figures: Sequence[Figure]) -> None:
    page.ln(1)
    across = min(len(figures), 4)
    width = (page.epw - _CARD_GAP * (across - 1)) / across
    for first in range(0, len(figures), across):
        top = page.get_y()
        for place, figure in enumerate(figures[first : first + across]):
            _card(page, figure, page.l_margin + place * (width + _CARD_GAP), top, width)
        page.set_xy(page.l_margin, top + _CARD_HEIGHT + _CARD_GAP)


def _card(page: FPDF, figure: Figure, left: float, top: float, width: float) -> None:
    page.set_fill_color(_CARD)
    page.rect(left, top, width, _CARD_HEIGHT, style="F", round_corners=True, corner_radius=1.5)
    texts = ((figure.label, 6.5, ""), (figure.value, 11.0, "B"), (figure.detail, 6.5, ""))
    for (text, points, style), below in zip(texts, (2, 6.2, 12), strict=True):
        page.set_xy(left + 1, top + below)
        page.set_text_color(*(_COLOURS.get(figure.tone, (0, 0, 0)) if style else (_QUIET, _QUIET, _QUIET)))
        page.set_font(_FONT, style=style, size=points)
        # What is too wide is written smaller.
        page.set_font_size(min(points, points * (width - 4) / max(page.get_string_width(text), 1)))
        page.cell(width - 2, points * 0.45, text)
    page.set_text_color(0)
    page.set_fill_color(255)


def _table(page: FPDF, block: Table) -> None:
    page.set_font(_FONT, size=_TABLE_POINTS)
    page.set_draw_color(_LINE)
    widths = _widths(page, block)
    # What is too wide is written smaller.
    page.set_font_size(_TABLE_POINTS * min(1.0, page.epw / sum(widths)))
    with page.table(
        borders_layout=TableBordersLayout.HORIZONTAL_LINES,
        headings_style=FontFace(color=_QUIET),
        line_height=4,
        col_widths=widths,
        text_align=tuple("LEFT" if block.is_left(column) else "RIGHT" for column in range(len(block.headings))),
        padding=0.4,
    ) as table:
        _row(table, block.headings, FontFace(color=_QUIET))
        for number, row in enumerate(block.rows):
            style = FontFace(color=_COLOURS.get(block.tone(number), (0, 0, 0)))
            _row(table, row, style if block.tone(number) == "missing" else None, style)
        for row in block.totals:
            _row(table, row, FontFace(emphasis="BOLD"))


def _widths(page: FPDF, block: Table) -> list[float]:
    """The columns' widths by their longest cells; totals are bold, and a heading may take two lines."""
    cells = zip(*block.rows, *block.totals, strict=True)
    bodies = [max(map(page.get_string_width, column)) * _BOLDER for column in cells] or [0.0 for _ in block.headings]
    headings = [max(map(page.get_string_width, heading.split())) for heading in block.headings]
    return [max(pair) + _CELL_MARGIN for pair in zip(bodies, headings, strict=True)]


def _row(table: FpdfTable, cells: Sequence[str], style: FontFace | None, last: FontFace | None = None) -> None:
    row = table.row(style=style)
    for cell in cells[:-1]:
        row.cell(cell)
    row.cell(cells[-1], style=last)
