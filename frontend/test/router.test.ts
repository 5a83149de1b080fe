import assert from "node:assert/strict";
import { test } from "node:test";
import { address, parseRoute } from "../src/router.ts";

test("an address leads back to what it was made of", () => {
  const parameters = new URLSearchParams([["meter", "flat 2 & co"], ["m", "voltage_l1"], ["m", "voltage_l2"]]);
  const route = parseRoute(address("history", parameters));
  assert.equal(route.view, "history");
  assert.deepEqual([...route.parameters], [...parameters]);
});

test("what is not known leads to now", () => {
  assert.equal(parseRoute("").view, "now");
  assert.equal(parseRoute("#/nonsense?a=b").view, "now");
});
