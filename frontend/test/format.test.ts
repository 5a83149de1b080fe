import assert from "node:assert/strict";
import { test } from "node:test";
import { age, amount, bytes, countdown, energyDecimals, lasting, number, power, Times } from "../src/format.ts";
import { Zone } from "../src/zone.ts";

const plain = (text: string): string => text.replaceAll("\u00a0", " ");

test("numbers in both languages", () => {
  assert.equal(number(1234.56, 1, "en"), "1,234.6");
  assert.equal(number(1234.56, 1, "de"), "1.234,6");
  assert.equal(number(-5, 0, "de"), "−5");
  assert.equal(number(-0.0001, 2, "en"), "0.00");
  assert.equal(number(null, 1, "en"), "–");
  assert.equal(number(undefined, 1, "en"), "–");
  assert.equal(number(Number.NaN, 1, "en"), "–");
});

test("units stand apart, degrees do not, ratios have none", () => {
  assert.equal(plain(amount(230.1, 1, "V", "en")), "230.1 V");
  assert.equal(amount(12.3, 1, "°", "de"), "12,3°");
  assert.equal(amount(0.98, 2, "", "en"), "0.98");
  assert.equal(amount(null, 1, "V", "en"), "–");
});

test("powers have three or four digits", () => {
  assert.deepEqual(power(1234.4, "en"), { text: "1,234", unit: "W" });
  assert.deepEqual(power(42.36, "en"), { text: "42.4", unit: "W" });
  assert.deepEqual(power(12_345, "de"), { text: "12,35", unit: "kW" });
  assert.deepEqual(power(9999.6, "en"), { text: "10.00", unit: "kW" });
  assert.deepEqual(power(null, "en"), { text: "–", unit: "W" });
});

test("ages by their largest unit, spans by two", () => {
  assert.deepEqual([-500, 0, 9999, 119_000, 120_000, 7_200_000, 200_000_000].map(age).map(plain), ["0 s", "0 s", "9 s", "119 s", "2 min", "2 h", "2 d"]);
  assert.deepEqual([40_000, 720_000, 3_900_000, 266_400_000].map(lasting).map(plain), ["40 s", "12 min", "1 h 5 min", "3 d 2 h"]);
  assert.deepEqual([65_000, 64_600, 3_605_000, 0, -1].map(countdown), ["1:05", "1:05", "1:00:05", "0:00", "0:00"]);
});

test("sizes and energies", () => {
  assert.deepEqual([512, 1500, 412_331_008, 21_400_000_000, null].map((size) => plain(bytes(size, "en"))), ["512 B", "1.5 kB", "412 MB", "21.4 GB", "–"]);
  assert.deepEqual([0, 9.99, 123, 4567].map(energyDecimals), [2, 2, 1, 0]);
});

test("moments in the site's zone, whatever the browser's is", () => {
  const en = new Times(new Zone("Europe/Berlin"), "en");
  const noon = Date.parse("2026-11-24T11:30:05Z");
  assert.equal(en.day(noon), "Tue 24 Nov 2026");
  assert.equal(en.clockSecond(noon), "12:30:05");
  assert.equal(plain(en.clock(Date.parse("2026-10-25T01:30Z"))), "02:30 B");
  assert.equal(en.near(noon, noon + 1000), "12:30");
  assert.equal(en.near(noon - 86_400_000, noon), "23 Nov, 12:30");
});

test("ranges say a day once", () => {
  const en = new Times(new Zone("Europe/Berlin"), "en");
  const at = (text: string): number => Date.parse(text);
  assert.equal(en.range(at("2026-11-24T10:00Z"), at("2026-11-24T11:00Z")), "Tue 24 Nov 2026, 11:00 – 12:00");
  assert.equal(en.range(at("2026-10-24T22:00Z"), at("2026-10-25T23:00Z")), "Sun 25 Oct 2026");
  assert.equal(en.range(at("2026-11-15T23:00Z"), at("2026-11-22T23:00Z")), "Mon 16 Nov 2026 – Sun 22 Nov 2026");
  assert.equal(en.range(at("2026-11-23T11:00Z"), at("2026-11-24T11:00Z")), "23 Nov, 12:00 – Tue 24 Nov 2026, 12:00");
});
