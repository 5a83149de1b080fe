/** Energy: bars per hour, day, month or year, what they cost, and the same as a table. */

import { type Amount, type Energy, energyCsv, type EnergyRow, getEnergy, type Meter, type Span } from "../api.ts";
import { type App, meterOf, type Mounted } from "../app.ts";
import { Bars, type Slot } from "../bars.ts";
import { nowMs } from "../clock.ts";
import { type Child, h, hidden, replace } from "../dom.ts";
import { amount, energyDecimals, lasting, number, NO_VALUE, Times } from "../format.ts";
import { inLanguage, language, t } from "../i18n.ts";
import { icon } from "../icons.ts";
import { EXPORT, IMPORT, measurandOf } from "../measurands.ts";
import { choice, csvLink, errorBox, iconButton, meterChoice, table } from "../parts.ts";
import { address, go } from "../router.ts";
import { slotStarts } from "../slots.ts";
import type { Word } from "../words.ts";
import { MINUTE_MS, pad, type Unit, Zone } from "../zone.ts";

const SPANS: readonly Span[] = ["day", "week", "month", "year", "all"];
/** What a row is, and the span that a click on it shows. */
const ROWS: Record<Span, { unit: Unit; inside: Span | null }> = {
  day: { unit: "hour", inside: null },
  week: { unit: "day", inside: "day" },
  month: { unit: "day", inside: "day" },
  year: { unit: "month", inside: "month" },
  all: { unit: "year", inside: "year" },
};
const AGAIN_MS = MINUTE_MS;
const MONEY_DECIMALS = 2;

interface Asked {
  meter: Meter;
  span: Span;
  date: string | null;
}

export function energyView(app: App, first: URLSearchParams): Mounted {
  return new EnergyView(app, first);
}

class EnergyView implements Mounted {
  readonly element = h("div", { class: "view" });
  readonly #app: App;
  /** The API's labels are local times already: only their words are wanting. */
  readonly #local: Times;
  readonly #tools = h("div", { class: "tools-row" });
  readonly #body = h("div", { class: "view" });
  readonly #bars = new Bars();
  readonly #stop: () => void;
  #asked: Asked | null = null;
  #energy: Energy | null = null;
  #abort: AbortController | null = null;
  #loadedMs = 0;
  #isTableOpen = false;

  constructor(app: App, parameters: URLSearchParams) {
    this.#app = app;
    this.#local = new Times(new Zone("UTC"), language());
    replace(this.element, h("h1", { class: "sr" }, t("energy")), this.#tools, this.#body);
    this.#stop = app.live.listen((name) => this.#live(name));
    this.update(parameters);
  }

  destroy(): void {
    this.#abort?.abort();
    this.#bars.destroy();
    this.#stop();
  }

  update(parameters: URLSearchParams): void {
    const meter = meterOf(this.#app, parameters);
    if (!meter) {
      replace(this.#body, h("p", { class: "notice" }, t("no_meters")));
      return;
    }
    const span = SPANS.find((each) => each === parameters.get("span")) ?? "day";
    this.#asked = { meter, span, date: parameters.get("date") };
    this.#showTools();
    if (measurandOf(meter, IMPORT) || measurandOf(meter, EXPORT)) void this.#load();
    else {
      this.#abort?.abort();
      this.#energy = null;
      replace(this.#body, h("p", { class: "notice" }, t("no_counter")));
    }
  }

  #go(change: { meter?: string; span?: Span; date?: string | null }): void {
    const asked = this.#asked as Asked;
    const date = change.date === undefined ? asked.date : change.date;
    go(this.#address(change.meter ?? asked.meter.name, change.span ?? asked.span, date));
  }

  #address(meter: string, span: Span, date: string | null): string {
    return address("energy", { meter, span, ...(date === null ? {} : { date }) });
  }

  /** Counts go on: of a span that is not over, anew once in a while. */
  #live(name: string): void {
    const energy = this.#energy;
    if (!energy || this.#asked?.meter.name !== name || document.hidden || this.#abort) return;
    const isRunning = Date.parse(energy.until) > nowMs();
    if (isRunning && nowMs() - this.#loadedMs > AGAIN_MS) void this.#load();
  }

  async #load(): Promise<void> {
    const asked = this.#asked as Asked;
    this.#abort?.abort();
    const abort = new AbortController();
    this.#abort = abort;
    this.#body.setAttribute("aria-busy", "true");
    try {
      const energy = await getEnergy({ meter: asked.meter.name, span: asked.span, date: asked.date }, abort.signal);
      if (abort.signal.aborted) return;
      this.#energy = energy;
      this.#showTools();
      this.#show(energy, asked);
    } catch (error) {
      if (!abort.signal.aborted) replace(this.#body, errorBox(error, () => void this.#load()));
    } finally {
      if (this.#abort === abort) {
        this.#abort = null;
        this.#loadedMs = nowMs();
        this.#body.removeAttribute("aria-busy");
      }
    }
  }

  #showTools(): void {
    const { meter, span, date } = this.#asked as Asked;
    const energy = this.#energy;
    const focused = document.activeElement?.getAttribute("data-tool");
    const today = this.#app.zone.isoDate(nowMs());
    const isThis = energy?.span === span && energy.meter === meter.name;
    const step = (name: string, button: HTMLButtonElement, isThere: boolean): HTMLButtonElement => {
      button.dataset["tool"] = name;
      button.disabled = !isThere;
      return button;
    };
    const spans = choice(t("span"), SPANS.map((each) => [each, t(each)] as const), span, (each) => this.#go({ span: each }));
    for (const [index, button] of [...spans.children].entries()) button.setAttribute("data-tool", `span-${index}`);
    const field = h("input", { type: "date", value: date ?? today, max: today, required: true, "data-tool": "date", "aria-label": t("date") });
    field.addEventListener("change", () => {
      if (field.value) this.#go({ date: field.value === today ? null : field.value });
    });
    const isRunning = isThis && Date.parse(energy.until) > nowMs();
    replace(
      this.#tools,
      meterChoice(this.#app.house.meters, meter.name, (name) => this.#go({ meter: name })),
      spans,
      span === "all"
        ? null
        : h(
            "div",
            { class: "buttons" },
            step("previous", iconButton("left", t("previous"), () => this.#go({ date: energy?.previous ?? null })), isThis && energy.previous !== null),
            field,
            step("next", iconButton("right", t("next"), () => this.#go({ date: energy?.next ?? null })), isThis && energy.next !== null && !isRunning),
            h("button", { type: "button", class: "button", "data-tool": "today", disabled: date === null || date === today, onclick: () => this.#go({ date: null }) }, t("today")),
          ),
      h("div", { class: "buttons csv" }, csvLink(energyCsv({ meter: meter.name, span, date }))),
    );
    if (focused) this.#tools.querySelector<HTMLElement>(`[data-tool="${focused}"]`)?.focus();
  }

  #show(energy: Energy, { meter, span }: Asked): void {
    const counters = energy.counters.includes(IMPORT) || energy.counters.includes(EXPORT) ? [IMPORT, EXPORT].filter((id) => energy.counters.includes(id)) : energy.counters;
    const title = this.#title(energy);
    if (counters.length === 0 || energy.rows.length === 0) {
      replace(this.#body, h("section", { class: "card" }, h("h2", {}, title), h("p", { class: "empty" }, t("no_energy"))));
      return;
    }
    const up = counters.find((id) => id !== EXPORT) ?? null;
    const down = counters.includes(EXPORT) ? EXPORT : null;
    const isTwoWay = down !== null && energy.rows.some(({ amounts }) => amounts[down] === null || (amounts[down]?.energy ?? 0) > 0);
    this.#bars.show(
      this.#slots(energy, up, isTwoWay ? down : null),
      energy.unit,
      t("bars_of", { meter: meter.name, span: title }),
      { up: up === IMPORT ? "import" : "neutral" },
    );
    const amounts = energy.rows.flatMap((row) => counters.map((id) => row.amounts[id]));
    const hasGaps = amounts.some((each) => each && each.gap_energy > 0);
    const hasUnknown = amounts.some((each) => each === null);
    replace(
      this.#body,
      this.#totals(energy, counters),
      h(
        "section",
        { class: "card" },
        h(
          "div",
          { class: "range-row" },
          h("h2", {}, title),
          h("span", { class: "dim" }, `${t("chart_of_energy", { row: t(ROWS[span].unit as Word) })}, ${energy.unit}`),
        ),
        this.#bars.element,
        h(
          "ul",
          { class: "key" },
          up && h("li", {}, h("span", { class: `swatch ${up === IMPORT ? "import" : "neutral"}` }), this.#counterWord(up)),
          isTwoWay && down && h("li", {}, h("span", { class: "swatch export" }), this.#counterWord(down)),
          hasGaps && h("li", {}, h("span", { class: "swatch hatched" }), t("gap_legend")),
          hasUnknown && h("li", {}, h("span", { class: "swatch unknown" }), t("unknown_legend")),
        ),
        this.#table(energy, counters, { hasGaps, hasUnknown }),
      ),
      energy.gaps.length > 0 && this.#gaps(energy, counters),
    );
  }

  #title(energy: Energy): string {
    const { times } = this.#app;
    const [from, until] = [Date.parse(energy.from), Date.parse(energy.until)];
    switch (energy.span) {
      case "day":
        return times.day(from);
      case "month":
        return times.month(from);
      case "year":
        return times.year(from);
      case "all":
        return [...new Set([times.year(from), times.year(until - 1)])].join(" – ");
      default:
        return times.range(from, until);
    }
  }

  #counterWord(id: string): string {
    if (id === IMPORT) return t("import");
    if (id === EXPORT) return t("export");
    const measurand = measurandOf((this.#asked as Asked).meter, id);
    return measurand ? inLanguage(measurand.label) : id;
  }

  #totals(energy: Energy, counters: readonly string[]): HTMLElement {
    const money = (value: number): string => `${number(value, MONEY_DECIMALS, language())}\u00a0${energy.currency}`;
    const tiles: Child[] = counters.map((id) => {
      const total = energy.totals[id];
      const decimals = energyDecimals(total?.energy ?? 0);
      const text = (value: number): string => amount(value, decimals, energy.unit, language());
      return tile(this.#counterWord(id), id === IMPORT ? "import" : id === EXPORT ? "export" : "", total ? number(total.energy, decimals, language()) : NO_VALUE, total ? energy.unit : "", [
        total && total.cost !== null && energy.currency ? `${t(id === EXPORT ? "earned" : "cost")}: ${money(id === EXPORT ? -total.cost : total.cost)}` : null,
        total && total.unpriced > 0 ? t("unpriced", { amount: text(total.unpriced) }) : null,
        total && total.gap_energy > 0 ? t("of_it_over_gap", { amount: text(total.gap_energy) }) : null,
      ]);
    });
    const costs = counters.flatMap((id) => energy.totals[id]?.cost ?? []);
    if (energy.currency && (costs.length > 0 || energy.base_cost)) {
      const balance = costs.reduce((sum, cost) => sum + cost, 0) + (energy.base_cost ?? 0);
      tiles.push(
        tile(t(balance < 0 ? "balance_earned" : "to_pay"), "", number(Math.abs(balance), MONEY_DECIMALS, language()), energy.currency, [
          energy.base_cost ? `${t("base_price")}: ${money(energy.base_cost)}` : null,
        ]),
      );
    }
    return h("dl", { class: "tiles" }, ...tiles);
  }

  #slots(energy: Energy, up: string | null, down: string | null): Slot[] {
    const { unit, inside } = ROWS[energy.span];
    const now = nowMs();
    const slots: Slot[] = energy.rows.map((row) => ({
      label: this.#shortLabel(row, unit),
      up: up === null ? undefined : row.amounts[up],
      down: down === null ? undefined : row.amounts[down],
      tip: this.#tip(energy, row, [up, down].filter((id) => id !== null)),
      href: inside && this.#address(energy.meter, inside, row.label.slice(0, 10)),
      isNow: Date.parse(row.from) <= now && now < Date.parse(row.until),
    }));
    const last = energy.rows.at(-1);
    if (last && energy.span !== "all") {
      for (const ms of slotStarts(this.#app.zone, unit, Date.parse(last.until), Date.parse(energy.until))) {
        slots.push({ label: this.#shortText(ms + this.#app.zone.offsetMs(ms), unit, this.#app.zone.letter(ms)), up: undefined, down: undefined, tip: [], href: null, isNow: false });
      }
    }
    return slots;
  }

  /** What the clock and calendar of the site show at the row's start, as if they were UTC. */
  #localMs(row: EnergyRow): number {
    return Date.parse(`${row.label.slice(0, 16)}Z`);
  }

  #shortLabel(row: EnergyRow, unit: Unit): string {
    return this.#shortText(this.#localMs(row), unit, this.#app.zone.letter(Date.parse(row.from)));
  }

  #shortText(localMs: number, unit: Unit, letter: string): string {
    const local = new Date(localMs);
    switch (unit) {
      case "hour":
        return pad(local.getUTCHours()) + letter;
      case "month":
        return this.#local.shortMonth(localMs);
      case "year":
        return String(local.getUTCFullYear());
      default:
        return String(local.getUTCDate());
    }
  }

  #longLabel(row: EnergyRow, unit: Unit): string {
    const localMs = this.#localMs(row);
    const letter = this.#app.zone.letter(Date.parse(row.from));
    switch (unit) {
      case "hour":
        return this.#local.clock(localMs) + (letter && `\u00a0${letter}`);
      case "month":
        return this.#local.month(localMs);
      case "year":
        return this.#local.year(localMs);
      default:
        return this.#local.day(localMs);
    }
  }

  #tip(energy: Energy, row: EnergyRow, ids: readonly string[]): string[] {
    const lines = [this.#longLabel(row, ROWS[energy.span].unit)];
    for (const id of ids) {
      const each = row.amounts[id];
      if (each === undefined) continue;
      if (each === null) {
        lines.push(`${this.#counterWord(id)}: ${t("not_known")}`);
        continue;
      }
      const money = each.cost === null || !energy.currency ? "" : `, ${number(id === EXPORT ? -each.cost : each.cost, MONEY_DECIMALS, language())}\u00a0${energy.currency}`;
      lines.push(`${this.#counterWord(id)}: ${amount(each.energy, 2, energy.unit, language())}${each.is_part ? " *" : ""}${money}`);
      if (each.gap_energy > 0) lines.push(t("of_it_over_gap", { amount: amount(each.gap_energy, 2, energy.unit, language()) }));
    }
    return lines;
  }

  #table(energy: Energy, counters: readonly string[], { hasGaps, hasUnknown }: { hasGaps: boolean; hasUnknown: boolean }): HTMLElement {
    const { unit, inside } = ROWS[energy.span];
    const isPriced = (id: string): boolean => energy.currency !== null && energy.rows.some(({ amounts }) => (amounts[id]?.cost ?? null) !== null);
    const columns = [
      { head: t(unit as Word) },
      ...counters.flatMap((id) => [
        { head: `${this.#counterWord(id)} [${energy.unit}]`, number: true },
        ...(hasGaps ? [{ head: t("over_gap"), number: true }] : []),
        ...(isPriced(id) ? [{ head: `${t(id === EXPORT ? "earned" : "cost")} [${energy.currency}]`, number: true }] : []),
      ]),
    ];
    let hasParts = false;
    const cells = (amounts: Record<string, Amount | null>): Child[] =>
      counters.flatMap((id): Child[] => {
        const each = amounts[id];
        hasParts ||= each?.is_part ?? false;
        return [
          each === undefined ? "" : each === null ? NO_VALUE : number(each.energy, 2, language()) + (each.is_part ? " *" : ""),
          ...(hasGaps ? [each && each.gap_energy > 0 ? number(each.gap_energy, 2, language()) : ""] : []),
          ...(isPriced(id) ? [each && each.cost !== null ? number(id === EXPORT ? -each.cost : each.cost, MONEY_DECIMALS, language()) : ""] : []),
        ];
      });
    const rows = energy.rows.map((row) => {
      const label = this.#longLabel(row, unit);
      const head = inside ? h("a", { href: this.#address(energy.meter, inside, row.label.slice(0, 10)) }, label) : label;
      return [head, ...cells(row.amounts)];
    });
    const body = table(`${t("energy")}: ${energy.meter}, ${this.#title(energy)}`, columns, rows, { foot: [t("total"), ...cells(energy.totals)] });
    const details = h("details", { class: "as-table", open: this.#isTableOpen }, h("summary", {}, t("as_table"), icon("chevron")), body, hasParts && h("p", { class: "dim" }, t("is_part")), hasUnknown && h("p", { class: "dim" }, t("unknown_row")));
    details.addEventListener("toggle", () => {
      this.#isTableOpen = details.open;
    });
    return details;
  }

  #gaps(energy: Energy, counters: readonly string[]): HTMLElement {
    const { times } = this.#app;
    const rows = energy.gaps.map(({ from, until, energies }) => {
      const [fromMs, untilMs] = [Date.parse(from), Date.parse(until)];
      return [
        times.moment(fromMs),
        times.moment(untilMs),
        lasting(untilMs - fromMs),
        ...counters.map((id) => (energies[id] === undefined ? "" : number(energies[id], 2, language()))),
      ];
    });
    const columns = [
      { head: t("from") },
      { head: t("until") },
      { head: t("length"), number: true },
      ...counters.map((id) => ({ head: `${this.#counterWord(id)} [${energy.unit}]`, number: true })),
    ];
    return h("section", { class: "card" }, h("h2", {}, t("gaps")), table(t("gaps"), columns, rows, { stacks: true }));
  }
}

function tile(label: string, kind: string, figure: string, unit: string, notes: readonly (string | null | undefined | false)[]): HTMLElement {
  return h(
    "div",
    { class: `card tile ${kind}` },
    h("dt", {}, label),
    h("dd", { class: "figure-row" }, h("span", { class: "figure" }, figure), unit ? hidden(" ") : null, h("span", { class: "unit" }, unit)),
    ...notes.map((note) => note && h("dd", { class: "note" }, note)),
  );
}
