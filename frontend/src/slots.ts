/** The places of rows that are still to come, so that a chart does not grow while its span goes by. */

import type { Unit, Zone } from "./zone.ts";

export function slotStarts(zone: Zone, unit: Unit, fromMs: number, untilMs: number): number[] {
  const result: number[] = [];
  // The last row may end with what is known so far.
  const start = zone.startOf(unit, fromMs);
  for (let ms = start < fromMs ? zone.add(unit, start, 1) : start; ms < untilMs; ms = zone.add(unit, ms, 1)) result.push(ms);
  return result;
}
