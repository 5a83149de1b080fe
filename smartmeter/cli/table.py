"""The running values as a table in the terminal: a row for what the phases share, a column for each phase."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from rich import box
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from smartmeter.live import LatestValue
from smartmeter.measurands import Language, Measurand, measurands
from smartmeter.reports.amounts import DECIMALS

# A value older than this is shown as such.
OLD_S = 60.0
# From here on a meter's rows stand in two halves beside each other.
HALVES_FROM_WIDTH = 150
# Columns do not move when a value gets a digit more.
COLUMN_WIDTH = 7
_MICROSECONDS = 1_000_000

Column = Literal["l1", "l2", "l3", "n", "all"]
_COLUMNS: Sequence[Column] = ("l1", "l2", "l3", "n", "all")
# What is between two phases stands in a row of its own, `voltage_l1_l2` under L1.
_PHASE = re.compile(r"_(?P<phase>l1|l2|l3|n)(?P<other>_l[123])?(?P<max>_max)?$")
# `current_sum` stands in the row of the phases, `current_avg` has one of its own.
_ALL = re.compile(r"_(?:total|sum|ln_avg)(?=_|$)|(?<=_ll)_avg$|(?<=_thd)_avg$")

_WORDS: Mapping[Language, Mapping[str, str]] = {
    "en": {"all": "all", "nothing": "no values yet", "ago": "{} ago"},
    "de": {"all": "alle", "nothing": "noch keine Werte", "ago": "vor {}"},
}


@dataclass(frozen=True, slots=True)
class _Cell:
    measurand: Measurand
    latest: LatestValue


@dataclass(frozen=True, slots=True)
class _Row:
    label: str
    unit: str
    cells: Mapping[Column, _Cell]


def values_table(
    latest: Mapping[str, Mapping[str, LatestValue]], language: Language, now_us: int, width: int
) -> RenderableType:
    """Every meter as a panel with its latest values; `width` in characters, `now_us` UTC in microseconds."""
    panels = [_panel(meter, values, language, now_us, width) for meter, values in latest.items()]
    return Group(*panels) if panels else Text(_WORDS[language]["nothing"], style="dim")


def _panel(
    meter: str, values: Mapping[str, LatestValue], language: Language, now_us: int, width: int
) -> RenderableType:
    newest_us = max((value.time_us for value in values.values()), default=0)
    rows = _rows(values, language)
    middle = -(-len(rows) // 2) if width >= HALVES_FROM_WIDTH else len(rows)
    halves = [_grid(half, language, newest_us, now_us) for half in (rows[:middle], rows[middle:]) if half]
    moment = datetime.fromtimestamp(newest_us / _MICROSECONDS, UTC).astimezone()
    age_s = _age_s(newest_us, now_us)
    title = Text.assemble(
        (meter, "bold"),
        f"  {moment:%Y-%m-%d %H:%M:%S}  ",
        (_WORDS[language]["ago"].format(_age_text(age_s)), "bold red" if age_s > OLD_S else ""),
    )
    inside = Table.grid(padding=(0, 2), expand=True)
    inside.add_row(*halves)
    return Panel(inside, title=title, border_style="cyan", box=box.ROUNDED, padding=(0, 1))


def _rows(values: Mapping[str, LatestValue], language: Language) -> list[_Row]:
    """The rows in the vocabulary's order; a measurand whose place in its row is taken has a row of its own."""
    rows: dict[str, dict[Column, _Cell]] = {}
    for measurand in measurands().values():
        if measurand.id in values:
            stem, column = _place(measurand.id)
            rows.setdefault(stem, {})[column] = _Cell(measurand, values[measurand.id])
    return [_Row(_label(cells, language), _unit(cells), cells) for cells in rows.values()]


def _place(id_: str) -> tuple[str, Column]:
    """The row, by what its measurands have in common, and the column of a measurand."""
    match = _PHASE.search(id_)
    if match is None:
        return _ALL.sub("", id_), "all"
    phase: Column = match["phase"]  # type: ignore[assignment]  # the pattern allows no other
    stem = id_[: match.start()] + ("_ll" if match["other"] else "") + (match["max"] or "")
    return _ALL.sub("", stem), phase


def _label(cells: Mapping[Column, _Cell], language: Language) -> str:
    label = next(iter(cells.values())).measurand.label(language)
    if cells.keys() == {"all"}:
        return label
    return re.sub(r" L[123]\b(?!-)", "", re.sub(r"L\d-L\d", "L-L", label))


def _unit(cells: Mapping[Column, _Cell]) -> str:
    return next(iter(cells.values())).measurand.unit_symbol


def _grid(rows: Sequence[_Row], language: Language, newest_us: int, now_us: int) -> Table:
    columns = [column for column in _COLUMNS if any(column in row.cells for row in rows)]
    table = Table(box=None, padding=(0, 1, 0, 0), expand=True, header_style="dim")
    table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    for column in columns:
        header = _WORDS[language]["all"] if column == "all" else column.upper()
        table.add_column(header, justify="right", no_wrap=True, min_width=COLUMN_WIDTH)
    table.add_column(no_wrap=True, style="dim")
    table.add_column(no_wrap=True, style="dim", justify="right")
    for row in rows:
        oldest_us = min(cell.latest.time_us for cell in row.cells.values())
        table.add_row(
            row.label,
            *(_shown(row.cells.get(column), now_us) for column in columns),
            row.unit,
            # The age of the newest stands in the title.
            _age_text(_age_s(oldest_us, now_us)) if oldest_us < newest_us else "",
        )
    return table


def _shown(cell: _Cell | None, now_us: int) -> Text:
    if cell is None:
        return Text("")
    value = cell.latest.value
    style = "dim" if _age_s(cell.latest.time_us, now_us) > OLD_S else "bold"
    return Text("-" if value is None else f"{value:.{DECIMALS[cell.measurand.unit]}f}", style=style)


def _age_s(time_us: int, now_us: int) -> float:
    return max(0.0, (now_us - time_us) / _MICROSECONDS)


def _age_text(age_s: float) -> str:
    for seconds, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if age_s >= 2 * seconds:
            return f"{age_s / seconds:.0f} {unit}"
    return f"{age_s:.0f} s"
