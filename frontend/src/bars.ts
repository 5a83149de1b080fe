/** Bars of energy: what is imported upwards, what is exported downwards, what came over a gap hatched. */

import type { Amount } from "./api.ts";
import { h, replace, s, setText } from "./dom.ts";
import { number } from "./format.ts";
import { language } from "./i18n.ts";

/** A place on the axis, whether there is a bar or not yet. */
export interface Slot {
  /** Below the bar. */
  label: string;
  /** Undefined: nothing; null: not known. */
  up: Amount | null | undefined;
  down: Amount | null | undefined;
  /** Lines of what the bar says. */
  tip: string[];
  /** Where a click leads. */
  href: string | null;
  isNow: boolean;
}

export interface BarsColours {
  up: "import" | "neutral";
}

const MARGIN = { top: 14, right: 4, bottom: 26, left: 46 };
const HEIGHT = 300;
const TICKS = 5;
const LABEL_PX = 26;

/** Round values from zero or below it that take in what is to be shown: at most about so many. */
export function ticks(lowest: number, highest: number, count: number): number[] {
  const span = highest - lowest || 1;
  const raw = span / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = ([1, 2, 2.5, 5, 10].find((each) => each * power >= raw * (1 - 1e-9)) ?? 10) * power;
  const first = Math.floor(lowest / step + 1e-9);
  const last = Math.ceil(highest / step - 1e-9);
  return Array.from({ length: last - first + 1 }, (_, index) => (first + index) * step);
}

export const decimalsOf = (values: readonly number[]): number => {
  const step = (values[1] ?? 1) - (values[0] ?? 0);
  return Math.max(0, Math.min(4, Math.ceil(-Math.log10(step) - 1e-9) + (Number.isInteger(step / 10 ** Math.floor(Math.log10(step))) ? 0 : 1)));
};

export class Bars {
  readonly element = h("div", { class: "bars" });
  readonly #tip = h("div", { class: "tip", hidden: true, "aria-hidden": "true" });
  readonly #resize: ResizeObserver;
  #slots: Slot[] = [];
  #label = "";
  #unit = "";
  #colours: BarsColours = { up: "import" };
  #width = 0;

  constructor() {
    this.#resize = new ResizeObserver(() => {
      if (this.element.clientWidth !== this.#width) this.#draw();
    });
    this.#resize.observe(this.element);
  }

  destroy(): void {
    this.#resize.disconnect();
  }

  show(slots: Slot[], unit: string, label: string, colours: BarsColours): void {
    this.#slots = slots;
    this.#unit = unit;
    this.#label = label;
    this.#colours = colours;
    this.#draw();
  }

  #draw(): void {
    const width = this.element.clientWidth;
    this.#width = width;
    if (width === 0 || this.#slots.length === 0) return;
    this.#tip.hidden = true;
    const values = (side: "up" | "down"): number[] => this.#slots.map((slot) => slot[side]?.energy ?? 0);
    const marks = ticks(-Math.max(0, ...values("down")), Math.max(0, ...values("up")) || (values("down").some(Boolean) ? 0 : 1), TICKS);
    const [bottom, top] = [marks[0] ?? 0, marks.at(-1) ?? 1];
    const inner = { width: width - MARGIN.left - MARGIN.right, height: HEIGHT - MARGIN.top - MARGIN.bottom };
    const y = (value: number): number => MARGIN.top + ((top - value) / (top - bottom)) * inner.height;
    const each = inner.width / this.#slots.length;
    const bar = Math.max(2, Math.min(48, each * 0.72));
    const every = Math.ceil(LABEL_PX / each);
    const decimals = decimalsOf(marks);
    const svg = s("svg", { width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", "aria-label": this.#label }, patterns());
    for (const mark of marks) {
      const at = Math.round(y(mark)) + 0.5;
      svg.append(
        s("line", { class: Math.abs(mark) < 1e-9 ? "zero" : "rule", x1: MARGIN.left, x2: width - MARGIN.right, y1: at, y2: at }),
        s("text", { class: "mark", x: MARGIN.left - 8, y: at + 4, "text-anchor": "end" }, number(Math.abs(mark), decimals, language())),
      );
    }
    svg.append(s("text", { class: "mark", x: MARGIN.left - 8, y: MARGIN.top - 4, "text-anchor": "end", visibility: "hidden" }, this.#unit));
    this.#slots.forEach((slot, index) => {
      const middle = MARGIN.left + each * (index + 0.5);
      const group = s("g", { class: slot.href ? "slot leads" : "slot" });
      group.append(s("rect", { class: "back", x: MARGIN.left + each * index, y: MARGIN.top, width: each, height: inner.height }));
      if (slot.up === null || slot.down === null) {
        group.append(s("rect", { class: "unknown", x: middle - bar / 2, y: MARGIN.top, width: bar, height: inner.height }));
      }
      for (const side of ["up", "down"] as const) {
        const amount = slot[side];
        if (!amount || amount.energy <= 0) continue;
        const sign = side === "up" ? 1 : -1;
        const name = side === "up" ? this.#colours.up : "export";
        const gap = Math.min(amount.gap_energy, amount.energy);
        const known = amount.energy - gap;
        const piece = (from: number, to: number, kind: string): void => {
          const [a, b] = [y(sign * from), y(sign * to)];
          const height = Math.abs(a - b);
          if (height < 0.3) return;
          group.append(s("rect", { class: `${kind} ${name}`, x: middle - bar / 2, y: Math.min(a, b), width: bar, height, rx: kind === "solid" ? Math.min(2, height / 2) : 0 }));
        };
        piece(0, known, "solid");
        piece(known, amount.energy, "hatched");
        if (amount.is_part) {
          const end = y(sign * amount.energy);
          group.append(s("text", { class: "part", x: middle, y: side === "up" ? end - 3 : end + 13, "text-anchor": "middle" }, "*"));
        }
      }
      if (index % every === 0) {
        group.append(s("text", { class: slot.isNow ? "label now" : "label", x: middle, y: HEIGHT - 8, "text-anchor": "middle" }, slot.label));
      }
      group.addEventListener("pointerenter", () => this.#showTip(slot, middle));
      group.addEventListener("pointerleave", () => {
        this.#tip.hidden = true;
      });
      const { href } = slot;
      if (href) {
        group.addEventListener("click", () => {
          location.hash = href;
        });
      }
      svg.append(group);
    });
    replace(this.element, svg, this.#tip);
  }

  #showTip(slot: Slot, middle: number): void {
    if (slot.tip.length === 0) return;
    const [head = "", ...lines] = slot.tip;
    const title = h("strong", {});
    setText(title, head);
    replace(this.#tip, title, ...lines.map((line) => h("span", {}, line)));
    this.#tip.hidden = false;
    const half = this.#tip.offsetWidth / 2;
    this.#tip.style.left = `${Math.max(half, Math.min(this.#width - half, middle))}px`;
  }
}

function patterns(): SVGDefsElement {
  return s(
    "defs",
    {},
    ...["import", "export", "neutral", "unknown"].map((name) =>
      s(
        "pattern",
        { id: `hatch-${name}`, width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
        s("rect", { class: `hatch-back ${name}`, width: 6, height: 6 }),
        s("rect", { class: `hatch-line ${name}`, width: 2.4, height: 6 }),
      ),
    ),
  );
}
