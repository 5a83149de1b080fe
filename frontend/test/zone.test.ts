import assert from "node:assert/strict";
import { test } from "node:test";
import { HOUR_MS, Zone } from "../src/zone.ts";

const berlin = new Zone("Europe/Berlin");
const at = (text: string): number => Date.parse(text);

test("a day is as long as clocks make it", () => {
  const lengths = ["2026-03-29T12:00Z", "2026-10-25T12:00Z", "2026-11-24T12:00Z"].map((noon) => {
    const start = berlin.startOf("day", at(noon));
    return (berlin.add("day", start, 1) - start) / HOUR_MS;
  });
  assert.deepEqual(lengths, [23, 25, 24]);
});

test("the hour that comes twice is A and B, and no other is", () => {
  assert.equal(berlin.letter(at("2026-10-24T23:59Z")), "");
  assert.equal(berlin.letter(at("2026-10-25T00:00Z")), "A");
  assert.equal(berlin.letter(at("2026-10-25T00:59Z")), "A");
  assert.equal(berlin.letter(at("2026-10-25T01:00Z")), "B");
  assert.equal(berlin.letter(at("2026-10-25T01:59Z")), "B");
  assert.equal(berlin.letter(at("2026-10-25T02:00Z")), "");
  assert.equal(berlin.letter(at("2026-03-29T01:00Z")), "");
});

test("an instant that clocks show twice is the first, one that they skip is after the change", () => {
  assert.equal(berlin.instant(2026, 10, 25, 2, 30), at("2026-10-25T00:30Z"));
  assert.equal(berlin.instant(2026, 3, 29, 2, 30), at("2026-03-29T01:30Z"));
});

test("steps keep the time of day over a change of clocks", () => {
  assert.equal(berlin.add("day", at("2026-10-24T10:15Z"), 1), at("2026-10-25T11:15Z"));
  assert.equal(berlin.add("week", at("2026-03-25T11:00Z"), 1), at("2026-04-01T10:00Z"));
  assert.equal(berlin.add("hour", at("2026-10-25T00:30Z"), 1), at("2026-10-25T01:30Z"));
});

test("a month's last days have a place in shorter months", () => {
  assert.equal(berlin.isoDate(berlin.add("month", at("2026-03-31T10:00Z"), -1)), "2026-02-28");
  assert.equal(berlin.isoDate(berlin.add("year", at("2028-02-29T10:00Z"), 1)), "2029-02-28");
  assert.equal(berlin.isoDate(berlin.add("month", at("2026-01-15T10:00Z"), -1)), "2025-12-15");
});

test("weeks begin on Mondays, months and years in the site's zone", () => {
  assert.equal(berlin.startOf("week", at("2026-11-22T22:00Z")), at("2026-11-15T23:00Z"));
  assert.equal(berlin.startOf("month", at("2026-10-31T23:30Z")), at("2026-10-31T23:00Z"));
  assert.equal(berlin.startOf("year", at("2026-06-01T00:00Z")), at("2025-12-31T23:00Z"));
});

test("zones with half hours and without changes", () => {
  const kolkata = new Zone("Asia/Kolkata");
  assert.equal(kolkata.startOf("hour", at("2026-11-24T12:45Z")), at("2026-11-24T12:30Z"));
  assert.equal(kolkata.startOf("day", at("2026-11-24T12:45Z")), at("2026-11-23T18:30Z"));
  assert.equal(new Zone("UTC").letter(at("2026-10-25T00:30Z")), "");
});
