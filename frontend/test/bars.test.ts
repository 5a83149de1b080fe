import assert from "node:assert/strict";
import { test } from "node:test";
import { decimalsOf, ticks } from "../src/bars.ts";
import { slotStarts } from "../src/slots.ts";
import { sparkPaths } from "../src/spark.ts";
import { Zone } from "../src/zone.ts";

const berlin = new Zone("Europe/Berlin");
const at = (text: string): number => Date.parse(text);

test("marks are round and take in what is shown", () => {
  assert.deepEqual(ticks(-0.3, 1.6, 5).map((mark) => Number(mark.toFixed(6))), [-0.5, 0, 0.5, 1, 1.5, 2]);
  assert.deepEqual(ticks(0, 17, 5), [0, 5, 10, 15, 20]);
  assert.equal(ticks(0, 1, 5).length, 6);
  assert.equal(decimalsOf([0, 0.5]), 1);
  assert.equal(decimalsOf([0, 5]), 0);
  assert.equal(decimalsOf([0, 0.25]), 2);
  assert.equal(decimalsOf([0, 2.5]), 1);
});

test("a day of 25 hours has 25 places, one of 23 has 23", () => {
  assert.equal(slotStarts(berlin, "hour", at("2026-10-24T22:00Z"), at("2026-10-25T23:00Z")).length, 25);
  assert.equal(slotStarts(berlin, "hour", at("2026-03-28T23:00Z"), at("2026-03-29T22:00Z")).length, 23);
});

test("places go on after the last row, also after one that is not over", () => {
  assert.deepEqual(slotStarts(berlin, "hour", at("2026-11-24T12:20Z"), at("2026-11-24T15:00Z")), [at("2026-11-24T13:00Z"), at("2026-11-24T14:00Z")]);
  assert.equal(slotStarts(berlin, "month", at("2026-09-30T22:00Z"), at("2026-12-31T23:00Z")).length, 3);
});

test("a small line breaks where nothing was read", () => {
  const points = [1, null, 2, 3].map((value, index) => ({ ms: index, value }));
  assert.equal(sparkPaths(points, 0, 3).line.match(/M/g)?.length, 2);
  assert.deepEqual(sparkPaths([], 0, 1), { line: "", above: "", below: "" });
});
