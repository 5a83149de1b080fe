import assert from "node:assert/strict";
import { test } from "node:test";
import type { Measurand, Meter } from "../src/api.ts";
import { isOld, isSilent, Live } from "../src/live.ts";

const measurand = (id: string, interval_s: number): Measurand => ({ id, unit: "V", kind: "instantaneous", label: { en: id, de: id }, interval_s, decimals: 1 });
const meter: Meter = { name: "house", model: "", bus: "", address: 1, phases: 3, first: null, measurands: [measurand("fast", 2), measurand("slow", 60)] };
const T = Date.parse("2026-11-24T12:00:00Z");
const iso = (ms: number): string => new Date(ms).toISOString();

test("a value is old after three of its own intervals", () => {
  assert.ok(!isOld(6000, measurand("fast", 2)));
  assert.ok(isOld(9000, measurand("fast", 2)));
  assert.ok(!isOld(120_000, measurand("slow", 60)));
  assert.ok(isOld(190_000, measurand("slow", 60)));
});

test("a reading renews its own values only, and an older one none", () => {
  const live = new Live();
  const heard: string[] = [];
  live.listen((name) => heard.push(name));
  live.reading({ meter: "house", time: iso(T), values: { fast: 1, slow: 2 } });
  live.reading({ meter: "house", time: iso(T + 2000), values: { fast: null } });
  live.reading({ meter: "house", time: iso(T - 2000), values: { slow: 9 } });
  assert.deepEqual(live.of("house").values.get("fast"), { value: null, timeMs: T + 2000 });
  assert.deepEqual(live.of("house").values.get("slow"), { value: 2, timeMs: T });
  assert.equal(live.of("house").newestMs, T + 2000);
  assert.deepEqual(heard, ["house", "house", "house"]);
});

test("a meter is silent when it says so, or when all of it is old", () => {
  const live = new Live();
  assert.ok(!isSilent(meter, live.of("house"), T));
  live.reading({ meter: "house", time: iso(T), values: { fast: 1, slow: 2 } });
  assert.ok(!isSilent(meter, live.of("house"), T + 60_000));
  assert.ok(isSilent(meter, live.of("house"), T + 200_000));
  live.silence({ meter: "house", silent_since: iso(T) });
  assert.ok(isSilent(meter, live.of("house"), T + 1000));
  live.silence({ meter: "house", silent_since: null });
  assert.ok(!isSilent(meter, live.of("house"), T + 1000));
});
