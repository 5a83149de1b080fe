/** The power of the last minutes as a small line without axes. */

import { s, setAttribute } from "./dom.ts";

const WIDTH = 120;
const HEIGHT = 36;

export interface Point {
  ms: number;
  /** Null breaks the line. */
  value: number | null;
}

/** The line and, from zero, the areas above and below it. A gap breaks all three. */
export function sparkPaths(points: readonly Point[], fromMs: number, untilMs: number): { line: string; above: string; below: string } {
  const values = points.flatMap(({ value }) => (value === null ? [] : [value]));
  const top = Math.max(0, ...values);
  const bottom = Math.min(0, ...values);
  const height = top - bottom || 1;
  const x = (ms: number): string => (((ms - fromMs) / (untilMs - fromMs)) * WIDTH).toFixed(1);
  const y = (value: number): string => (1 + ((top - value) / height) * (HEIGHT - 2)).toFixed(1);
  const parts = { line: "", above: "", below: "" };
  for (const run of runs(points)) {
    const path = (clamp: (value: number) => number): string =>
      run.map(({ ms, value }, index) => `${index ? "L" : "M"}${x(ms)} ${y(clamp(value))}`).join("");
    const [first, last] = [run[0], run.at(-1)];
    if (!first || !last) continue;
    const close = `L${x(last.ms)} ${y(0)}L${x(first.ms)} ${y(0)}Z`;
    parts.line += path((value) => value);
    parts.above += path((value) => Math.max(0, value)) + close;
    parts.below += path((value) => Math.min(0, value)) + close;
  }
  return parts;
}

function runs(points: readonly Point[]): { ms: number; value: number }[][] {
  const result: { ms: number; value: number }[][] = [[]];
  for (const { ms, value } of points) {
    if (value === null) result.push([]);
    else result.at(-1)?.push({ ms, value });
  }
  return result.filter((run) => run.length > 0);
}

export class Spark {
  readonly #line = s("path", { class: "line" });
  readonly #above = s("path", { class: "above" });
  readonly #below = s("path", { class: "below" });
  readonly element: SVGSVGElement;

  constructor(label: string) {
    this.element = s(
      "svg",
      { class: "spark", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": label },
      this.#above,
      this.#below,
      this.#line,
    );
  }

  show(points: readonly Point[], fromMs: number, untilMs: number): void {
    const { line, above, below } = sparkPaths(points, fromMs, untilMs);
    setAttribute(this.#line, "d", line);
    setAttribute(this.#above, "d", above);
    setAttribute(this.#below, "d", below);
  }
}
