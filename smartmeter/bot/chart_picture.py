"""The picture of a chart, by matplotlib, which is imported late: who has none is told so."""

import io
import math
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from smartmeter.bot.chart import ChartOrder
from smartmeter.bot.chart_labels import bars_unit, curve_note, span_text, time_axis, value_labels
from smartmeter.bot.chart_values import Bars, Curve, Stretch, extremes_and_mean, unbroken
from smartmeter.measurands import Language, Measurand
from smartmeter.reports.words import word

_SIZE_INCHES = (8.0, 4.5)
_DPI = 160
_INK, _MUTED, _GRID = "#1f2933", "#667280", "#e3e7ec"
_COLOUR = "#0072b2"
_PALE = "#99c6e0"
_BAND_ALPHA = 0.2
_LINE_WIDTH, _THIN, _MANY = 1.8, 1.3, 400
_BAR_WIDTH = 0.84
_LEFT, _RIGHT, _TOP, _SECOND_LINE = 0.02, 0.985, 0.975, 0.893
_TITLE_SIZE, _NOTE_SIZE, _UNIT_SIZE, _EMPTY_SIZE = 17.0, 11.5, 12.5, 17.0
_Y_TICKS = 6
# What differs by less is the same: a steady value is a level line, not noise over the whole picture.
_LEAST_RANGE = 1e-3
_STYLE: Mapping[str, Any] = {
    "axes.edgecolor": _MUTED,
    "axes.linewidth": 0.8,
    "axes.spines.left": False,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.family": "DejaVu Sans",
    "font.size": 13.5,
    "hatch.linewidth": 0.8,
    "lines.solid_capstyle": "round",
    "lines.solid_joinstyle": "round",
    "text.color": _INK,
    "text.parse_math": False,
    "xtick.color": _MUTED,
    "xtick.labelcolor": _INK,
    "xtick.major.pad": 7,
    "xtick.major.size": 0,
    "ytick.labelcolor": _INK,
    "ytick.major.size": 0,
}


def picture(order: ChartOrder, measurand: Measurand, data: Curve | Bars) -> bytes:
    """The chart as PNG, 1280 x 720 pixels. Imports matplotlib."""
    from matplotlib import rc_context, rcdefaults, rcParams  # noqa: PLC0415
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    with rc_context():
        # Whoever runs this may have settings of their own.
        rcdefaults()
        rcParams.update(_STYLE)
        figure = Figure(figsize=_SIZE_INCHES, dpi=_DPI, layout="constrained", facecolor="white")
        canvas = FigureCanvasAgg(figure)
        _draw(figure, order, measurand, data)
        png = io.BytesIO()
        canvas.print_png(png)
    return png.getvalue()


def _draw(figure: Any, order: ChartOrder, measurand: Measurand, data: Curve | Bars) -> None:  # noqa: ANN401 - no types
    language = order.language
    note, unit = "", measurand.unit_symbol
    from_us, until_us = order.from_us, order.until_us
    figure.get_layout_engine().set(rect=(0.008, 0.012, 0.977, 0.83), w_pad=0, h_pad=0)
    axes = figure.subplots()
    axes.set_axisbelow(True)
    axes.grid(axis="y", color=_GRID, linewidth=0.9)
    match data:
        case Curve(stretches=[_, *_]):
            _draw_curve(axes, data)
            _label_values(axes, unit, language)
            note = curve_note(data, language)
        case Bars(bars=[first, *_] as bars):
            _draw_bars(axes, data, language)
            _label_values(axes, bars_unit(data, unit, language), language)
            # The outer ones may reach beyond the span.
            from_us, until_us = min(from_us, first.start_us), max(until_us, bars[-1].end_us)
        case _:
            _say_empty(axes, language)
    _draw_head(figure, order, measurand, note)
    _label_times(axes, from_us, until_us, order)


def _draw_head(figure: Any, order: ChartOrder, measurand: Measurand, note: str) -> None:  # noqa: ANN401
    title = figure.text(
        _LEFT, _TOP, f"{order.meter} \N{MIDDLE DOT} {measurand.label(order.language)}",
        fontsize=_TITLE_SIZE, fontweight="bold", va="top",
    )  # fmt: skip
    space = (_RIGHT - _LEFT) * figure.bbox.width
    title.set_fontsize(_TITLE_SIZE * min(1, space / title.get_window_extent().width))
    span = span_text(order.from_us, order.until_us, ZoneInfo(order.zone), order.language)
    for place, side, text in ((_LEFT, "left", span), (_RIGHT, "right", note)):
        figure.text(place, _SECOND_LINE, text, fontsize=_NOTE_SIZE, color=_MUTED, va="top", ha=side)


def _say_empty(axes: Any, language: Language) -> None:  # noqa: ANN401
    axes.set_yticks([])
    axes.text(
        0.5, 0.5, word("no_data", language), transform=axes.transAxes,
        ha="center", va="center", fontsize=_EMPTY_SIZE, color=_MUTED,
    )  # fmt: skip


def _draw_curve(axes: Any, curve: Curve) -> None:  # noqa: ANN401
    nothing = Stretch(0, 0, 0, math.nan, math.nan, math.nan)
    shown: list[tuple[float, Stretch]] = []
    alone: list[tuple[float, float]] = []
    for run in unbroken(curve):
        shown += [((stretch.start_us + stretch.end_us) / 2, stretch) for stretch in run]
        if len(run) == 1:
            alone.append((shown[-1][0], run[0].mean))
        shown.append((shown[-1][0], nothing))
    places, stretches = [place for place, _ in shown], [stretch for _, stretch in shown]
    axes.fill_between(
        places,
        [stretch.minimum for stretch in stretches],
        [stretch.maximum for stretch in stretches],
        color=_COLOUR,
        alpha=_BAND_ALPHA,
        linewidth=0,
    )
    width = _LINE_WIDTH if len(stretches) < _MANY else _THIN
    axes.plot(places, [stretch.mean for stretch in stretches], color=_COLOUR, linewidth=width)
    # A line needs two points.
    axes.plot([place for place, _ in alone], [mean for _, mean in alone], "o", color=_COLOUR, markersize=3.5)
    low, _, high = extremes_and_mean(curve.stretches)
    middle, half = (low + high) / 2, max(high - low, _LEAST_RANGE * max(abs(low), abs(high)), 1e-9) / 2
    axes.set_ylim(middle - 1.16 * half, middle + 1.16 * half)


def _draw_bars(axes: Any, bars: Bars, language: Language) -> None:  # noqa: ANN401
    for bar in bars.bars:
        width_us = bar.end_us - bar.start_us
        place = {"x": bar.start_us + width_us / 2, "width": _BAR_WIDTH * width_us}
        sure = bar.energy - bar.gap_energy
        # Pale is what is not, or not only, the energy of this period.
        axes.bar(height=sure, color=_COLOUR if bar.whole or bar.gap_energy else _PALE, **place)
        if bar.gap_energy:
            axes.bar(
                height=bar.gap_energy, bottom=sure, facecolor="white", edgecolor=_COLOUR, hatch="////", linewidth=0.8,
                label="" if axes.get_legend_handles_labels()[0] else word("gap_part", language), **place,
            )  # fmt: skip
    axes.axhline(0, color=_MUTED, linewidth=0.8)
    axes.spines.bottom.set_visible(False)
    axes.margins(y=0.08)
    if all(bar.energy == 0 for bar in bars.bars):
        axes.set_ylim(0, 1)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="lower right", bbox_to_anchor=(1, 1), frameon=False, fontsize=_NOTE_SIZE, borderpad=0)


def _label_values(axes: Any, unit: str, language: Language) -> None:  # noqa: ANN401
    axes.locator_params(axis="y", nbins=_Y_TICKS)
    low, high = axes.get_ylim()
    ticks = [float(tick) for tick in axes.get_yticks() if low <= tick <= high]
    axes.set_yticks(ticks, value_labels(ticks, language))
    axes.set_title(unit, loc="left", fontsize=_UNIT_SIZE, color=_MUTED, pad=9)


def _label_times(axes: Any, from_us: int, until_us: int, order: ChartOrder) -> None:  # noqa: ANN401
    axis = time_axis(from_us, until_us, ZoneInfo(order.zone), order.language)
    axes.set_xlim(from_us, until_us)
    # All have as many lines, or those with fewer stand higher.
    blank = "\n " if any("\n" in label for _, label in axis.labels) else ""
    labels = [label if "\n" in label else label + blank for _, label in axis.labels]
    axes.set_xticks([place for place, _ in axis.labels], labels)
    for line_us in axis.lines_us:
        axes.axvline(line_us, color=_GRID, linewidth=0.9, zorder=0.5)
