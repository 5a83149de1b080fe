/** Where an axis of time has its marks, and what stands at them: round times of the site's clocks. */

import type { Times } from "./format.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, type Unit, type Zone } from "./zone.ts";

interface Step {
  ms: number;
  unit: Unit | "minute" | "second";
  count: number;
}

const STEPS: readonly Step[] = [
  ...[1, 2, 5, 10, 15, 30].map((count) => ({ ms: count * SECOND_MS, unit: "second" as const, count })),
  ...[1, 2, 5, 10, 15, 30].map((count) => ({ ms: count * MINUTE_MS, unit: "minute" as const, count })),
  ...[1, 2, 3, 6, 12].map((count) => ({ ms: count * HOUR_MS, unit: "hour" as const, count })),
  ...[1, 2, 4].map((count) => ({ ms: count * DAY_MS, unit: "day" as const, count })),
  { ms: 7 * DAY_MS, unit: "week", count: 1 },
  ...[1, 3, 6].map((count) => ({ ms: count * 30 * DAY_MS, unit: "month" as const, count })),
  ...[1, 2, 5, 10].map((count) => ({ ms: count * 365 * DAY_MS, unit: "year" as const, count })),
];

/** The smallest step that gives at most so many marks. */
export function stepFor(spanMs: number, marks: number): Step {
  return STEPS.find(({ ms }) => spanMs / ms <= marks) ?? (STEPS.at(-1) as Step);
}

/** The marks between these moments, in milliseconds. */
export function marks(zone: Zone, fromMs: number, untilMs: number, step: Step): number[] {
  const result: number[] = [];
  const put = (ms: number): void => {
    if (ms >= fromMs && ms <= untilMs && result.at(-1) !== ms) result.push(ms);
  };
  switch (step.unit) {
    case "second":
    case "minute":
      for (let ms = Math.ceil(fromMs / step.ms) * step.ms; ms <= untilMs; ms += step.ms) put(ms);
      break;
    case "hour":
      // Of each day anew, so that marks stay at 0, 6, 12 and 18 when clocks change. An hour that comes twice has two.
      for (let ms = zone.startOf("hour", fromMs); ms <= untilMs; ms += HOUR_MS) {
        if (zone.wall(ms).hour % step.count === 0) put(ms);
      }
      break;
    case "day":
      for (let ms = zone.startOf("day", fromMs); ms <= untilMs; ms = zone.add("day", ms, 1)) {
        const { day } = zone.wall(ms);
        // The 31st is too near to the 1st.
        if ((day - 1) % step.count === 0 && (step.count === 1 || day < 31)) put(ms);
      }
      break;
    case "week":
      for (let ms = zone.startOf("week", fromMs); ms <= untilMs; ms = zone.add("week", ms, 1)) put(ms);
      break;
    case "month":
      for (let ms = zone.startOf("month", fromMs); ms <= untilMs; ms = zone.add("month", ms, 1)) {
        if ((zone.wall(ms).month - 1) % step.count === 0) put(ms);
      }
      break;
    case "year":
      for (let ms = zone.startOf("year", fromMs); ms <= untilMs; ms = zone.add("year", ms, 1)) {
        if (zone.wall(ms).year % step.count === 0) put(ms);
      }
      break;
  }
  return result;
}

/** What stands at the marks; the day below the time at the first mark and wherever another begins. */
export function markTexts(times: Times, marksMs: readonly number[], step: Step): string[] {
  let last = "";
  return marksMs.map((ms, index) => {
    if (step.unit === "year") return times.year(ms);
    const isLarge = step.unit === "month";
    const small = isLarge ? times.shortMonth(ms) : step.unit === "day" || step.unit === "week" ? times.dayMonth(ms) : "";
    if (small) {
      const year = times.year(ms);
      const text = index === 0 || year !== last ? `${small}\n${year}` : small;
      last = year;
      return text;
    }
    const day = times.dayMonth(ms);
    const clock = step.unit === "second" ? times.clockSecond(ms) : times.clock(ms);
    const text = day !== last ? `${clock}\n${day}` : clock;
    last = day;
    return text;
  });
}
