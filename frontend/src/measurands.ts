/** What the page knows of measurands: which belong together, and which of them a meter reads. */

import type { Measurand, Meter } from "./api.ts";
import type { Word } from "./words.ts";

export const IMPORT = "active_energy_import";
export const EXPORT = "active_energy_export";
export const PHASES = ["l1", "l2", "l3"] as const;
export type Phase = (typeof PHASES)[number];

export type Group = Extract<Word, `group_${string}`>;

const GROUPS: readonly [Group, (measurand: Measurand) => boolean][] = [
  ["group_counter", ({ kind }) => kind === "counter"],
  ["group_demand", ({ kind }) => kind === "demand" || kind === "maximum"],
  ["group_thd", ({ id }) => id.includes("_thd_")],
  ["group_power", ({ id }) => id.startsWith("active_power")],
  ["group_voltage", ({ id }) => id.startsWith("voltage")],
  ["group_current", ({ id }) => id.startsWith("current")],
  ["group_reactive", ({ id }) => id.startsWith("reactive_power")],
  ["group_apparent", ({ id }) => id.startsWith("apparent_power")],
  ["group_factor", ({ id }) => id.startsWith("power_factor") || id.startsWith("phase_angle")],
  ["group_frequency", ({ id }) => id === "frequency"],
  ["group_other", () => true],
];
const ORDER: readonly Group[] = [
  "group_power",
  "group_voltage",
  "group_current",
  "group_factor",
  "group_frequency",
  "group_reactive",
  "group_apparent",
  "group_thd",
  "group_demand",
  "group_counter",
  "group_other",
];

export function groupOf(measurand: Measurand): Group {
  return GROUPS.find(([, holds]) => holds(measurand))?.[0] ?? "group_other";
}

/** The measurands by what they measure, in the page's order; groups without any are left out. */
export function grouped(measurands: readonly Measurand[]): [Group, Measurand[]][] {
  const groups = new Map<Group, Measurand[]>(ORDER.map((group) => [group, []]));
  for (const measurand of measurands) groups.get(groupOf(measurand))?.push(measurand);
  return [...groups].filter(([, members]) => members.length > 0);
}

export const measurandOf = (meter: Meter, id: string): Measurand | undefined =>
  meter.measurands.find((measurand) => measurand.id === id);

/** What the meter's power is the sum of: its own total where it reads one, else its phases, if it reads all of them. */
export function powerIds(meter: Meter): string[] {
  if (measurandOf(meter, "active_power_total")) return ["active_power_total"];
  const ids = PHASES.slice(0, meter.phases).map((phase) => `active_power_${phase}`);
  return ids.every((id) => measurandOf(meter, id)) ? ids : [];
}

export interface PhaseRow {
  word: Word;
  unit: string;
  cells: (Measurand | null)[];
}

const PHASE_ROWS: readonly [Word, string][] = [
  ["voltage", "voltage"],
  ["current", "current"],
  ["power", "active_power"],
  ["power_factor", "power_factor"],
];

/** Which phases a meter tells apart, and a row for each quantity that it reads of any of them. */
export function phaseRows(meter: Meter): { phases: Phase[]; rows: PhaseRow[] } {
  const reads = (stem: string, phase: Phase): Measurand | null => measurandOf(meter, `${stem}_${phase}`) ?? null;
  const phases = PHASES.filter((phase) => PHASE_ROWS.some(([, stem]) => reads(stem, phase)));
  const rows = PHASE_ROWS.map(([word, stem]) => {
    const cells = phases.map((phase) => reads(stem, phase));
    return { word, unit: cells.find((cell) => cell)?.unit ?? "", cells };
  });
  return { phases, rows: rows.filter(({ cells }) => cells.some((cell) => cell)) };
}

/** What to show of a meter before anyone has chosen: its power, else what it reads first. */
export function firstChoice(meter: Meter): string[] {
  const power = powerIds(meter);
  if (power.length > 0) return power;
  const first = meter.measurands.find(({ kind }) => kind === "instantaneous") ?? meter.measurands[0];
  return first ? [first.id] : [];
}

/** Charts, each with at most two units and so at most two axes, in the order in which the units come up. */
export function charts(measurands: readonly Measurand[]): Measurand[][] {
  const units = [...new Set(measurands.map(({ unit }) => unit))];
  const result: Measurand[][] = [];
  for (let index = 0; index < units.length; index += 2) {
    const pair = units.slice(index, index + 2);
    result.push(measurands.filter(({ unit }) => pair.includes(unit)));
  }
  return result;
}
