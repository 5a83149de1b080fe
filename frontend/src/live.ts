/** The latest values of every meter, and who wants to hear of new ones. */

import type { Latest, Measurand, Meter, MeterEvent, ReadingEvent } from "./api.ts";

export interface Value {
  value: number | null;
  timeMs: number;
}

export interface LiveMeter {
  silentSinceMs: number | null;
  newestMs: number | null;
  values: Map<string, Value>;
}

// A value is old when so many of its intervals passed without a new one, and a little for the way.
const INTERVALS = 3;
const ON_THE_WAY_MS = 2000;

/** Whether so old a value of this measurand must not look alive any more. */
export function isOld(ageMs: number, measurand: Measurand): boolean {
  return ageMs > INTERVALS * measurand.interval_s * 1000 + ON_THE_WAY_MS;
}

type Listener = (meter: string) => void;

export class Live {
  readonly #meters = new Map<string, LiveMeter>();
  readonly #listeners = new Set<Listener>();

  /** What is known of the meter; nothing yet is an empty one. */
  of(name: string): LiveMeter {
    let meter = this.#meters.get(name);
    if (!meter) {
      meter = { silentSinceMs: null, newestMs: null, values: new Map() };
      this.#meters.set(name, meter);
    }
    return meter;
  }

  /** Calls back with a meter's name whenever something of it is new. Gives what ends that. */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  latest(latest: Latest): void {
    for (const { name, silent_since, values } of latest.meters) {
      const meter = this.of(name);
      meter.silentSinceMs = parse(silent_since);
      for (const [id, { value, time }] of Object.entries(values)) this.#put(meter, id, value, Date.parse(time));
      this.#tell(name);
    }
  }

  reading({ meter: name, time, values }: ReadingEvent): void {
    const meter = this.of(name);
    const timeMs = Date.parse(time);
    for (const [id, value] of Object.entries(values)) this.#put(meter, id, value, timeMs);
    this.#tell(name);
  }

  silence({ meter: name, silent_since }: MeterEvent): void {
    this.of(name).silentSinceMs = parse(silent_since);
    this.#tell(name);
  }

  #put(meter: LiveMeter, id: string, value: number | null, timeMs: number): void {
    const known = meter.values.get(id);
    if (known && known.timeMs > timeMs) return;
    meter.values.set(id, { value, timeMs });
    meter.newestMs = Math.max(meter.newestMs ?? 0, timeMs);
  }

  #tell(name: string): void {
    for (const listener of this.#listeners) listener(name);
  }
}

const parse = (time: string | null): number | null => (time === null ? null : Date.parse(time));

/** Whether a meter gives nothing any more: it says so itself, or everything of it is old. */
export function isSilent(meter: Meter, live: LiveMeter, nowMs: number): boolean {
  if (live.silentSinceMs !== null) return true;
  if (live.newestMs === null) return false;
  return meter.measurands.every((measurand) => {
    const value = live.values.get(measurand.id);
    return !value || isOld(nowMs - value.timeMs, measurand);
  });
}
