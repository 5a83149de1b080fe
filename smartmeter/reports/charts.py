"""Charts by matplotlib, for reports on paper and in HTML. Importing this imports matplotlib."""

import io
from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure

from smartmeter.reports.document import Bars, Lines

# One that appears nowhere else: in HTML it becomes the colour of the text around.
_INK = "#010203"
# Okabe and Ito's colours, which people with any vision tell apart.
_COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00")
_LIMIT_COLOUR = "#d55e00"
_SIZE_INCHES = (8.0, 2.9)
_LABELS_SHOWN = 16
_DPI = 200

_STYLE = {
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "hatch.linewidth": 0.6,
    "svg.fonttype": "none",
    "svg.hashsalt": "smartmeter",
    "text.color": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
}


def svg(chart: Bars | Lines) -> str:
    """The chart as an SVG element for an HTML page, in the colour of its text."""
    with rc_context(_STYLE):
        text = io.StringIO()
        _figure(chart).savefig(text, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    drawing = text.getvalue().partition("<svg")[2]
    return f"<svg{drawing}".replace(_INK, "currentColor")


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
    match chart:
        case Bars():
            _draw_bars(axes, chart)
        case Lines():
            _draw_lines(axes, chart)
    axes.set_ylabel(chart.unit)
    axes.grid(axis="y", alpha=0.25, color=_INK)
    axes.set_axisbelow(True)
    if len(chart.names) > 1:
        axes.legend(loc="upper right", frameon=False, ncols=len(chart.names), bbox_to_anchor=(1, 1.12))
    return figure


def _draw_bars(axes: Axes, chart: Bars) -> None:
    width = 0.8 / len(chart.names)
    for index, name in enumerate(chart.names):
        colour = _COLOURS[index % len(_COLOURS)]
        left = [place - 0.4 + width * (index + 0.5) for place in range(len(chart.labels))]
        values = [value or 0.0 for value in chart.values[index]]
        hatched = chart.hatched[index]
        sure = [value - gap for value, gap in zip(values, hatched, strict=True)]
        axes.bar(left, sure, width, color=colour, label=name)
        if any(hatched):
            axes.bar(left, hatched, width, bottom=sure, color="none", edgecolor=colour, hatch="/////", linewidth=0.6)
    step = -(-len(chart.labels) // _LABELS_SHOWN)
    places = range(0, len(chart.labels), step)
    slanted = max(map(len, chart.labels), default=0) > 8  # noqa: PLR2004 - what fits below a bar
    axes.set_xticks(list(places), [chart.labels[place] for place in places], rotation=35 if slanted else 0)
    for label in axes.get_xticklabels() if slanted else ():
        label.set_horizontalalignment("right")
    axes.set_xlim(-0.6, len(chart.labels) - 0.4)


def _draw_lines(axes: Axes, chart: Lines) -> None:
    moments = date2num([datetime.fromtimestamp(seconds, UTC) for seconds in chart.times])
    for index, (name, values) in enumerate(zip(chart.names, chart.values, strict=True)):
        axes.plot(moments, _with_holes(values), color=_COLOURS[index % len(_COLOURS)], linewidth=0.8, label=name)
    for limit in chart.limits:
        axes.axhline(limit, color=_LIMIT_COLOUR, linewidth=0.8, linestyle="--")
    zone = ZoneInfo(chart.zone)
    locator = AutoDateLocator(tz=zone)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, tz=zone))
    # The whole span, also where there is nothing (yet).
    axes.set_xlim(moments[0], moments[-1])


def _with_holes(values: Sequence[float | None]) -> list[float]:
    return [float("nan") if value is None else value for value in values]
