import assert from "node:assert/strict";
import { test } from "node:test";
import { alone, rangeOf } from "../src/lines.ts";

test("values that stand alone", () => {
  assert.deepEqual(alone([1, null, 2, 3, null, 4]), [0, 5]);
  assert.deepEqual(alone([null, undefined, 0, null]), [2]);
  assert.deepEqual(alone([1, 2, 3]), []);
  assert.deepEqual(alone([]), []);
});

test("powers begin at zero, voltages where they are", () => {
  assert.equal(rangeOf("W", 10, 1000)[0], 0);
  assert.equal(rangeOf("W", -1000, -10)[1], 0);
  assert.ok(rangeOf("W", 900, 1000)[0] > 800);
  assert.ok(rangeOf("V", 228, 232)[0] > 220);
});

test("an axis is never of no length", () => {
  for (const [low, high] of [rangeOf("V", null, null), rangeOf("V", 230, 230), rangeOf("A", 0, 0)]) assert.ok(high > low);
});
