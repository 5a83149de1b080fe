"""A report for the terminal, by rich."""

from collections.abc import Mapping

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from smartmeter.reports.document import Block, Document, Notes, Table, Tone

_STYLES: Mapping[Tone, str] = {"good": "green", "bad": "bold red", "open": "yellow", "missing": "dim"}


def print_text(document: Document, console: Console) -> None:
    """Print it; charts, and figures that stand in tables as well, are left out."""
    console.print(Text(document.title, style="bold"))
    for line in document.lines:
        console.print(Text(line, style="dim"))
    for section in document.sections:
        shown = [each for each in map(_shown, section.blocks) if each is not None]
        console.print()
        console.print(Text(section.heading, style="bold"), Group(*shown), sep="\n")


def _shown(block: Block) -> RenderableType | None:
    match block:
        case Table():
            heading = [Text(f"\n{block.title}", style="bold")] if block.title else []
            return Group(*heading, _table(block))
        case Notes():
            heading = [Text(f"\n{block.heading}", style="bold")] if block.heading else []
            return Group(*heading, *(Padding(Text(line), (0, 0, 0, 2)) for line in block.lines))
        case _:
            return None


def _table(block: Table) -> RichTable:
    table = RichTable(box=None, pad_edge=False, header_style="dim")
    for column, heading in enumerate(block.headings):
        table.add_column(Text(heading), justify="left" if block.is_left(column) else "right", overflow="fold")
    for number, row in enumerate(block.rows):
        style = _STYLES.get(block.tone(number), "")
        *before, last = row
        table.add_row(*map(Text, before), Text(last, style=style), style="dim" if style == "dim" else "")
    for row in block.totals:
        table.add_row(*(Text(cell, style="bold") for cell in row))
    return table
