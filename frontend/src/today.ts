/** What a meter has counted since midnight: asked for once in a while, and carried on by its counters. */

import { type Energy, getEnergy } from "./api.ts";
import type { App } from "./app.ts";
import { nowMs } from "./clock.ts";
import { EXPORT, IMPORT } from "./measurands.ts";
import { queued } from "./queue.ts";
import { MINUTE_MS } from "./zone.ts";

// The guard against false counter values may have found something meanwhile.
const ASK_EVERY_MS = 15 * MINUTE_MS;
// After midnight, and when there was no answer.
const ASK_AGAIN_MS = MINUTE_MS;

export class Today {
  #energy: Energy | null = null;
  #counters: ReadonlyMap<string, number> = new Map();
  #askedMs = 0;
  #day = "";

  constructor(
    readonly app: App,
    readonly meter: string,
  ) {}

  /** Asks if there is a reason to. Gives whether there is something new. */
  async refresh(): Promise<boolean> {
    const now = nowMs();
    const day = this.app.zone.isoDate(now);
    if (now - this.#askedMs < (day === this.#day ? ASK_EVERY_MS : ASK_AGAIN_MS)) return false;
    this.#askedMs = now;
    try {
      const energy = await queued(() => getEnergy({ meter: this.meter, span: "day", date: day }));
      this.#energy = energy;
      this.#day = day;
      const { values } = this.app.live.of(this.meter);
      this.#counters = new Map(
        [IMPORT, EXPORT].flatMap((id) => {
          const value = values.get(id)?.value;
          return value === null || value === undefined ? [] : [[id, value] as const];
        }),
      );
      return true;
    } catch {
      // The connection says by itself that it is lost.
      return false;
    }
  }

  of(id: string): number | null {
    const total = this.#energy?.totals[id];
    if (!total) return null;
    const [before, after] = [this.#counters.get(id), this.app.live.of(this.meter).values.get(id)?.value];
    const since = before === undefined || after === null || after === undefined ? 0 : after - before;
    return total.energy + Math.max(0, since);
  }
}
