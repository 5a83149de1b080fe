"""Charts by matplotlib, for reports on paper and in HTML. Importing this imports matplotlib."""

import io
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import count
from zoneinfo import ZoneInfo

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.dates import DayLocator, HourLocator, date2num, num2date
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, NullFormatter

from smartmeter.reports.document import Bars, Lines, Tone
from smartmeter.reports.words import day, number

# One that appears nowhere else: in HTML it becomes the colour of the text around.
_INK = "#010203"
# Okabe and Ito's colours, which people with any vision tell apart.
_COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00")
_LIMIT_COLOUR = "#d55e00"
_SHADES: Mapping[Tone, str] = {"bad": "#d55e00", "missing": "#888888"}
_SHADE_ALPHA = 0.18
_SIZE_INCHES = (8.0, 2.9)
_LABELS_SHOWN = 32
# Of more, two do not stand side by side but back to back, and have no room for hatching.
_BESIDE_EACH_OTHER = 62
_SIDES = 2
_DPI = 200

_STYLE = {
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "axes.spines.left": False,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "hatch.linewidth": 0.6,
    "svg.fonttype": "none",
    "svg.hashsalt": "smartmeter",
    "text.color": _INK,
    "text.parse_math": False,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "ytick.major.size": 0,
}


def svg(chart: Bars | Lines, name: str) -> str:
    """The chart as an SVG element for an HTML page, in the colour of its text; `name` tells its parts from others'."""
    with rc_context({**_STYLE, "svg.hashsalt": name}):
        text = io.StringIO()
        nothing = {"Date": None, "Creator": None, "Format": None, "Type": None}
        _figure(chart).savefig(text, format="svg", transparent=True, metadata=nothing)
    drawing = text.getvalue().partition("<svg")[2].replace(_INK, "currentColor")
    numbers = count(1)
    # Those of matplotlib's groups are the same in every chart, and nothing asks for them.
    drawing = re.sub(r'<g id="\w+_\d+"', lambda _: f'<g id="{name}-{next(numbers)}"', drawing)
    return f'<svg role="img"{drawing}'


def png(chart: Bars | Lines) -> io.BytesIO:
    """The chart as a picture for paper."""
    with rc_context(_STYLE):
        data = io.BytesIO()
        _figure(chart).savefig(data, format="png", dpi=_DPI)
    data.seek(0)
    return data


def _figure(chart: Bars | Lines) -> Figure:
    figure = Figure(figsize=_SIZE_INCHES, layout="constrained")
    axes = figure.subplots()
    axes.set_ylabel(chart.unit, rotation=0, ha="right", va="top", y=1.02)
    axes.grid(axis="y", alpha=0.2, color=_INK, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _written(value, chart)))
    match chart:
        case Bars():
            extra = _draw_bars(axes, chart)
        case Lines():
            extra = _draw_lines(axes, chart)
    handles = [*axes.get_legend_handles_labels()[0], *extra]
    figure.legend(handles=handles, loc="outside upper right", frameon=False, ncols=max(1, len(handles)))
    return figure


def _draw_bars(axes: Axes, chart: Bars) -> list[Patch]:
    places = range(len(chart.labels))
    is_dense = len(places) > _BESIDE_EACH_OTHER
    is_signed = any(value is not None and value < 0 for column in chart.values for value in column)
    back_to_back = is_dense and len(chart.names) == _SIDES and not is_signed
    width = 0.9 if back_to_back else 0.8 / len(chart.names)
    over_gap = {"alpha": 0.4} if is_dense else {"fill": False, "hatch": "/////", "linewidth": 0.6}
    for index, name in enumerate(chart.names):
        colour, hatched = _COLOURS[index % len(_COLOURS)], chart.hatched[index]
        left = [place if back_to_back else place - 0.4 + width * (index + 0.5) for place in places]
        sign = -1 if back_to_back and index else 1
        sure = [sign * ((value or 0.0) - gap) for value, gap in zip(chart.values[index], hatched, strict=True)]
        axes.bar(left, sure, width, color=colour, label=name)
        if any(hatched):
            more = [sign * gap for gap in hatched]
            axes.bar(left, more, width, bottom=sure, facecolor=colour, edgecolor=colour, **over_gap)
    for place in places:
        if chart.missing[place]:
            axes.axvspan(place - 0.5, place + 0.5, facecolor=_SHADES["missing"], alpha=_SHADE_ALPHA, linewidth=0)
    if back_to_back:
        axes.axhline(0, color=_INK, linewidth=0.6)
        # Below the line stands what goes the other way, which is not negative.
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _written(abs(value), chart)))
    labelled = [place for place in places if chart.labels[place]]
    labelled = labelled[:: -(-len(labelled) // _LABELS_SHOWN) or 1]
    axes.set_xticks(labelled, [chart.labels[place] for place in labelled])
    axes.set_xlim(-0.6, max(len(places), 1) - 0.4)
    extra = []
    if any(any(column) for column in chart.hatched):
        patch = Patch(facecolor=_INK, alpha=0.4) if is_dense else Patch(fill=False, edgecolor=_INK, hatch="/////")
        patch.set_label(chart.hatched_name)
        extra.append(patch)
    if any(chart.missing):
        extra.append(Patch(facecolor=_SHADES["missing"], alpha=_SHADE_ALPHA, label=chart.missing_name))
    return extra


def _draw_lines(axes: Axes, chart: Lines) -> list[Patch]:
    zone = ZoneInfo(chart.zone)
    moments = [_place(seconds) for seconds in chart.times]
    extra = {}
    for shade in chart.shades:
        colour = _SHADES.get(shade.tone, _INK)
        axes.axvspan(_place(shade.from_s), _place(shade.until_s), facecolor=colour, alpha=_SHADE_ALPHA, linewidth=0)
        extra[shade.name] = Patch(facecolor=colour, alpha=_SHADE_ALPHA, label=shade.name)
    for limit in chart.limits:
        axes.axhline(limit, color=_LIMIT_COLOUR, linewidth=0.8, linestyle="--")
        axes.annotate(
            number(limit, 1, chart.language), (0, limit), (2, 2), xycoords=("axes fraction", "data"),
            textcoords="offset points", color=_LIMIT_COLOUR, fontsize=7,
        )  # fmt: skip
    for index, (name, values) in enumerate(zip(chart.names, chart.values, strict=True)):
        axes.plot(moments, _with_holes(values), color=_COLOURS[index % len(_COLOURS)], linewidth=0.8, label=name)
    for index, pair in enumerate(chart.marks):
        at = [1.008] * len(pair)
        colour = _COLOURS[index % len(_COLOURS)]
        axes.plot(at, pair, "<", color=colour, ms=4, clip_on=False, transform=axes.get_yaxis_transform())
    if chart.marks:
        axes.plot([], [], "<", color=_INK, ms=4, label=chart.marks_name)
    axes.xaxis.set_major_locator(DayLocator(tz=zone))
    axes.xaxis.set_minor_locator(HourLocator(byhour=12, tz=zone))
    axes.xaxis.set_major_formatter(NullFormatter())
    axes.xaxis.set_minor_formatter(FuncFormatter(lambda place, _: day(num2date(place, zone), chart.language)))
    axes.tick_params(axis="x", which="minor", length=0)
    # The whole span, also where there is nothing (yet).
    axes.set_xlim(moments[0], moments[-1])
    return list(extra.values())


def _written(value: float, chart: Bars | Lines) -> str:
    text = f"{value:g}"
    return text if chart.language == "en" else text.replace(".", ",")


def _place(seconds: float) -> float:
    return float(date2num(datetime.fromtimestamp(seconds, UTC)))


def _with_holes(values: Sequence[float | None]) -> list[float]:
    return [float("nan") if value is None else value for value in values]
