"""A report as something to look at, whatever it is printed on: figures, charts, tables and notes by meter."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from smartmeter.measurands import Language

# What a figure, a row or a span of time says: all is well, it is not, it is open, or it is missing.
Tone = Literal["plain", "good", "bad", "open", "missing"]


@dataclass(frozen=True, slots=True)
class Figure:
    """One of the numbers that one looks for first: `detail` is a line below it."""

    label: str
    value: str
    detail: str = ""
    tone: Tone = "plain"


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures side by side."""

    figures: Sequence[Figure]


@dataclass(frozen=True, slots=True)
class Table:
    """`rows` have a cell for each of `headings`, all but the first column to the right; `totals` stand below a line.

    `tones` has one for each row; none: all are plain. Columns in `left` are set to the left.
    """

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    totals: Sequence[Sequence[str]] = ()
    title: str = ""
    tones: Sequence[Tone] = ()
    left: Sequence[int] = ()

    def tone(self, row: int) -> Tone:
        """That of the row with this number."""
        return self.tones[row] if self.tones else "plain"

    def is_left(self, column: int) -> bool:
        """Whether the column is set to the left."""
        return not column or column in self.left


@dataclass(frozen=True, slots=True)
class Notes:
    """Lines below a heading."""

    heading: str
    lines: Sequence[str]


@dataclass(frozen=True, slots=True)
class Bars:
    """Bars side by side for each label, a row of `values` by name; None: no bar.

    Of each value the part in `hatched` came over a gap, which `hatched_name` says; the labels in `missing` lie in one,
    which `missing_name` says.
    """

    labels: Sequence[str]
    names: Sequence[str]
    values: Sequence[Sequence[float | None]]
    hatched: Sequence[Sequence[float]]
    missing: Sequence[bool]
    hatched_name: str
    missing_name: str
    unit: str
    language: Language


@dataclass(frozen=True, slots=True)
class Shade:
    """A span of time that is shaded, in seconds since 1970."""

    from_s: float
    until_s: float
    name: str
    tone: Tone


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines over local time; `times` as seconds since 1970 in UTC, values None where there are none.

    `limits` are drawn across, of `marks` two for each line at its end, which `marks_name` says.
    """

    times: Sequence[float]
    names: Sequence[str]
    values: Sequence[Sequence[float | None]]
    limits: Sequence[float]
    marks: Sequence[tuple[float, float]]
    marks_name: str
    shades: Sequence[Shade]
    unit: str
    zone: str
    language: Language


Block = Figures | Table | Notes | Bars | Lines


@dataclass(frozen=True, slots=True)
class Section:
    """What belongs to one meter."""

    heading: str
    blocks: Sequence[Block]


@dataclass(frozen=True, slots=True)
class Document:
    """The whole report. `lines` stand below the title."""

    title: str
    lines: Sequence[str]
    language: Language
    sections: Sequence[Section]
