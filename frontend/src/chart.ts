/** Lines over time with their bands of minimum and maximum, by uPlot. */

import "uplot/dist/uPlot.min.css";
import uPlot from "uplot";
import type { History, Measurand, Numbers } from "./api.ts";
import { markTexts, marks, stepFor } from "./axis.ts";
import { number, type Times } from "./format.ts";
import { language } from "./i18n.ts";
import { alone, rangeOf } from "./lines.ts";
import { colour } from "./theme.ts";
import { followTouch } from "./touch.ts";

export interface Line {
  measurand: Measurand;
  /** Of the style sheet: "series-1". */
  colour: string;
}

export interface Range {
  fromMs: number;
  untilMs: number;
}

export interface ChartEvents {
  zoom(range: Range): void;
  zoomOut(): void;
  /** The index of the moment that is pointed at; null: none. */
  point(index: number | null): void;
}

const HEIGHT = 320;
const BAND_ALPHA = "2e";
const FONT = '12px system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif';
const MARK_PX = 68;
const MIN_DRAG_PX = 6;

export class Chart {
  readonly host: HTMLElement;
  readonly #times: Times;
  readonly #events: ChartEvents;
  readonly #resize: ResizeObserver;
  #lines: readonly Line[] = [];
  #history: History | null = null;
  #range: Range = { fromMs: 0, untilMs: 1 };
  #plot: uPlot | null = null;
  #hasBands = false;
  #hasRoomBeside = false;

  constructor(host: HTMLElement, times: Times, events: ChartEvents) {
    this.host = host;
    this.#times = times;
    this.#events = events;
    this.#resize = new ResizeObserver(() => {
      const width = this.host.clientWidth;
      if (this.#plot && width > 0 && width !== this.#plot.width) this.#plot.setSize({ width, height: HEIGHT });
    });
    this.#resize.observe(host);
  }

  destroy(): void {
    this.#resize.disconnect();
    this.#plot?.destroy();
  }

  /** `hasRoomBeside`: another chart above or below has a second axis, and both shall begin and end at the same place. */
  show(lines: readonly Line[], history: History, range: Range, hasRoomBeside: boolean): void {
    const hasBands = lines.some(({ measurand }) => history.series[measurand.id]?.min);
    const isSame =
      this.#plot !== null &&
      hasBands === this.#hasBands &&
      hasRoomBeside === this.#hasRoomBeside &&
      lines.length === this.#lines.length &&
      lines.every(({ measurand, colour }, index) => measurand.id === this.#lines[index]?.measurand.id && colour === this.#lines[index].colour);
    this.#lines = lines;
    this.#history = history;
    this.#range = range;
    this.#hasBands = hasBands;
    this.#hasRoomBeside = hasRoomBeside;
    if (isSame) this.#plot?.setData(this.#data());
    else this.redraw();
  }

  /** Moves what is seen, before finer data are there. */
  move(range: Range): void {
    this.#range = range;
    this.#plot?.setScale("x", { min: range.fromMs / 1000, max: range.untilMs / 1000 });
  }

  /** Points at a moment as the pointer does. */
  point(index: number | null): void {
    const plot = this.#plot;
    const seconds = index === null ? undefined : this.#history?.times[index];
    if (!plot) return;
    if (seconds === undefined) plot.setCursor({ left: -10, top: -10 }, false);
    else plot.setCursor({ left: plot.valToPos(seconds, "x"), top: 0 }, false);
  }

  redraw(): void {
    this.#plot?.destroy();
    this.#plot = new uPlot(this.#options(), this.#data(), this.host);
    followTouch(this.#plot, {
      move: (min, max) => this.move({ fromMs: min * 1000, untilMs: max * 1000 }),
      zoom: (min, max) => this.#events.zoom({ fromMs: min * 1000, untilMs: max * 1000 }),
    });
  }

  #data(): uPlot.AlignedData {
    const history = this.#history as History;
    const empty: Numbers = history.times.map(() => null);
    const columns: Numbers[] = [];
    for (const { measurand } of this.#lines) {
      const series = history.series[measurand.id];
      columns.push(series?.mean ?? empty);
      if (this.#hasBands) columns.push(series?.max ?? series?.mean ?? empty, series?.min ?? series?.mean ?? empty);
    }
    return [history.times, ...columns];
  }

  #options(): uPlot.Options {
    const [ink, rule] = [colour("ink-2"), colour("rule")];
    const units = [...new Set(this.#lines.map(({ measurand }) => measurand.unit))];
    const scale = (unit: string): string => `y:${unit}`;
    const series: uPlot.Series[] = [{}];
    const bands: uPlot.Band[] = [];
    for (const { measurand, colour: name } of this.#lines) {
      const stroke = colour(name);
      // A line through one point is none: values that stand alone are dots.
      const points: uPlot.Series.Points = { show: false, size: 4, width: 0, fill: stroke, filter: (plot, index) => alone(plot.data[index] ?? []) };
      series.push({ scale: scale(measurand.unit), stroke, width: 1.75, points });
      if (!this.#hasBands) continue;
      const edge = { scale: scale(measurand.unit), width: 0, points: { show: false } };
      series.push(edge, edge);
      bands.push({ series: [series.length - 2, series.length - 1], fill: stroke + BAND_ALPHA });
    }
    const scales: uPlot.Scales = {
      x: { time: false, range: () => [this.#range.fromMs / 1000, this.#range.untilMs / 1000] },
    };
    for (const unit of units) scales[scale(unit)] = { range: (_, min, max) => rangeOf(unit, min, max) };
    return {
      width: this.host.clientWidth || 600,
      height: HEIGHT,
      pxAlign: 1,
      padding: [26, units.length > 1 ? 0 : this.#hasRoomBeside ? 52 : 16, 0, 0],
      legend: { show: false },
      scales,
      series,
      bands,
      axes: [this.#timeAxis(ink, rule), ...units.map((unit, index) => valueAxis(unit, scale(unit), index, ink, rule))],
      cursor: {
        drag: { x: true, y: false, setScale: false },
        points: { size: 8, width: 2, one: false },
        bind: {
          dblclick: () => () => {
            this.#events.zoomOut();
            return null;
          },
        },
      },
      hooks: {
        setCursor: [(plot) => this.#events.point(plot.cursor.left !== undefined && plot.cursor.left >= 0 ? (plot.cursor.idx ?? null) : null)],
        setSelect: [(plot) => this.#selected(plot)],
        drawClear: [(plot) => drawUnits(plot, units, ink)],
      },
    };
  }

  #selected(plot: uPlot): void {
    const { left, width } = plot.select;
    if (width < MIN_DRAG_PX) return;
    const range = { fromMs: plot.posToVal(left, "x") * 1000, untilMs: plot.posToVal(left + width, "x") * 1000 };
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.#events.zoom(range);
  }

  #timeAxis(ink: string, rule: string): uPlot.Axis {
    const { zone } = this.#times;
    const step = (plot: uPlot): ReturnType<typeof stepFor> =>
      stepFor(this.#range.untilMs - this.#range.fromMs, Math.max(2, plot.bbox.width / devicePixelRatio / MARK_PX));
    return {
      stroke: ink,
      font: FONT,
      size: 44,
      gap: 6,
      grid: { stroke: rule, width: 1 },
      ticks: { show: false },
      splits: (plot, _, min, max) => marks(zone, min * 1000, max * 1000, step(plot)).map((ms) => ms / 1000),
      values: (plot, splits) => markTexts(this.#times, splits.map((seconds) => seconds * 1000), step(plot)),
    };
  }
}

function valueAxis(_unit: string, scale: string, index: number, ink: string, rule: string): uPlot.Axis {
  return {
    scale,
    side: index === 0 ? 3 : 1,
    stroke: ink,
    font: FONT,
    gap: 6,
    space: 44,
    grid: index === 0 ? { stroke: rule, width: 1 } : { show: false },
    ticks: { show: false },
    size: (_, values) => Math.max(52, 16 + 7.2 * Math.max(0, ...(values ?? []).map((text) => text.length))),
    values: (_plot, splits, _axis, _space, increment) => {
      const decimals = Math.max(0, Math.min(6, Math.ceil(-Math.log10(increment) - 1e-9)));
      return splits.map((value) => number(value, decimals, language()));
    },
  };
}

/** The units above the axes. */
function drawUnits(plot: uPlot, units: readonly string[], ink: string): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.fillStyle = ink;
  ctx.font = `600 ${12 * devicePixelRatio}px ${FONT.slice(FONT.indexOf(" ") + 1)}`;
  ctx.textBaseline = "alphabetic";
  units.forEach((unit, index) => {
    ctx.textAlign = index === 0 ? "right" : "left";
    ctx.fillText(unit, index === 0 ? bbox.left - 6 * devicePixelRatio : bbox.left + bbox.width + 6 * devicePixelRatio, bbox.top - 12 * devicePixelRatio);
  });
  ctx.restore();
}
