"""A report as one HTML file that needs nothing else: no script, no request, light and dark."""

from collections.abc import Iterator, Sequence
from html import escape

from smartmeter.reports.charts import svg
from smartmeter.reports.document import Bars, Block, Document, Figure, Figures, Lines, Notes, Table

_STYLE = """
:root { color-scheme: light dark; --ink: #1c1c1e; --paper: #fff; --quiet: #66676b; --line: #e2e2e5; --card: #f5f6f7;
  --good: #00734f; --bad: #b3261e; --open: #8a5a00; }
@media (prefers-color-scheme: dark) { :root { --ink: #e9e9ec; --paper: #151618; --quiet: #a2a3a8; --line: #35363a;
  --card: #1f2023; --good: #4ccb9f; --bad: #ff8a80; --open: #f0b95a; } }
* { box-sizing: border-box; }
body { font: 15px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 2rem auto;
  max-width: 64rem; padding: 0 1.2rem; }
h1 { font-size: 1.6rem; margin: 0; } h2 { font-size: 1.25rem; margin: 2.2rem 0 .6rem; }
h3 { font-size: 1rem; margin: 1.8rem 0 .3rem; }
p.quiet { color: var(--quiet); margin: .2rem 0; }
.figures { display: flex; flex-wrap: wrap; gap: .7rem; margin: .6rem 0 1.2rem; }
.figures div { flex: 1 1 10rem; background: var(--card); border-radius: .6rem; padding: .6rem .9rem; }
.figures span, .figures small { display: block; color: var(--quiet); font-size: .82rem; }
.figures strong { display: block; font-size: 1.25rem; font-variant-numeric: tabular-nums; white-space: nowrap; }
svg { width: 100%; height: auto; color: var(--ink); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .28rem .5rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { font-weight: 600; color: var(--quiet); font-size: .82rem; white-space: normal; vertical-align: bottom; }
.left { text-align: left; }
th:first-child, td:first-child { padding-left: 0; } th:last-child, td:last-child { padding-right: 0; }
tfoot td { font-weight: 600; } tfoot tr:first-child td { border-top: 2px solid var(--quiet); }
tr.missing td { color: var(--quiet); }
.good td:last-child, .good strong { color: var(--good); } .open td:last-child, .open strong { color: var(--open); }
.bad td:last-child, .bad strong { color: var(--bad); font-weight: 700; }
table.dense { font-size: .81rem; }
.dense :is(th, td):not(:first-child, :last-child) { padding-left: .3rem; padding-right: .3rem; }
ul { margin: 0; padding-left: 1.2rem; }
@media print { body { margin: 0; max-width: none; } h2, h3 { break-after: avoid; } tr, svg { break-inside: avoid; } }
"""
# With more columns a table is set smaller.
_DENSE_FROM = 7


def html(document: Document) -> str:
    """The page."""
    title = escape(document.title)
    parts = [
        "<!DOCTYPE html>",
        f'<html lang="{document.language}">',
        '<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{title}</title>",
        f"<style>{_STYLE}</style></head>",
        f"<body><h1>{title}</h1>",
        *(f'<p class="quiet">{escape(line)}</p>' for line in document.lines),
    ]
    for number, section in enumerate(document.sections):
        parts.append(f"<section><h2>{escape(section.heading)}</h2>")
        for place, block in enumerate(section.blocks):
            parts += _block(block, f"chart-{number}-{place}")
        parts.append("</section>")
    return "\n".join([*parts, "</body></html>", ""])


def _block(block: Block, name: str) -> Iterator[str]:
    match block:
        case Figures():
            yield '<div class="figures">' + "".join(map(_figure, block.figures)) + "</div>"
        case Bars() | Lines():
            yield svg(block, name)
        case Table():
            yield from _table(block)
        case Notes():
            yield from _heading(block.heading)
            yield "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in block.lines) + "</ul>"


def _figure(figure: Figure) -> str:
    label, value, detail = map(escape, (figure.label, figure.value, figure.detail))
    below = f"<small>{detail}</small>" if detail else ""
    return f'<div class="{figure.tone}"><span>{label}</span><strong>{value}</strong>{below}</div>'


def _heading(text: str) -> Iterator[str]:
    if text:
        yield f"<h3>{escape(text)}</h3>"


def _table(block: Table) -> Iterator[str]:
    yield from _heading(block.title)
    dense = ' class="dense"' if len(block.headings) > _DENSE_FROM else ""
    yield f'<div class="wide"><table{dense}><thead>'
    yield _row(block, block.headings, "th")
    yield "</thead><tbody>"
    for number, row in enumerate(block.rows):
        yield _row(block, row, "td", block.tone(number))
    yield "</tbody>"
    if block.totals:
        yield "<tfoot>" + "".join(_row(block, row, "td") for row in block.totals) + "</tfoot>"
    yield "</table></div>"


def _row(block: Table, cells: Sequence[str], tag: str, tone: str = "plain") -> str:
    left = {column: ' class="left"' for column in range(len(cells)) if block.is_left(column)}
    made = "".join(f"<{tag}{left.get(column, '')}>{escape(cell)}</{tag}>" for column, cell in enumerate(cells))
    return f'<tr class="{tone}">{made}</tr>'
