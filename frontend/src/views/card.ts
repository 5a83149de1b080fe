/** A meter's card: its power, its phases, today's energy, and how old all of that is. */

import { getHistory, type Measurand, type Meter } from "../api.ts";
import type { App } from "../app.ts";
import { nowMs } from "../clock.ts";
import { type Child, h, hidden, replace, setAttribute, setText } from "../dom.ts";
import { age, amount, energyDecimals, number, NO_VALUE, power } from "../format.ts";
import { inLanguage, language, t } from "../i18n.ts";
import { icon, type Icon } from "../icons.ts";
import { isOld, isSilent, type LiveMeter } from "../live.ts";
import { EXPORT, IMPORT, measurandOf, phaseRows, powerIds } from "../measurands.ts";
import { queued } from "../queue.ts";
import { address } from "../router.ts";
import { type Point, Spark } from "../spark.ts";
import { Today } from "../today.ts";
import type { Word } from "../words.ts";
import { MINUTE_MS } from "../zone.ts";

const SPARK_MINUTES = 30;
const SPARK_POINTS = 120;
// What can be read at a glance; all digits of the meter are below, among all values.
const GLANCE_DECIMALS: Record<string, number> = { A: 2, W: 0, "": 2, Hz: 2 };
// Less is the meter's own noise.
const IDLE_W = 0.5;
// Values of one round carry one time; younger differences are not worth a word.
const SAME_ROUND_MS = 1500;

/** A value that stands somewhere on the card. */
interface Shown {
  measurand: Measurand;
  element: HTMLElement;
  withUnit: boolean;
  decimals: number;
}

/** Values that say their age together. */
interface Aged {
  element: HTMLElement;
  ids: string[];
}

type Direction = "import" | "export" | "idle" | "none";

export class Card {
  readonly element: HTMLElement;
  readonly #live: LiveMeter;
  readonly #shown: Shown[] = [];
  readonly #aged: Aged[] = [];
  readonly #powerIds: string[];
  readonly #power = h("span", { class: "figure" });
  readonly #powerUnit = h("span", { class: "unit" });
  readonly #direction = h("span", { class: "direction" });
  readonly #age = h("span", { class: "age" });
  readonly #silence = h("p", { class: "silence", hidden: true });
  readonly #spark: Spark | null;
  readonly #today: Today;
  readonly #todays = new Map<string, HTMLElement>();
  readonly #details: HTMLDetailsElement;
  readonly #id: string;
  #points: Point[] = [];
  #isVisible = false;
  #hasPoints = false;
  #wasSilent: boolean | null = null;
  #shownDirection: Direction | null = null;
  #all: { ageCells: Aged[]; shown: Shown[] } | null = null;

  constructor(
    readonly app: App,
    readonly meter: Meter,
  ) {
    this.#live = app.live.of(meter.name);
    this.#powerIds = powerIds(meter);
    this.#today = new Today(app, meter.name);
    this.#spark = this.#powerIds.length ? new Spark(t("last_minutes", { minutes: SPARK_MINUTES })) : null;
    this.#id = `meter-${app.house.meters.indexOf(meter)}`;
    this.#details = this.#allValues();
    this.element = h(
      "article",
      { class: "card meter", "aria-labelledby": this.#id },
      h(
        "header",
        {},
        h("span", { class: "dot" }),
        h("h2", { id: this.#id }, meter.name),
        h("span", { class: "model" }, meter.model),
        this.#age,
      ),
      this.#silence,
      this.#headline(),
      ...this.#values(),
      this.#details,
    );
    this.show();
  }

  setVisible(isVisible: boolean): void {
    this.#isVisible = isVisible;
    if (isVisible) this.#ask();
  }

  /** Shows the latest values. */
  show(): void {
    for (const { measurand, element, withUnit, decimals } of this.#all ? [...this.#shown, ...this.#all.shown] : this.#shown) {
      const value = this.#live.values.get(measurand.id)?.value;
      const text = withUnit ? amount(value, decimals, measurand.unit, language()) : number(value, decimals, language());
      setText(element, text);
      setAttribute(element, "aria-label", text === NO_VALUE ? t("no_value") : null);
      element.classList.toggle("negative", (value ?? 0) < 0);
    }
    this.#showPower();
    this.#showToday();
    if (this.#isVisible) this.#ask();
    this.tick();
  }

  /** Shows how old everything is by now. */
  tick(): void {
    const now = nowMs();
    const silent = isSilent(this.meter, this.#live, now);
    const newest = this.#live.newestMs;
    setText(this.#age, newest === null ? t("no_values") : t("ago", { age: age(now - newest) }));
    this.element.classList.toggle("silent", silent);
    this.element.classList.toggle("waiting", newest === null);
    this.#silence.hidden = !silent;
    if (silent) {
      const since = this.#live.silentSinceMs ?? newest;
      const text = since === null ? t("no_values") : t("silent_since", { time: this.app.times.near(since, now) });
      if (this.#silence.textContent !== text) replace(this.#silence, icon("warning"), text);
    }
    if (this.#wasSilent === false && silent) this.app.announce(`${this.meter.name}: ${this.#silence.textContent}`);
    this.#wasSilent = silent;
    for (const aged of this.#all ? [...this.#aged, ...this.#all.ageCells] : this.#aged) this.#showAge(aged, now, newest);
  }

  #showAge({ element, ids }: Aged, now: number, newest: number | null): void {
    let oldest: number | null = null;
    let old = false;
    for (const id of ids) {
      const value = this.#live.values.get(id);
      const measurand = measurandOf(this.meter, id);
      if (!value || !measurand) continue;
      oldest = Math.min(oldest ?? value.timeMs, value.timeMs);
      old ||= isOld(now - value.timeMs, measurand);
    }
    const always = element.classList.contains("always");
    const text = oldest === null || (!always && newest !== null && newest - oldest < SAME_ROUND_MS) ? "" : age(now - oldest);
    setText(element, text);
    const place = element.closest(".ages");
    place?.classList.toggle("old", old);
    place?.classList.toggle("missing", oldest === null);
  }

  #headline(): Child {
    if (this.#powerIds.length === 0) return null;
    const ageElement = h("span", { class: "age" });
    this.#aged.push({ element: ageElement, ids: this.#powerIds });
    return h(
      "div",
      { class: "headline ages" },
      h("p", { class: "power" }, hidden(`${t("power")}: `), this.#power, " ", this.#powerUnit, this.#direction, ageElement),
      this.#spark
        ? h("a", { class: "spark-link", href: address("history", { meter: this.meter.name, span: "hour" }), "aria-label": `${t("history")}: ${this.meter.name}` }, this.#spark.element)
        : null,
    );
  }

  #showPower(): void {
    if (this.#powerIds.length === 0) return;
    const values = this.#powerIds.map((id) => this.#live.values.get(id)?.value ?? null);
    const watts = values.includes(null) ? null : values.reduce<number>((sum, value) => sum + (value ?? 0), 0);
    const { text, unit } = power(watts === null ? null : Math.abs(watts), language());
    setText(this.#power, text);
    setText(this.#powerUnit, watts === null ? "" : unit);
    const direction: Direction = watts === null ? "none" : Math.abs(watts) < IDLE_W ? "idle" : watts > 0 ? "import" : "export";
    if (direction !== this.#shownDirection) {
      this.#shownDirection = direction;
      const signs: Record<Direction, Icon | null> = { import: "down", export: "up", idle: null, none: null };
      const sign = signs[direction];
      replace(this.#direction, sign && icon(sign), direction === "none" ? t("no_value") : t(direction));
      this.element.dataset["direction"] = direction;
    }
    const newest = Math.max(...this.#powerIds.map((id) => this.#live.values.get(id)?.timeMs ?? 0));
    if (this.#hasPoints && newest > (this.#points.at(-1)?.ms ?? 0)) {
      this.#points.push({ ms: newest, value: watts });
      this.#showSpark();
    }
  }

  #showSpark(): void {
    const untilMs = nowMs();
    const fromMs = untilMs - SPARK_MINUTES * MINUTE_MS;
    this.#points = this.#points.filter(({ ms }) => ms >= fromMs);
    this.#spark?.show(this.#points, fromMs, untilMs);
  }

  /** The phases side by side; of one phase, or none, everything as facts. */
  #values(): Child[] {
    const { phases, rows } = phaseRows(this.meter);
    const facts: Child[] = [];
    let grid: Child = null;
    if (phases.length > 1) {
      grid = h(
        "table",
        { class: "phases" },
        h("caption", { class: "sr" }, `${this.meter.name}: ${t("phase")}`),
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            h("td", {}),
            ...phases.map((phase) => h("th", { scope: "col" }, phase.toUpperCase())),
            h("td", {}),
          ),
        ),
        h(
          "tbody",
          {},
          ...rows.map(({ word, unit, cells }) => {
            const ageElement = h("span", { class: "age" });
            this.#aged.push({ element: ageElement, ids: cells.flatMap((cell) => (cell ? [cell.id] : [])) });
            return h(
              "tr",
              { class: "ages" },
              h("th", { scope: "row" }, t(word)),
              ...cells.map((cell) => (cell ? this.#value("td", cell, false) : h("td", { class: "number" }))),
              h("td", { class: "unit" }, unit, ageElement),
            );
          }),
        ),
      );
    } else {
      for (const { word, cells } of rows) {
        const [cell] = cells;
        if (cell && !this.#powerIds.includes(cell.id)) facts.push(this.#fact(t(word), cell));
      }
    }
    const frequency = measurandOf(this.meter, "frequency");
    if (frequency) facts.push(this.#fact(t("frequency"), frequency));
    for (const [id, word] of [[IMPORT, "imported_today"], [EXPORT, "exported_today"]] as const satisfies [string, Word][]) {
      const counter = measurandOf(this.meter, id);
      if (!counter) continue;
      const element = h("dd", { class: `number ${id === IMPORT ? "import" : "export"}` }, NO_VALUE);
      const ageElement = h("span", { class: "age" });
      this.#todays.set(id, element);
      this.#aged.push({ element: ageElement, ids: [id] });
      facts.push(h("div", { class: this.#factClass(counter) }, h("dt", {}, t(word)), element, h("dd", { class: "of-age" }, ageElement)));
    }
    return [grid, facts.length ? h("dl", { class: "facts" }, ...facts) : null];
  }

  #value<K extends "td" | "dd">(tag: K, measurand: Measurand, withUnit: boolean): HTMLElementTagNameMap[K] {
    const element = h(tag, { class: "number" }, NO_VALUE);
    const decimals = Math.min(measurand.decimals, GLANCE_DECIMALS[measurand.unit] ?? measurand.decimals);
    this.#shown.push({ measurand, element, withUnit, decimals });
    return element;
  }

  #fact(label: string, measurand: Measurand): HTMLElement {
    const ageElement = h("span", { class: "age" });
    this.#aged.push({ element: ageElement, ids: [measurand.id] });
    return h("div", { class: this.#factClass(measurand) }, h("dt", {}, label), this.#value("dd", measurand, true), h("dd", { class: "of-age" }, ageElement));
  }

  #factClass({ interval_s }: Measurand): string {
    const shortest = Math.min(...this.meter.measurands.map((each) => each.interval_s));
    return interval_s > shortest ? "fact ages slow" : "fact ages";
  }

  #showToday(): void {
    for (const [id, element] of this.#todays) {
      const energy = this.#today.of(id);
      setText(element, energy === null ? NO_VALUE : amount(energy, Math.max(energyDecimals(energy), energy < 10 ? 2 : 1), "kWh", language()));
    }
  }

  /** Everything that the meter reads, with the age of each; made when it is opened. */
  #allValues(): HTMLDetailsElement {
    const body = h("div", {});
    const details = h("details", {}, h("summary", {}, t("all_values"), h("span", { class: "count" }, String(this.meter.measurands.length)), icon("chevron")), body);
    details.addEventListener("toggle", () => {
      if (!details.open) {
        this.#all = null;
        replace(body);
        return;
      }
      const all: { ageCells: Aged[]; shown: Shown[] } = { ageCells: [], shown: [] };
      const rows = this.meter.measurands.map((measurand) => {
        const element = h("td", { class: "number" });
        const ageCell = h("td", { class: "number age always" });
        all.shown.push({ measurand, element, withUnit: true, decimals: measurand.decimals });
        all.ageCells.push({ element: ageCell, ids: [measurand.id] });
        return h("tr", { class: "ages" }, h("th", { scope: "row" }, inLanguage(measurand.label)), element, ageCell);
      });
      const heads = ([["measurand", false], ["value", true], ["age", true]] as const).map(([word, isNumber]) =>
        h("th", { scope: "col", class: isNumber ? "number" : null }, t(word)),
      );
      replace(
        body,
        h(
          "table",
          { class: "all" },
          h("caption", { class: "sr" }, `${this.meter.name}: ${t("all_values")}`),
          h("thead", {}, h("tr", {}, ...heads)),
          h("tbody", {}, ...rows),
        ),
      );
      this.#all = all;
      this.show();
    });
    return details;
  }

  #ask(): void {
    if (this.#todays.size > 0) {
      void this.#today.refresh().then((isNew) => {
        if (isNew) this.#showToday();
      });
    }
    if (!this.#spark || this.#hasPoints) return;
    this.#hasPoints = true;
    const untilMs = nowMs();
    const query = { meter: this.meter.name, measurands: this.#powerIds, fromMs: untilMs - SPARK_MINUTES * MINUTE_MS, untilMs, points: SPARK_POINTS };
    queued(() => getHistory(query))
      .then(({ times, series }) => {
        const before = times.map((seconds, index) => {
          const values = this.#powerIds.map((id) => series[id]?.mean[index] ?? null);
          return { ms: seconds * 1000, value: values.includes(null) ? null : values.reduce<number>((sum, value) => sum + (value ?? 0), 0) };
        });
        const lastMs = before.at(-1)?.ms ?? 0;
        this.#points = [...before, ...this.#points.filter(({ ms }) => ms > lastMs)];
        this.#showSpark();
      })
      // The line grows by what comes then.
      .catch(() => {});
  }
}
