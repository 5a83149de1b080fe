"""A report as one HTML file that needs nothing else: no script, no request, light and dark."""

from collections.abc import Iterator, Sequence
from html import escape

from smartmeter.reports.charts import svg
from smartmeter.reports.document import Bars, Block, Document, Lines, Notes, Table

_STYLE = """
:root { color-scheme: light dark; --ink: #1a1a1a; --paper: #fff; --quiet: #666; --line: #ddd; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e8e8; --paper: #161616; --quiet: #a0a0a0; --line: #3a3a3a; } }
body { font: 15px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 2rem auto;
  max-width: 60rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.2rem; margin: 2.5rem 0 .5rem; }
h3 { font-size: 1rem; margin: 1.5rem 0 .3rem; }
p.quiet { color: var(--quiet); margin: .2rem 0; }
svg { width: 100%; height: auto; color: var(--ink); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .6rem; text-align: right; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; padding-left: 0; white-space: nowrap; }
th { font-weight: 600; color: var(--quiet); }
tfoot td { font-weight: 600; } tfoot tr:first-child td { border-top: 2px solid var(--quiet); }
ul { margin: 0; padding-left: 1.2rem; }
@media print { body { margin: 0; } h2 { break-after: avoid; } tr { break-inside: avoid; } }
"""


def html(document: Document) -> str:
    """The page."""
    title = escape(document.title)
    parts = [
        "<!DOCTYPE html>",
        f'<html lang="{document.language}">',
        f'<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>',
        f"<style>{_STYLE}</style></head>",
        f'<body><h1>{title}</h1><p class="quiet">{escape(document.subtitle)}</p>',
    ]
    for section in document.sections:
        parts.append(f"<h2>{escape(section.heading)}</h2>")
        for block in section.blocks:
            parts += _block(block)
    return "\n".join([*parts, "</body></html>", ""])


def _block(block: Block) -> Iterator[str]:
    match block:
        case Bars() | Lines():
            yield svg(block)
        case Table():
            yield from _table(block)
        case Notes():
            if block.heading:
                yield f"<h3>{escape(block.heading)}</h3>"
            yield "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in block.lines) + "</ul>"


def _table(block: Table) -> Iterator[str]:
    yield '<div class="wide"><table><thead><tr>'
    yield "".join(f'<th scope="col">{escape(heading)}</th>' for heading in block.headings)
    yield "</tr></thead><tbody>"
    for row in block.rows:
        yield _row(row)
    yield "</tbody><tfoot>"
    for row in block.totals:
        yield _row(row)
    yield "</tfoot></table></div>"


def _row(cells: Sequence[str]) -> str:
    return "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"
