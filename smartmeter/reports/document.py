"""A report as something to look at, whatever it is printed on: headings, facts, tables, notes and charts."""

from collections.abc import Sequence
from dataclasses import dataclass

from smartmeter.measurands import Language


@dataclass(frozen=True, slots=True)
class Table:
    """`rows` have a cell for each of `headings`, all but the first column to the right; `totals` stand below a line."""

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    totals: Sequence[Sequence[str]] = ()


@dataclass(frozen=True, slots=True)
class Notes:
    """Lines below a heading."""

    heading: str
    lines: Sequence[str]


@dataclass(frozen=True, slots=True)
class Bars:
    """Bars side by side for each label; of each value the part in `hatched` is of unknown shape. None: no bar."""

    labels: Sequence[str]
    names: Sequence[str]
    values: Sequence[Sequence[float | None]]
    hatched: Sequence[Sequence[float]]
    unit: str


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines over local time; `times` as seconds since 1970 in UTC, values None where there are none."""

    times: Sequence[float]
    names: Sequence[str]
    values: Sequence[Sequence[float | None]]
    limits: Sequence[float]
    unit: str
    zone: str


Block = Table | Notes | Bars | Lines


@dataclass(frozen=True, slots=True)
class Section:
    """What belongs to one meter."""

    heading: str
    blocks: Sequence[Block]


@dataclass(frozen=True, slots=True)
class Document:
    """The whole report."""

    title: str
    subtitle: str
    language: Language
    sections: Sequence[Section]
