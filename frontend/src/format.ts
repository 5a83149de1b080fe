/** Numbers, spans of time and moments as texts, by the page's language. */

import type { Language } from "./api.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS, pad, type Zone } from "./zone.ts";

export const NO_VALUE = "–";
const LOCALES: Record<Language, string> = { en: "en-GB", de: "de-DE" };
const numberFormats = new Map<string, Intl.NumberFormat>();
const dateFormats = new Map<string, Intl.DateTimeFormat>();

/** The number with so many decimals and thousands apart; a dash for null; never -0.0. */
export function number(value: number | null | undefined, decimals: number, language: Language): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return NO_VALUE;
  const key = `${language}${decimals}`;
  let format = numberFormats.get(key);
  if (!format) {
    format = new Intl.NumberFormat(LOCALES[language], {
      minimumFractionDigits: decimals,
      maximumFractionDigits: decimals,
      signDisplay: "negative",
    });
    numberFormats.set(key, format);
  }
  return format.format(value).replace("-", "−");
}

/** The number with its unit. No space before a degree sign, one before all other units. */
export function amount(value: number | null | undefined, decimals: number, unit: string, language: Language): string {
  const text = number(value, decimals, language);
  if (text === NO_VALUE || unit === "") return text;
  return unit === "°" ? text + unit : `${text}\u00a0${unit}`;
}

export interface Quantity {
  text: string;
  unit: string;
}

/** A power to read across the room: three or four digits that do not flicker. */
export function power(watts: number | null, language: Language): Quantity {
  const size = Math.abs(watts ?? 0);
  if (size >= 9999.5) return { text: number((watts ?? 0) / 1000, 2, language), unit: "kW" };
  return { text: number(watts, size < 99.95 ? 1 : 0, language), unit: "W" };
}

/** Decimals for an energy: enough for the small ones, no noise on the large. */
export function energyDecimals(largest: number): number {
  return Math.abs(largest) >= 1000 ? 0 : Math.abs(largest) >= 100 ? 1 : 2;
}

/** An age by its largest unit: "9 s", "5 min", "3 h", "2 d". */
export function age(ms: number): string {
  const units: [number, string][] = [
    [DAY_MS, "d"],
    [HOUR_MS, "h"],
    [MINUTE_MS, "min"],
  ];
  for (const [unitMs, unit] of units) if (ms >= 2 * unitMs) return `${Math.floor(ms / unitMs)}\u00a0${unit}`;
  return `${Math.max(0, Math.floor(ms / 1000))}\u00a0s`;
}

/** A span of time by its two largest units: "40 s", "12 min", "1 h 5 min", "3 d 2 h". */
export function lasting(ms: number): string {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 60) return `${s}\u00a0s`;
  const two = (large: number, largeUnit: string, small: number, smallUnit: string): string => {
    const rest = Math.floor((s % large) / small);
    return `${Math.floor(s / large)}\u00a0${largeUnit}${rest ? ` ${rest}\u00a0${smallUnit}` : ""}`;
  };
  if (s < 3600) return two(60, "min", 1, "s");
  if (s < 86_400) return two(3600, "h", 60, "min");
  return two(86_400, "d", 3600, "h");
}

/** What is left, as a clock that counts down: "1:05", "1:00:05". */
export function countdown(ms: number): string {
  const s = Math.max(0, Math.round(ms / 1000));
  const minutes = Math.floor(s / 60);
  if (minutes < 60) return `${minutes}:${pad(s % 60)}`;
  return `${Math.floor(minutes / 60)}:${pad(minutes % 60)}:${pad(s % 60)}`;
}

/** A size of a file in units of 1000, as disks are sold. */
export function bytes(value: number | null, language: Language): string {
  if (value === null) return NO_VALUE;
  const units = ["B", "kB", "MB", "GB", "TB"];
  let scaled = value;
  let unit = 0;
  while (Math.abs(scaled) >= 999.5 && unit < units.length - 1) {
    scaled /= 1000;
    unit += 1;
  }
  return amount(scaled, unit === 0 || scaled >= 99.95 ? 0 : 1, units[unit] ?? "", language);
}

function dateFormat(zone: Zone, language: Language, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = zone.name + language + JSON.stringify(options);
  let format = dateFormats.get(key);
  if (!format) {
    format = new Intl.DateTimeFormat(LOCALES[language], { timeZone: zone.name, ...options });
    dateFormats.set(key, format);
  }
  return format;
}

/** How the page writes times: the site's zone, the reader's language. */
export class Times {
  constructor(
    readonly zone: Zone,
    readonly language: Language,
  ) {}

  #write(ms: number, options: Intl.DateTimeFormatOptions): string {
    return dateFormat(this.zone, this.language, options).format(ms);
  }

  /** "12:30", with A or B in the hour that comes twice. */
  clock(ms: number): string {
    const { hour, minute } = this.zone.wall(ms);
    return this.#lettered(`${pad(hour)}:${pad(minute)}`, ms);
  }

  clockSecond(ms: number): string {
    const { hour, minute, second } = this.zone.wall(ms);
    return this.#lettered(`${pad(hour)}:${pad(minute)}:${pad(second)}`, ms);
  }

  #lettered(text: string, ms: number): string {
    const letter = this.zone.letter(ms);
    return letter ? `${text}\u00a0${letter}` : text;
  }

  /** "Tue 24 Nov 2026" */
  day(ms: number): string {
    return this.#write(ms, { weekday: "short", day: "numeric", month: "short", year: "numeric" }).replace(",", "");
  }

  /** "24 Nov" */
  dayMonth(ms: number): string {
    return this.#write(ms, { day: "numeric", month: "short" });
  }

  month(ms: number): string {
    return this.#write(ms, { month: "long", year: "numeric" });
  }

  shortMonth(ms: number): string {
    return this.#write(ms, { month: "short" });
  }

  year(ms: number): string {
    return String(this.zone.wall(ms).year);
  }

  moment(ms: number): string {
    return `${this.day(ms)}, ${this.clock(ms)}`;
  }

  momentSecond(ms: number): string {
    return `${this.day(ms)}, ${this.clockSecond(ms)}`;
  }

  /** The time of day, with its date unless that is today's. */
  near(ms: number, nowMs: number): string {
    const isToday = this.zone.isoDate(ms) === this.zone.isoDate(nowMs);
    return isToday ? this.clock(ms) : `${this.dayMonth(ms)}, ${this.clock(ms)}`;
  }

  /** From when until when, without saying a day twice. */
  range(fromMs: number, untilMs: number): string {
    const [first, last] = [this.zone.isoDate(fromMs), this.zone.isoDate(untilMs)];
    const isMidnight = (ms: number): boolean => this.zone.startOf("day", ms) === ms;
    const clock = untilMs - fromMs < 10 * MINUTE_MS ? this.clockSecond.bind(this) : this.clock.bind(this);
    if (first === last) return `${this.day(fromMs)}, ${clock(fromMs)} – ${clock(untilMs)}`;
    if (isMidnight(fromMs) && isMidnight(untilMs)) {
      const lastDay = untilMs - 1;
      if (this.zone.isoDate(lastDay) === first) return this.day(fromMs);
      return `${this.day(fromMs)} – ${this.day(lastDay)}`;
    }
    if (untilMs - fromMs > 60 * DAY_MS) return `${this.day(fromMs)} – ${this.day(untilMs)}`;
    return `${this.dayMonth(fromMs)}, ${clock(fromMs)} – ${this.day(untilMs)}, ${clock(untilMs)}`;
  }
}
