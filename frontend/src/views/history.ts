/** History: any measurands of a meter over any span, as lines. */

import { getHistory, type History, historyCsv, type HistoryQuery, type Measurand, type Meter } from "../api.ts";
import { type App, meterOf, type Mounted } from "../app.ts";
import { Chart, type Line, type Range } from "../chart.ts";
import { nowMs } from "../clock.ts";
import { type Child, h, replace, setAttribute, setText } from "../dom.ts";
import { amount, lasting } from "../format.ts";
import { inLanguage, language, t } from "../i18n.ts";
import { icon } from "../icons.ts";
import { charts, firstChoice, measurandOf } from "../measurands.ts";
import { choice, csvLink, errorBox, iconButton, meterChoice } from "../parts.ts";
import { picker } from "../picker.ts";
import { address, go } from "../router.ts";
import { whenThemeChanges } from "../theme.ts";
import { SECOND_MS, type Unit } from "../zone.ts";

const SPANS = ["hour", "day", "week", "month", "year"] as const satisfies Unit[];
const COLOURS = 8;
const SHORTEST_MS = 10 * SECOND_MS;
const LONGEST_MS = 50 * 366 * 24 * 3600 * SECOND_MS;
// Live: anew when a reading comes, but not more often than the picture can change.
const LIVE_EVERY_MS = 5 * SECOND_MS;

/** What the address says; without `until` the span ends now and goes on with time. */
interface Asked {
  meter: Meter;
  measurands: Measurand[];
  span: Unit | null;
  range: Range;
  isLive: boolean;
}

export function historyView(app: App, first: URLSearchParams): Mounted {
  return new HistoryView(app, first);
}

class HistoryView implements Mounted {
  readonly element = h("div", { class: "view" });
  readonly #app: App;
  readonly #tools = h("div", { class: "tools-row" });
  readonly #title = h("p", { class: "range" });
  readonly #source = h("span", { class: "dim" });
  readonly #pickerPlace = h("div", {});
  readonly #message = h("div", {});
  readonly #plots = h("div", { class: "plots", tabindex: "0", role: "slider", "aria-valuemin": "0", "aria-valuemax": "0", "aria-valuenow": "0", "aria-label": t("history") });
  readonly #legend = h("div", { class: "legend" });
  readonly #endings: (() => void)[];
  #asked: Asked | null = null;
  #charts: Chart[] = [];
  #history: History | null = null;
  #shownRange: Range | null = null;
  #lines: Line[] = [];
  #pointed: number | null = null;
  #cells: { measurand: Measurand; element: HTMLElement }[] = [];
  #moment: HTMLElement | null = null;
  #abort: AbortController | null = null;
  #loadedMs = 0;
  /** What was seen before zooming in; a span: it went on with time. */
  #wider: { range: Range; span: Unit | null }[] = [];
  #isPressed = false;

  constructor(app: App, parameters: URLSearchParams) {
    this.#app = app;
    replace(
      this.element,
      h("h1", { class: "sr" }, t("history")),
      this.#tools,
      this.#pickerPlace,
      h(
        "section",
        { class: "card" },
        h("div", { class: "range-row" }, this.#title, this.#source),
        this.#message,
        this.#plots,
        h("p", { class: "hint dim" }, h("span", { class: "fine" }, t("hint_mouse")), h("span", { class: "coarse" }, t("hint_touch"))),
        this.#legend,
      ),
    );
    this.#plots.addEventListener("keydown", (event) => this.#key(event));
    this.#plots.addEventListener("pointerdown", () => {
      this.#isPressed = true;
    });
    const release = (): void => {
      this.#isPressed = false;
    };
    window.addEventListener("pointerup", release);
    window.addEventListener("pointercancel", release);
    this.#plots.addEventListener("pointerleave", () => this.#point(null, null));
    this.#endings = [
      whenThemeChanges(() => {
        for (const chart of this.#charts) chart.redraw();
      }),
      app.live.listen((name) => this.#live(name)),
      () => window.removeEventListener("pointerup", release),
      () => window.removeEventListener("pointercancel", release),
    ];
    this.update(parameters);
  }

  destroy(): void {
    this.#abort?.abort();
    for (const chart of this.#charts) chart.destroy();
    for (const end of this.#endings) end();
  }

  update(parameters: URLSearchParams): void {
    const meter = meterOf(this.#app, parameters);
    if (!meter) {
      replace(this.element, h("h1", { class: "sr" }, t("history")), h("p", { class: "notice" }, t("no_meters")));
      return;
    }
    const before = this.#asked?.meter;
    this.#asked = this.#read(meter, parameters);
    if (before && before !== meter) {
      this.#history = null;
      replace(this.#pickerPlace);
    }
    this.#showTools();
    void this.#load();
  }

  #read(meter: Meter, parameters: URLSearchParams): Asked {
    const ids = parameters.has("m") ? parameters.getAll("m") : firstChoice(meter);
    const measurands = ids.flatMap((id) => measurandOf(meter, id) ?? []);
    const from = Date.parse(parameters.get("from") ?? "");
    const until = Date.parse(parameters.get("until") ?? "");
    const named = SPANS.find((each) => each === parameters.get("span")) ?? null;
    if (!Number.isNaN(from) && !Number.isNaN(until) && from < until) {
      return { meter, measurands, span: named, range: { fromMs: from, untilMs: until }, isLive: false };
    }
    const span = named ?? "day";
    const now = nowMs();
    return { meter, measurands, span, range: { fromMs: this.#app.zone.add(span, now, -1), untilMs: now }, isLive: true };
  }

  /** The address of this view with something changed. */
  #go(change: { meter?: string; ids?: string[]; span?: Unit | null; range?: Range | null }, isStep = true): void {
    const asked = this.#asked as Asked;
    const parameters = new URLSearchParams({ meter: change.meter ?? asked.meter.name });
    for (const id of change.ids ?? asked.measurands.map(({ id }) => id)) parameters.append("m", id);
    // A choice of nothing is not the same as no choice.
    if (change.ids?.length === 0) parameters.append("m", "");
    const span = change.span === undefined ? asked.span : change.span;
    const range = change.range === undefined ? (asked.isLive ? null : asked.range) : change.range;
    if (span) parameters.set("span", span);
    if (range) {
      parameters.set("from", new Date(range.fromMs).toISOString());
      parameters.set("until", new Date(range.untilMs).toISOString());
    }
    go(address("history", parameters), !isStep);
  }

  #showTools(): void {
    const { meter, measurands, span, range, isLive } = this.#asked as Asked;
    const focused = document.activeElement?.getAttribute("data-tool");
    const firstMs = meter.first === null ? null : Date.parse(meter.first);
    const tool = (name: string, button: HTMLButtonElement, disabled = false): HTMLButtonElement => {
      button.dataset["tool"] = name;
      button.disabled = disabled;
      return button;
    };
    const spans = choice(
      t("span"),
      SPANS.map((each) => [each, t(each)] as const),
      span,
      (each) => {
        this.#wider = [];
        this.#go({ span: each, range: null });
      },
    );
    for (const [index, button] of [...spans.children].entries()) button.setAttribute("data-tool", `span-${index}`);
    const choose = h(
      "button",
      {
        type: "button",
        class: "button",
        "data-tool": "choose",
        "aria-expanded": this.#pickerPlace.firstChild ? "true" : "false",
        onclick: () => this.#togglePicker(),
      },
      t("measurands"),
      h("span", { class: "count" }, String(measurands.length)),
      icon("chevron"),
    );
    replace(
      this.#tools,
      meterChoice(this.#app.house.meters, meter.name, (name) => this.#changeMeter(name)),
      choose,
      spans,
      h(
        "div",
        { class: "buttons" },
        tool("previous", iconButton("left", t("previous"), () => this.#shift(-1)), firstMs !== null && range.fromMs <= firstMs),
        tool("next", iconButton("right", t("next"), () => this.#shift(1)), isLive || range.untilMs >= nowMs()),
        h(
          "button",
          { type: "button", class: "button", "data-tool": "now", disabled: isLive, onclick: () => this.#go({ range: null, span: span ?? this.#likeSpan() }) },
          t("to_now"),
        ),
      ),
      h(
        "div",
        { class: "buttons" },
        tool("in", iconButton("plus", t("zoom_in"), () => this.#zoomBy(0.5))),
        tool("out", iconButton("minus", t("zoom_out"), () => this.#zoomOut())),
        measurands.length > 0 ? csvLink(historyCsv(this.#query(5000))) : null,
      ),
    );
    if (focused) this.#tools.querySelector<HTMLElement>(`[data-tool="${focused}"]`)?.focus();
  }

  /** The same measurands of another meter, as far as it reads them. */
  #changeMeter(name: string): void {
    const meter = this.#app.house.meters.find((each) => each.name === name);
    if (!meter) return;
    const same = (this.#asked as Asked).measurands.filter(({ id }) => measurandOf(meter, id)).map(({ id }) => id);
    this.#go({ meter: name, ids: same.length > 0 ? same : firstChoice(meter) });
  }

  #togglePicker(): void {
    const { meter, measurands } = this.#asked as Asked;
    if (this.#pickerPlace.firstChild) {
      replace(this.#pickerPlace);
      this.#showTools();
      this.#tools.querySelector<HTMLElement>('[data-tool="choose"]')?.focus();
      return;
    }
    replace(
      this.#pickerPlace,
      picker(
        meter.measurands,
        measurands.map(({ id }) => id),
        { choose: (ids) => this.#go({ ids }, false), close: () => this.#togglePicker() },
      ),
    );
    this.#showTools();
  }

  #likeSpan(): Unit {
    const { range } = this.#asked as Asked;
    const width = range.untilMs - range.fromMs;
    const now = nowMs();
    return SPANS.find((each) => now - this.#app.zone.add(each, now, -1) >= width * 0.99) ?? "year";
  }

  #shift(direction: 1 | -1): void {
    const { span, range } = this.#asked as Asked;
    const { zone } = this.#app;
    const width = range.untilMs - range.fromMs;
    const move = (ms: number): number => (span ? zone.add(span, ms, direction) : ms + direction * width);
    const untilMs = Math.min(move(range.untilMs), nowMs());
    const fromMs = span ? zone.add(span, untilMs, -1) : untilMs - width;
    this.#wider = [];
    if (direction > 0 && span && untilMs >= nowMs() - SECOND_MS) this.#go({ range: null });
    else this.#go({ range: { fromMs, untilMs } });
  }

  #zoom(range: Range): void {
    const asked = this.#asked as Asked;
    const middle = (range.fromMs + range.untilMs) / 2;
    const half = Math.max(range.untilMs - range.fromMs, SHORTEST_MS) / 2;
    if (half * 2 > LONGEST_MS) return;
    const rounded = { fromMs: Math.round(middle - half), untilMs: Math.round(middle + half) };
    this.#wider.push({ range: asked.range, span: asked.isLive ? asked.span : null });
    for (const chart of this.#charts) chart.move(rounded);
    this.#go({ span: null, range: rounded });
  }

  #zoomBy(factor: number): void {
    const { fromMs, untilMs } = (this.#asked as Asked).range;
    const around = this.#pointed === null ? undefined : this.#history?.times[this.#pointed];
    const middle = around === undefined ? (fromMs + untilMs) / 2 : around * 1000;
    this.#zoom({ fromMs: middle - (middle - fromMs) * factor, untilMs: middle + (untilMs - middle) * factor });
  }

  /** Back to what was seen before zooming in, else twice as much. */
  #zoomOut(): void {
    const { fromMs, untilMs } = (this.#asked as Asked).range;
    const before = this.#wider.pop();
    if (before && before.range.fromMs <= fromMs && before.range.untilMs >= untilMs) {
      for (const chart of this.#charts) chart.move(before.range);
      this.#go({ span: before.span, range: before.span ? null : before.range });
      return;
    }
    const now = nowMs();
    const width = Math.min(2 * (untilMs - fromMs), LONGEST_MS);
    const end = Math.min((fromMs + untilMs + width) / 2, Math.max(now, untilMs));
    const range = { fromMs: Math.round(end - width), untilMs: Math.round(end) };
    for (const chart of this.#charts) chart.move(range);
    this.#go({ span: null, range });
  }

  #live(name: string): void {
    const asked = this.#asked;
    if (!asked?.isLive || asked.meter.name !== name || document.hidden || this.#abort || this.#isPressed) return;
    const width = asked.range.untilMs - asked.range.fromMs;
    if (nowMs() - this.#loadedMs < Math.max(LIVE_EVERY_MS, width / 800)) return;
    const now = nowMs();
    asked.range = { fromMs: this.#app.zone.add(asked.span ?? "day", now, -1), untilMs: now };
    void this.#load();
  }

  #query(points: number): HistoryQuery {
    const { meter, measurands, range } = this.#asked as Asked;
    return { meter: meter.name, measurands: measurands.map(({ id }) => id), ...range, points };
  }

  async #load(): Promise<void> {
    const asked = this.#asked as Asked;
    this.#abort?.abort();
    this.#abort = null;
    if (asked.measurands.length === 0) {
      this.#history = null;
      this.#drop();
      replace(this.#message, h("p", { class: "empty" }, t("none_chosen")));
      return;
    }
    const abort = new AbortController();
    this.#abort = abort;
    this.#plots.setAttribute("aria-busy", "true");
    const width = this.#plots.clientWidth || 800;
    try {
      const history = await getHistory(this.#query(Math.min(2000, Math.max(100, Math.round(width)))), abort.signal);
      if (abort.signal.aborted) return;
      this.#history = history;
      this.#shownRange = asked.range;
      this.#show();
    } catch (error) {
      if (abort.signal.aborted) return;
      if (!asked.isLive || this.#history === null) {
        this.#drop();
        replace(this.#message, errorBox(error, () => void this.#load()));
      }
    } finally {
      if (this.#abort === abort) {
        this.#abort = null;
        this.#loadedMs = nowMs();
        this.#plots.removeAttribute("aria-busy");
      }
    }
  }

  #drop(): void {
    for (const chart of this.#charts) chart.destroy();
    this.#charts = [];
    replace(this.#plots);
    replace(this.#legend);
    setText(this.#title, "");
    setText(this.#source, "");
  }

  #show(): void {
    const asked = this.#asked as Asked;
    const history = this.#history as History;
    const range = this.#shownRange as Range;
    const { times } = this.#app;
    setText(this.#title, times.range(range.fromMs, range.untilMs));
    setText(this.#source, sourceText(history));
    this.#lines = asked.measurands.map((measurand, index) => ({ measurand, colour: `series-${(index % COLOURS) + 1}` }));
    const panels = charts(asked.measurands);
    while (this.#charts.length > panels.length) {
      const chart = this.#charts.pop();
      chart?.destroy();
      chart?.host.remove();
    }
    while (this.#charts.length < panels.length) {
      const host = h("div", { class: "plot" });
      this.#plots.append(host);
      const chart: Chart = new Chart(host, times, {
        zoom: (to) => this.#zoom(to),
        zoomOut: () => this.#zoomOut(),
        point: (index) => this.#point(index, chart),
      });
      this.#charts.push(chart);
    }
    panels.forEach((members, index) => {
      this.#charts[index]?.show(this.#lines.filter(({ measurand }) => members.includes(measurand)), history, range, panels.length > 1);
    });
    const isEmpty = this.#lines.every(({ measurand }) => history.series[measurand.id]?.mean.every((value) => value === null) ?? true);
    replace(this.#message, isEmpty && h("p", { class: "empty" }, t("nothing_there")));
    const names = this.#lines.map(({ measurand }) => inLanguage(measurand.label)).join(", ");
    setAttribute(this.#plots, "aria-label", t("chart_of", { names, span: this.#title.textContent ?? "" }));
    setAttribute(this.#plots, "aria-valuemax", String(Math.max(0, history.times.length - 1)));
    this.#showLegend();
    this.#point(this.#pointed !== null && this.#pointed < history.times.length ? this.#pointed : null, null);
  }

  /** Every line with its colour, its value at the pointer and its range over the span. */
  #showLegend(): void {
    const history = this.#history as History;
    const { measurands } = this.#asked as Asked;
    this.#cells = [];
    this.#moment = h("th", { scope: "col", class: "number moment" }, t("at_cursor"));
    const rows = this.#lines.map(({ measurand, colour }) => {
      const { lowest, mean, highest } = summary(history, measurand.id);
      const text = (value: number | null): string => amount(value, measurand.decimals, measurand.unit, language());
      const cell = h("td", { class: "number pointed" });
      this.#cells.push({ measurand, element: cell });
      const name = inLanguage(measurand.label);
      const remove = iconButton("cross", t("remove", { name }), () =>
        this.#go({ ids: measurands.filter((each) => each !== measurand).map(({ id }) => id) }, false),
      );
      remove.classList.add("quiet");
      const isCounter = measurand.kind === "counter";
      return h(
        "tr",
        {},
        h("th", { scope: "row" }, h("span", { class: "line-name" }, h("span", { class: `swatch ${colour}` }), name)),
        cell,
        h("td", { class: "number" }, text(lowest)),
        h("td", { class: "number" }, isCounter ? "" : text(mean)),
        h("td", { class: "number" }, text(highest)),
        h("td", { class: "tool" }, remove),
      );
    });
    const head = (text: string): Child => h("th", { scope: "col", class: "number" }, text);
    replace(
      this.#legend,
      h(
        "div",
        { class: "scroll", tabindex: "0", role: "region", "aria-label": t("measurands") },
        h(
          "table",
          {},
          h("caption", { class: "sr" }, t("measurands")),
          h(
            "thead",
            {},
            h("tr", {}, h("th", { scope: "col" }, t("measurand")), this.#moment, head(t("lowest")), head(t("mean")), head(t("highest")), h("td", {})),
          ),
          h("tbody", {}, ...rows),
        ),
      ),
    );
  }

  /** Reads what stands at a moment; null: the newest. `from` has its cursor there already. */
  #point(index: number | null, from: Chart | null): void {
    this.#pointed = index;
    const history = this.#history;
    if (!history || !this.#moment) return;
    for (const chart of this.#charts) if (chart !== from) chart.point(index);
    const seconds = index === null ? undefined : history.times[index];
    const moment = seconds === undefined ? t("newest") : this.#momentText(seconds * 1000);
    setText(this.#moment, moment);
    const texts: string[] = [];
    for (const { measurand, element } of this.#cells) {
      const series = history.series[measurand.id];
      const at = index ?? lastKnown(series?.mean ?? []);
      const value = at === null ? null : (series?.mean[at] ?? null);
      const text = amount(value, measurand.decimals, measurand.unit, language());
      setText(element, text);
      texts.push(`${inLanguage(measurand.label)} ${text}`);
    }
    setAttribute(this.#plots, "aria-valuenow", String(index ?? Math.max(0, history.times.length - 1)));
    setAttribute(this.#plots, "aria-valuetext", `${moment}: ${texts.join(", ")}`);
  }

  #momentText(ms: number): string {
    const { times, zone } = this.#app;
    const history = this.#history as History;
    if (history.source === "1d") return times.day(ms);
    const width = (this.#shownRange?.untilMs ?? 0) - (this.#shownRange?.fromMs ?? 0);
    const isFine = history.source === "readings" && (history.step_s ?? 0) < 60;
    const clock = isFine ? times.clockSecond(ms) : times.clock(ms);
    const isOneDay = width < 24 * 3600 * SECOND_MS && zone.isoDate(ms) === zone.isoDate(nowMs());
    return isOneDay ? clock : `${times.dayMonth(ms)}, ${clock}`;
  }

  #key(event: KeyboardEvent): void {
    if (event.target !== this.#plots || event.ctrlKey || event.metaKey || event.altKey) return;
    const last = (this.#history?.times.length ?? 0) - 1;
    const at = this.#pointed ?? last;
    const large = Math.max(1, Math.round(last / 10));
    const actions: Record<string, () => void> = {
      ArrowLeft: () => (event.shiftKey ? this.#shift(-1) : this.#point(Math.max(0, at - 1), null)),
      ArrowRight: () => (event.shiftKey ? this.#shift(1) : this.#point(Math.min(last, at + 1), null)),
      PageDown: () => this.#point(Math.max(0, at - large), null),
      PageUp: () => this.#point(Math.min(last, at + large), null),
      Home: () => this.#point(0, null),
      End: () => this.#point(last, null),
      "+": () => this.#zoomBy(0.5),
      "-": () => this.#zoomOut(),
      Escape: () => this.#zoomOut(),
    };
    const action = actions[event.key];
    if (!action || last < 0) return;
    event.preventDefault();
    action();
  }
}

function lastKnown(values: readonly (number | null)[]): number | null {
  for (let index = values.length - 1; index >= 0; index -= 1) if (values[index] !== null) return index;
  return null;
}

function summary(history: History, id: string): { lowest: number | null; mean: number | null; highest: number | null } {
  const series = history.series[id];
  const known = (values: readonly (number | null)[] | null | undefined): number[] =>
    (values ?? []).filter((value): value is number => value !== null);
  const means = known(series?.mean);
  if (means.length === 0) return { lowest: null, mean: null, highest: null };
  const least = (values: number[]): number => values.reduce((a, b) => Math.min(a, b));
  const most = (values: number[]): number => values.reduce((a, b) => Math.max(a, b));
  const [mins, maxs] = [known(series?.min), known(series?.max)];
  return {
    lowest: least(mins.length > 0 ? mins : means),
    mean: means.reduce((a, b) => a + b, 0) / means.length,
    highest: most(maxs.length > 0 ? maxs : means),
  };
}

function sourceText({ source, step_s }: History): string {
  if (source === "readings") return step_s ? t("source_thinned", { step: lasting(step_s * 1000) }) : t("source_readings");
  return t("source_kept", { period: t(`period_${source}`) });
}
