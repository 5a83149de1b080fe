"""A report for the terminal, by rich."""

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from smartmeter.reports.document import Block, Document, Notes, Table


def print_text(document: Document, console: Console) -> None:
    """Print it; charts are left out."""
    console.print(Text(document.title, style="bold"))
    console.print(Text(document.subtitle, style="dim"))
    for section in document.sections:
        shown = [each for each in map(_shown, section.blocks) if each is not None]
        console.print()
        console.print(Text(section.heading, style="bold"), Group(*shown), sep="\n")


def _shown(block: Block) -> RenderableType | None:
    match block:
        case Table():
            return _table(block)
        case Notes():
            heading = [Text(block.heading, style="bold")] if block.heading else []
            return Group(*heading, *(Padding(Text(line), (0, 0, 0, 2)) for line in block.lines))
        case _:
            return None


def _table(block: Table) -> RichTable:
    table = RichTable(box=None, pad_edge=False, header_style="dim")
    for index, heading in enumerate(block.headings):
        table.add_column(Text(heading), justify="right" if index else "left", overflow="fold")
    for number, row in enumerate(block.rows):
        table.add_row(*map(Text, row), end_section=number == len(block.rows) - 1)
    for row in block.totals:
        table.add_row(*(Text(cell, style="bold") for cell in row))
    return table
