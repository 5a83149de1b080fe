import assert from "node:assert/strict";
import { test } from "node:test";
import { marks, markTexts, stepFor } from "../src/axis.ts";
import { Times } from "../src/format.ts";
import { DAY_MS, HOUR_MS, Zone } from "../src/zone.ts";

const berlin = new Zone("Europe/Berlin");
const times = new Times(berlin, "en");
const at = (text: string): number => Date.parse(text);
const texts = (from: number, until: number, count: number): string[] => {
  const step = stepFor(until - from, count);
  return markTexts(times, marks(berlin, from, until, step), step);
};

test("hours stay round when clocks change", () => {
  const from = at("2026-10-24T22:00Z");
  assert.deepEqual(texts(from, from + 25 * HOUR_MS, 5), ["00:00\n25 Oct", "06:00", "12:00", "18:00", "00:00\n26 Oct"]);
});

test("the hour that comes twice has two marks", () => {
  const from = at("2026-10-24T23:00Z");
  assert.deepEqual(texts(from, from + 4 * HOUR_MS, 5), ["01:00\n25 Oct", "02:00 A", "02:00 B", "03:00", "04:00"].map((text) => text.replace(/ ([AB])$/, "\u00a0$1")));
});

test("days, months and years", () => {
  const from = at("2026-11-16T23:00Z");
  assert.deepEqual(texts(from, from + 3 * DAY_MS, 4), ["17 Nov\n2026", "18 Nov", "19 Nov", "20 Nov"]);
  assert.deepEqual(texts(at("2026-10-15T00:00Z"), at("2027-02-15T00:00Z"), 5), ["Nov\n2026", "Dec", "Jan\n2027", "Feb"]);
  assert.deepEqual(texts(at("2020-06-01T00:00Z"), at("2026-06-01T00:00Z"), 4), ["2022", "2024", "2026"]);
});

test("at most so many marks, and always some", () => {
  for (const span of [20_000, 600_000, 5 * HOUR_MS, 9 * DAY_MS, 90 * DAY_MS, 2000 * DAY_MS]) {
    const from = at("2026-11-24T11:22:33Z");
    const found = marks(berlin, from, from + span, stepFor(span, 8));
    assert.ok(found.length >= 1 && found.length <= 9, `${span}: ${found.length}`);
  }
});
