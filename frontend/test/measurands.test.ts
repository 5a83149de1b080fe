import assert from "node:assert/strict";
import { test } from "node:test";
import type { Kind, Measurand, Meter } from "../src/api.ts";
import { charts, firstChoice, grouped, phaseRows, powerIds } from "../src/measurands.ts";
import { isFound } from "../src/picker.ts";

const one = (id: string, unit: string, kind: Kind = "instantaneous"): Measurand => ({
  id,
  unit,
  kind,
  label: { en: id.replaceAll("_", " "), de: `deutsch ${id}` },
  interval_s: 10,
  decimals: 1,
});
const meter = (phases: number, ...measurands: Measurand[]): Meter => ({
  name: "house",
  model: "SDM630",
  bus: "bus",
  address: 1,
  phases,
  first: null,
  measurands,
});
const powers = ["l1", "l2", "l3"].map((phase) => one(`active_power_${phase}`, "W"));

test("power is the total, else the sum of all phases, else not known", () => {
  assert.deepEqual(powerIds(meter(3, ...powers, one("active_power_total", "W"))), ["active_power_total"]);
  assert.deepEqual(powerIds(meter(3, ...powers)), ["active_power_l1", "active_power_l2", "active_power_l3"]);
  assert.deepEqual(powerIds(meter(3, ...powers.slice(0, 2))), []);
  assert.deepEqual(powerIds(meter(1, ...powers.slice(0, 1))), ["active_power_l1"]);
});

test("phases side by side: only those and only what is read", () => {
  const { phases, rows } = phaseRows(meter(3, one("voltage_l1", "V"), one("voltage_l3", "V"), one("current_l1", "A"), one("frequency", "Hz")));
  assert.deepEqual(phases, ["l1", "l3"]);
  assert.deepEqual(rows.map(({ word, unit, cells }) => [word, unit, cells.map((cell) => cell?.id ?? null)]), [
    ["voltage", "V", ["voltage_l1", "voltage_l3"]],
    ["current", "A", ["current_l1", null]],
  ]);
  assert.deepEqual(phaseRows(meter(3, one("frequency", "Hz"))), { phases: [], rows: [] });
});

test("groups have every measurand once", () => {
  const all = [
    one("voltage_l1", "V"),
    one("voltage_thd_l1", "%"),
    one("current_demand_l1", "A", "demand"),
    one("active_energy_import", "kWh", "counter"),
    one("power_factor_l1", ""),
    one("something_new", "?"),
  ];
  const groups = grouped(all);
  assert.deepEqual(groups.map(([group]) => group), ["group_voltage", "group_factor", "group_thd", "group_demand", "group_counter", "group_other"]);
  assert.equal(groups.flatMap(([, members]) => members).length, all.length);
});

test("a chart has two units at most", () => {
  const panels = charts([one("a", "W"), one("b", "V"), one("c", "A"), one("d", "W"), one("e", "A")]);
  assert.deepEqual(panels.map((panel) => panel.map(({ id }) => id)), [["a", "b", "d"], ["c", "e"]]);
  assert.deepEqual(charts([]), []);
});

test("the first choice is never empty where anything is read", () => {
  assert.deepEqual(firstChoice(meter(3, one("active_energy_import", "kWh", "counter"))), ["active_energy_import"]);
  assert.deepEqual(firstChoice(meter(3, one("active_energy_import", "kWh", "counter"), one("frequency", "Hz"))), ["frequency"]);
  assert.deepEqual(firstChoice(meter(3)), []);
});

test("a search finds by any language, id and group", () => {
  const voltage = one("voltage_l1", "V");
  assert.ok(isFound(voltage, "Spannung", ""));
  assert.ok(isFound(voltage, "Spannung", "span L1"));
  assert.ok(isFound(voltage, "Voltage", "VOLT"));
  assert.ok(!isFound(voltage, "Voltage", "current"));
});
