"""A report as PDF, by fpdf2, with the fonts that matplotlib brings. Importing this imports both."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from fpdf import FPDF
from fpdf.enums import TableBordersLayout
from fpdf.fonts import FontFace
from fpdf.table import Table as FpdfTable

from smartmeter.reports.charts import png
from smartmeter.reports.document import Bars, Block, Document, Lines, Notes, Table

_FONT = "DejaVu"
_FONTS = Path(mpl.get_data_path()) / "fonts" / "ttf"
_QUIET = 110
_LINE = 200
_BODY_POINTS = 9
_TABLE_POINTS = 7.5
_CELL_MARGIN = 4


class _Page(FPDF):
    def footer(self) -> None:
        self.set_y(-12)
        self.set_font(_FONT, size=7)
        self.set_text_color(_QUIET)
        self.cell(0, 6, f"{self.page_no()} / {{nb}}", align="R")
        self.set_text_color(0)


def pdf(document: Document) -> bytes:
    """The file."""
    page = _Page(format="A4")
    page.add_font(_FONT, fname=_FONTS / "DejaVuSans.ttf")
    page.add_font(_FONT, style="B", fname=_FONTS / "DejaVuSans-Bold.ttf")
    page.set_title(document.title)
    page.set_lang(document.language)
    page.set_auto_page_break(auto=True, margin=15)
    for number, section in enumerate(document.sections):
        page.add_page()
        if not number:
            _line(page, document.title, 16, "B")
            page.set_text_color(_QUIET)
            _line(page, document.subtitle, _BODY_POINTS)
            page.set_text_color(0)
            page.ln(3)
        _line(page, section.heading, 13, "B")
        for block in section.blocks:
            _block(page, block)
    return bytes(page.output())


def _block(page: FPDF, block: Block) -> None:
    match block:
        case Bars() | Lines():
            page.image(png(block), w=page.epw)
            page.ln(2)
        case Table():
            _table(page, block)
        case Notes():
            page.ln(3)
            if block.heading:
                _line(page, block.heading, 10, "B")
            for line in block.lines:
                _line(page, line, _BODY_POINTS - 1)


def _line(page: FPDF, text: str, points: int, style: str = "") -> None:
    page.set_font(_FONT, style=style, size=points)
    page.multi_cell(0, points * 0.55, text, new_x="LMARGIN", new_y="NEXT")


def _table(page: FPDF, block: Table) -> None:
    page.ln(2)
    page.set_font(_FONT, size=_TABLE_POINTS)
    page.set_draw_color(_LINE)
    alignment = ("LEFT", *("RIGHT" for _ in block.headings[1:]))
    with page.table(
        borders_layout=TableBordersLayout.HORIZONTAL_LINES,
        headings_style=FontFace(color=_QUIET),
        line_height=4,
        col_widths=_widths(page, block),
        text_align=alignment,
        padding=0.4,
    ) as table:
        _row(table, block.headings, FontFace(color=_QUIET))
        for row in block.rows:
            _row(table, row, None)
        for row in block.totals:
            _row(table, row, FontFace(emphasis="BOLD"))


def _widths(page: FPDF, block: Table) -> list[float]:
    """The columns' widths by their longest cells."""
    cells = zip(block.headings, *block.rows, *block.totals, strict=True)
    return [max(map(page.get_string_width, column)) + _CELL_MARGIN for column in cells]


def _row(table: FpdfTable, cells: Sequence[str], style: FontFace | None) -> None:
    row = table.row(style=style)
    for cell in cells:
        row.cell(cell)
