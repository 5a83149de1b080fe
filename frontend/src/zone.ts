/** The site's time zone: what its clocks show, and steps of hours, days, months and years on them. */

export type Unit = "hour" | "day" | "week" | "month" | "year";

/** What a clock on the wall and the calendar beside it show. Months from 1, weekdays from 0, a Monday. */
export interface Wall {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
  weekday: number;
}

export const SECOND_MS = 1000;
export const MINUTE_MS = 60 * SECOND_MS;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;
// Offsets change at quarter-hours only, in every zone of our time.
const OFFSET_HOLDS_MS = 15 * MINUTE_MS;
// Farther apart than a change of clocks is long, nearer than two changes are.
const NEAR_MS = 6 * HOUR_MS;

export class Zone {
  readonly #format: Intl.DateTimeFormat;
  readonly #offsets = new Map<number, number>();

  constructor(readonly name: string) {
    this.#format = new Intl.DateTimeFormat("en-US", {
      timeZone: name,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
  }

  /** What local time is ahead of UTC. */
  offsetMs(ms: number): number {
    const key = Math.floor(ms / OFFSET_HOLDS_MS);
    let offset = this.#offsets.get(key);
    if (offset === undefined) {
      const at = key * OFFSET_HOLDS_MS;
      const parts: Record<string, number> = {};
      for (const part of this.#format.formatToParts(at)) parts[part.type] = Number(part.value);
      const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
      offset = Date.UTC(year, month - 1, day, hour, minute, second) - at;
      this.#offsets.set(key, offset);
    }
    return offset;
  }

  wall(ms: number): Wall {
    const local = new Date(ms + this.offsetMs(ms));
    return {
      year: local.getUTCFullYear(),
      month: local.getUTCMonth() + 1,
      day: local.getUTCDate(),
      hour: local.getUTCHours(),
      minute: local.getUTCMinutes(),
      second: local.getUTCSeconds(),
      weekday: (local.getUTCDay() + 6) % 7,
    };
  }

  /** The moment at which clocks show this; the first of two, and for a time that is skipped as much after the change. */
  instant(year: number, month: number, day: number, hour = 0, minute = 0): number {
    const local = Date.UTC(year, month - 1, day, hour, minute);
    const before = local - this.offsetMs(local - NEAR_MS);
    const after = local - this.offsetMs(local + NEAR_MS);
    if (before + this.offsetMs(before) === local) return before;
    if (after + this.offsetMs(after) === local) return after;
    return before;
  }

  startOf(unit: Unit, ms: number): number {
    const { year, month, day, weekday } = this.wall(ms);
    switch (unit) {
      case "hour":
        return ms - ((((ms + this.offsetMs(ms)) % HOUR_MS) + HOUR_MS) % HOUR_MS);
      case "day":
        return this.instant(year, month, day);
      case "week":
        return this.instant(year, month, day - weekday);
      case "month":
        return this.instant(year, month, 1);
      case "year":
        return this.instant(year, 1, 1);
    }
  }

  /** So many units on: hours are 60 minutes, all else keeps the time of day. */
  add(unit: Unit, ms: number, count: number): number {
    if (unit === "hour") return ms + count * HOUR_MS;
    const { year, month, day, hour, minute, second } = this.wall(ms);
    const rest = second * SECOND_MS + (((ms % SECOND_MS) + SECOND_MS) % SECOND_MS);
    if (unit === "day") return this.instant(year, month, day + count, hour, minute) + rest;
    if (unit === "week") return this.instant(year, month, day + 7 * count, hour, minute) + rest;
    const months = year * 12 + month - 1 + count * (unit === "year" ? 12 : 1);
    const [toYear, toMonth] = [Math.floor(months / 12), (months % 12) + 1];
    const lastDay = new Date(Date.UTC(toYear, toMonth, 0)).getUTCDate();
    return this.instant(toYear, toMonth, Math.min(day, lastDay), hour, minute) + rest;
  }

  /** "A" or "B" in the hour that comes twice, as the energy business writes it, else nothing. */
  letter(ms: number): "" | "A" | "B" {
    const offset = this.offsetMs(ms);
    for (const near of [ms - NEAR_MS, ms + NEAR_MS]) {
      const otherOffset = this.offsetMs(near);
      const other = ms + offset - otherOffset;
      if (otherOffset !== offset && this.offsetMs(other) === otherOffset) return other > ms ? "A" : "B";
    }
    return "";
  }

  /** The day as the API takes it: 2026-11-24. */
  isoDate(ms: number): string {
    const { year, month, day } = this.wall(ms);
    return `${year}-${pad(month)}-${pad(day)}`;
  }
}

export const pad = (value: number): string => String(value).padStart(2, "0");
