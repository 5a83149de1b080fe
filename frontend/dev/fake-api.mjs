/**
 * The API with made-up meters, for developing the page without a daemon: `npm run fake-api`, then
 * `SMARTMETER_API=http://127.0.0.1:8090 npm run dev`. It serves the built page too.
 *
 * PORT (8090); METERS: how many more of them (0); PASSWORD: asks for it; TARIFF=0: no prices.
 */

import { createReadStream, existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const { PORT = "8090", METERS = "0", PASSWORD = "", TARIFF = "1" } = process.env;
const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const STATIC = join(ROOT, "smartmeter/web/static");
const ZONE = "Europe/Berlin";
const CURRENCY = TARIFF === "1" ? "EUR" : null;
const STARTED = Date.now() - 9 * 86_400_000;
const FIRST = Date.now() - 800 * 86_400_000;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const [IMPORT, EXPORT] = ["active_energy_import", "active_energy_export"];
const DECIMALS = { V: 1, A: 3, W: 1, var: 1, VA: 1, 1: 3, deg: 1, Hz: 3, kWh: 2, kvarh: 2, kVAh: 2, Ah: 1, "%": 2 };

/** The vocabulary as the program has it; the few lines of TOML that it uses. */
const vocabulary = [];
for (const line of readFileSync(join(ROOT, "smartmeter/measurands.toml"), "utf8").split("\n")) {
  const id = /^\[(\w+)\]/.exec(line)?.[1];
  if (id) vocabulary.push({ id });
  const [, key, value] = /^(unit|kind) = "(.*)"/.exec(line) ?? [];
  if (key) vocabulary.at(-1)[key] = value;
  const [, en, de] = /^label = \{ en = "(.*)", de = "(.*)" \}/.exec(line) ?? [];
  if (en) vocabulary.at(-1).label = { en, de };
}
const measurand = ({ id, unit, kind, label }) => ({
  id,
  label,
  unit: unit === "1" ? "" : unit === "deg" ? "°" : unit,
  kind,
  interval_s: kind === "counter" || kind === "maximum" ? 60 : kind === "demand" || id.includes("thd") ? 30 : 2,
  decimals: DECIMALS[unit],
});
const reading = (...patterns) => vocabulary.filter(({ id }) => patterns.some((pattern) => pattern.test(id))).map(measurand);
const meter = (name, model, address, phases, measurands, more = {}) => ({
  name, model, bus: address < 10 ? "cellar" : "roof", address, phases, first: new Date(FIRST).toISOString(), measurands, ...more,
});
const meters = [
  meter("house", "SDM530", 1, 3, reading(/./)),
  meter("heat pump", "SDM630", 2, 3, reading(/^(voltage|current|active_power|power_factor)_l[123]$/, /^active_power_total$/, /^frequency$/, /^active_energy_import$/)),
  meter("garage", "SDM230", 3, 1, reading(/^(voltage|current|active_power|power_factor|phase_angle)_l1$/, /^frequency$/, /^active_energy_(im|ex)port$/)),
  meter("workshop", "SDM630", 11, 3, reading(/^(voltage|current|active_power|power_factor)_l[123]$/, /^active_power_total$/, /^frequency$/, /^active_energy_import$/)),
  meter("flat 2 (counters only)", "SDM630", 12, 3, reading(/^active_energy_(im|ex)port$/)),
  meter("new meter", "SDM530", 13, 3, reading(/^(voltage|active_power)_l[123]$/, /^active_power_total$/), { first: null }),
];
for (let index = 0; index < Number(METERS); index += 1) {
  meters.push(meter(`flat ${index + 3}`, "SDM630", 20 + index, 3, reading(/^(voltage|current|active_power|power_factor)_l[123]$/, /^active_power_total$/, /^frequency$/, /^active_energy_import$/)));
}
const SILENT = "workshop";
const silentSince = Date.now() - 7 * 60_000;
const fast = { active: false, interval_s: 10, until: null };
const fastBounds = { default_interval_s: 2, default_duration_s: 300, shortest_interval_s: 1, longest_duration_s: 3600 };

const noise = (seed, x) => {
  const at = (n) => {
    const value = Math.sin(n * 127.1 + seed * 311.7) * 43758.5453;
    return value - Math.floor(value);
  };
  const [whole, part] = [Math.floor(x), x - Math.floor(x)];
  return at(whole) * (1 - part) + at(whole + 1) * part;
};
const seedOf = (text) => [...text].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 997, 7);

/** The power of a phase, in W: a house that uses some, and sun on a roof. */
function phasePower(name, phase, ms) {
  const seed = seedOf(name) + phase * 17;
  const hour = (ms / HOUR + 1) % 24;
  const base = 60 + 90 * noise(seed, ms / 600_000) + (hour > 6 && hour < 23 ? 160 * noise(seed + 1, ms / 1_500_000) : 0);
  const cooker = noise(seed + 2, ms / 1_200_000) > 0.86 && hour > 6 && hour < 22 ? 1400 : 0;
  const season = 0.6 - 0.4 * Math.cos(((ms / DAY) % 365) / 58.1);
  const sun = name === "house" || name === "garage" ? Math.max(0, Math.sin(((hour - 6.5) / 11) * Math.PI)) * 1500 * season * (0.4 + 0.6 * noise(3, ms / 900_000)) : 0;
  const heat = name === "heat pump" ? (noise(5, ms / 2_400_000) > 0.5 ? 900 : 20) : 0;
  return base + cooker + heat - sun + 8 * noise(seed + 4, ms / 2000);
}

/** What a counter has counted by then: an integral of nothing, but it grows with the power of the hour. */
const hourly = new Map();
function energyOfHour(name, hour) {
  const key = name + hour;
  let energies = hourly.get(key);
  if (!energies) {
    energies = { up: 0, down: 0 };
    for (let step = 0; step < 6; step += 1) {
      const watts = [1, 2, 3].reduce((sum, phase) => sum + phasePower(name, phase, hour * HOUR + step * 600_000), 0);
      if (watts > 0) energies.up += watts / 6000;
      else energies.down -= watts / 6000;
    }
    hourly.set(key, energies);
  }
  return energies;
}
function energyBetween(name, fromMs, untilMs) {
  const total = { up: 0, down: 0 };
  for (let hour = Math.floor(fromMs / HOUR); hour * HOUR < untilMs; hour += 1) {
    const share = (Math.min(untilMs, (hour + 1) * HOUR) - Math.max(fromMs, hour * HOUR)) / HOUR;
    const { up, down } = energyOfHour(name, hour);
    total.up += up * share;
    total.down += down * share;
  }
  return total;
}

function value(name, id, ms) {
  const phase = Number(/_l([123])/.exec(id)?.[1] ?? 1);
  const volts = 231 + phase + 4 * noise(phase, ms / 800_000) + noise(9 + phase, ms / 3000);
  const total = () => [1, 2, 3].reduce((sum, each) => sum + phasePower(name, each, ms), 0);
  const watts = id.includes("_total") || id.includes("demand") ? total() : phasePower(name, phase, ms);
  if (id.includes("thd")) return 1.5 + 2 * noise(phase, ms / 500_000);
  if (id.startsWith("voltage_l1_l2") || id.includes("_ll_") || /voltage_l\d_l\d/.test(id)) return volts * Math.sqrt(3);
  if (id.startsWith("voltage")) return volts;
  if (id === "current_sum") return Math.abs(total()) / volts;
  if (id.startsWith("current")) return Math.abs(watts) / volts / 0.96;
  if (id.startsWith("active_power")) return watts;
  if (id.startsWith("reactive_power")) return Math.abs(watts) * 0.2 + 20;
  if (id.startsWith("apparent_power")) return Math.hypot(watts, watts * 0.2 + 20);
  if (id.startsWith("power_factor")) return Math.sign(watts) * (0.93 + 0.06 * noise(phase, ms / 700_000));
  if (id.startsWith("phase_angle")) return 12 + 5 * noise(phase, ms / 700_000);
  if (id === "frequency") return 49.98 + 0.05 * noise(8, ms / 40_000);
  const since = energyBetween(name, Math.max(FIRST, ms - 40 * DAY), ms);
  if (id.includes("export")) return 1200 + since.down;
  return 8400 + since.up;
}
const rounded = (name, each, ms) => Number(value(name, each.id, ms).toFixed(each.decimals));
const isRead = (name, ms) => ms >= FIRST && (name !== SILENT || ms < silentSince) && name !== "new meter" && !inGap(ms);
/** Two gaps, one short of today, one over the midnight of the day before yesterday. */
const midnight = (daysAgo) => {
  const now = Date.now();
  return startOf("day", now) - daysAgo * DAY;
};
const gaps = () => [
  { from: midnight(0) + 3.4 * HOUR, until: midnight(0) + 5.2 * HOUR },
  { from: midnight(2) + 19 * HOUR, until: midnight(1) + 7.5 * HOUR },
];
const inGap = (ms) => gaps().some(({ from, until }) => ms > from && ms < until);

const parts = new Intl.DateTimeFormat("en-US", { timeZone: ZONE, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric" });
function offset(ms) {
  const at = Math.floor(ms / 900_000) * 900_000;
  const found = Object.fromEntries(parts.formatToParts(at).map((part) => [part.type, Number(part.value)]));
  return Date.UTC(found.year, found.month - 1, found.day, found.hour, found.minute, found.second) - at;
}
const local = (ms) => new Date(ms + offset(ms));
function instant(year, month, day) {
  const at = Date.UTC(year, month, day);
  return at - offset(at - offset(at));
}
function startOf(unit, ms) {
  const at = local(ms);
  const [year, month, day] = [at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate()];
  if (unit === "hour") return Math.floor(ms / HOUR) * HOUR;
  if (unit === "day") return instant(year, month, day);
  if (unit === "week") return instant(year, month, day - ((at.getUTCDay() + 6) % 7));
  if (unit === "month") return instant(year, month, 1);
  return instant(year, 0, 1);
}
const next = (unit, ms) => startOf(unit, { hour: ms + HOUR, day: ms + 26 * HOUR, week: ms + 7.2 * DAY, month: ms + 32 * DAY, year: ms + 367 * DAY }[unit]);
const iso = (ms) => new Date(ms).toISOString();
const label = (ms) => {
  const minutes = offset(ms) / 60_000;
  return `${local(ms).toISOString().slice(0, 16)}+${String(Math.floor(minutes / 60)).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}`;
};
const isoDate = (ms) => local(ms).toISOString().slice(0, 10);

function energy(parameters) {
  const name = parameters.get("meter");
  const span = parameters.get("span");
  const date = parameters.get("date");
  const now = Date.now();
  const at = date ? startOf("day", Date.parse(`${date}T12:00Z`)) : now;
  const first = startOf("year", FIRST);
  const [from, until] = span === "all" ? [first, next("year", startOf("year", now))] : [startOf(span, at), next(span, startOf(span, at))];
  const unit = { day: "hour", week: "day", month: "day", year: "month", all: "year" }[span];
  const read = meters.find((each) => each.name === name);
  const counters = read.first === null ? [] : [IMPORT, EXPORT].filter((id) => read.measurands.some((each) => each.id === id));
  const rows = [];
  const totals = {};
  const end = Math.min(now, until);
  for (let start = from; start < end; start = next(unit, start)) {
    const stop = Math.min(next(unit, start), end);
    const amounts = {};
    for (const id of counters) {
      if (stop <= FIRST) continue;
      const within = gaps().find((gap) => gap.from <= start && gap.until >= stop);
      if (within) {
        amounts[id] = null;
        continue;
      }
      const side = id === IMPORT ? "up" : "down";
      const touching = gaps().filter((gap) => gap.until > start && gap.until <= stop && gap.from < start);
      const begun = touching[0]?.from ?? start;
      const leaving = gaps().find((gap) => gap.from > start && gap.from < stop && gap.until > stop);
      const amount = energyBetween(name, begun, leaving?.from ?? stop)[side];
      const gapEnergy = touching.reduce((sum, gap) => sum + energyBetween(name, gap.from, gap.until)[side], 0);
      const price = id === IMPORT ? 0.32 : -0.081;
      amounts[id] = { energy: amount, gap_energy: gapEnergy, is_part: Boolean(touching.length || leaving), cost: CURRENCY && amount * price, unpriced: 0 };
      const total = (totals[id] ??= { energy: 0, gap_energy: 0, is_part: false, cost: CURRENCY && 0, unpriced: 0 });
      total.energy += amount;
      if (CURRENCY) total.cost += amount * price;
    }
    rows.push({ from: iso(start), until: iso(next(unit, start)), label: label(start), amounts });
  }
  return {
    meter: name, span, from: iso(from), until: iso(until), now: iso(now), currency: CURRENCY,
    base_cost: CURRENCY && ((end - from) / DAY) * 0.4, counters, unit: "kWh", rows, totals,
    gaps: gaps().filter((gap) => gap.until > from && gap.from < end).map((gap) => ({
      from: iso(gap.from), until: iso(gap.until),
      energies: Object.fromEntries(counters.map((id) => [id, energyBetween(name, gap.from, gap.until)[id === IMPORT ? "up" : "down"]])),
    })),
    previous: span === "all" || from < FIRST ? null : isoDate(from - HOUR),
    next: span === "all" || until > now ? null : isoDate(until + HOUR),
  };
}

function history(parameters) {
  const name = parameters.get("meter");
  const ids = parameters.getAll("measurand");
  const [from, until] = [Date.parse(parameters.get("from")), Date.parse(parameters.get("until"))];
  const points = Number(parameters.get("points") ?? 800);
  const wanted = (until - from) / points;
  const read = meters.find((each) => each.name === name);
  const [source, natural] = wanted < 60_000 ? ["readings", 10_000] : wanted < 900_000 ? ["15m", 900_000] : wanted < 6 * HOUR ? ["1h", HOUR] : ["1d", DAY];
  const step = Math.max(natural, Math.ceil(wanted / natural) * natural);
  const times = [];
  const series = Object.fromEntries(ids.map((id) => [id, { mean: [], min: source === "readings" ? null : [], max: source === "readings" ? null : [] }]));
  for (let at = Math.ceil(from / step) * step; at < Math.min(until, Date.now()); at += step) {
    times.push(at / 1000);
    for (const id of ids) {
      const known = isRead(name, at);
      const each = read.measurands.find((candidate) => candidate.id === id);
      const samples = known ? [0, 0.31, 0.62].map((part) => value(name, id, at + part * Math.min(step, DAY))) : [];
      const mean = known ? Number((samples.reduce((a, b) => a + b, 0) / 3).toFixed(each.decimals)) : null;
      series[id].mean.push(source === "readings" && known ? rounded(name, each, at) : mean);
      series[id].min?.push(known ? Math.min(...samples) : null);
      series[id].max?.push(known ? Math.max(...samples) : null);
    }
  }
  return { meter: name, from: iso(from), until: iso(until), source, step_s: step / 1000, times, series };
}

function latest() {
  const now = Date.now();
  return {
    time: iso(now),
    meters: meters.map(({ name, measurands }) => ({
      name,
      silent_since: name === SILENT ? iso(silentSince) : null,
      values: name === "new meter" ? {} : Object.fromEntries(measurands.map((each) => {
        const at = name === SILENT ? silentSince - 2000 : Math.floor(now / 1000 / each.interval_s) * 1000 * each.interval_s;
        return [each.id, { value: name === "heat pump" && each.id === "power_factor_l3" ? null : rounded(name, each, at), time: iso(at) }];
      })),
    })),
  };
}

const alarms = [{ name: "frozen", subject: SILENT, text: { en: `Meter ${SILENT} is silent`, de: `Zähler ${SILENT} ist stumm` }, since: iso(silentSince) }];
const state = () => ({
  version: "0.9.0", started: iso(STARTED), uptime_s: (Date.now() - STARTED) / 1000, time: iso(Date.now()),
  buses: [
    { name: "cellar", port: "/dev/serial/by-id/usb-FTDI_FT232R", trouble: null, load: 0.34, requests: 1_284_331, failures: 12, answer_ms: 31.4 },
    { name: "roof", port: "socket://192.168.1.40:502", trouble: "/dev/ttyUSB1 is gone: plug it in again", load: 0.87, requests: 431_223, failures: 4120, answer_ms: null },
  ],
  meters: meters.map(({ name, bus, address, first }) => ({
    name, bus, address, readings: first ? 388_211 : 0, skipped: name === "house" ? 3 : 0,
    failures: name === SILENT ? { NoAnswerError: 412, ChecksumError: 3 } : {}, silent_since: name === SILENT ? iso(silentSince) : null, last: first && iso(Date.now() - 4000),
  })),
  sinks: [
    { name: "postgresql", backlog: 0, error: null, last_success: iso(Date.now() - 8000), shipped: 8_123_441, refused: 0 },
    { name: "influxdb", backlog: 48_120, error: "Connection refused at 10.0.0.7:8086", last_success: iso(Date.now() - 5 * HOUR), shipped: 912_332, refused: 2 },
  ],
  journal: { path: "/var/lib/smartmeter/smartmeter.db", bytes: 412_331_008, written_bytes_per_day: 61_200_000, disk_free_bytes: 21_400_000_000, disk_used_percent: 28.1 },
  memory_bytes: 38_400_000, alarms, fast: { ...fast, ...fastBounds },
});

const streams = new Set();
const send = (response, name, data) => response.write(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
const tell = (name, data) => streams.forEach((response) => send(response, name, data));
setInterval(() => {
  const now = Math.floor(Date.now() / 1000) * 1000;
  for (const { name, measurands } of meters) {
    if (name === SILENT || name === "new meter") continue;
    const due = measurands.filter(({ interval_s }) => (now / 1000) % interval_s === 0);
    if (due.length) tell("reading", { meter: name, time: iso(now), values: Object.fromEntries(due.map((each) => [each.id, rounded(name, each, now)])) });
  }
  if (fast.active && Date.parse(fast.until) <= now) {
    Object.assign(fast, { active: false, until: null, interval_s: 10 });
    tell("fast", fast);
  }
}, 1000);
setInterval(() => tell("alive", { time: iso(Date.now()) }), 15_000);

let loggedIn = PASSWORD === "";
const session = () => ({ authenticated: loggedIn, login_required: PASSWORD !== "", csrf: PASSWORD && loggedIn ? "made-up" : null });
const types = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };

createServer(async (request, response) => {
  const url = new URL(request.url, "http://localhost");
  const json = (body, status = 200) => {
    response.writeHead(status, { "Content-Type": status < 400 ? "application/json" : "application/problem+json", "Cache-Control": "no-store" });
    response.end(JSON.stringify(body));
  };
  const problem = (status, detail) => json({ type: "about:blank", title: detail, status, detail }, status);
  if (!url.pathname.startsWith("/api/v1/")) {
    const file = join(STATIC, normalize(url.pathname === "/" ? "/index.html" : url.pathname));
    if (!existsSync(file)) return problem(404, "Not found");
    response.writeHead(200, { "Content-Type": types[extname(file)] ?? "application/octet-stream", "Content-Security-Policy": "default-src 'self'", "X-Content-Type-Options": "nosniff" });
    return createReadStream(file).pipe(response);
  }
  const path = url.pathname.slice("/api/v1".length);
  let body = "";
  for await (const chunk of request) body += chunk;
  if (path === "/session") {
    if (request.method === "POST") {
      if (JSON.parse(body).password !== PASSWORD) return problem(401, "Wrong password");
      loggedIn = true;
    }
    if (request.method === "DELETE") loggedIn = false;
    return json(session());
  }
  if (!loggedIn) return problem(401, "Log in");
  if (request.method !== "GET" && PASSWORD && request.headers["x-csrf-token"] !== "made-up") return problem(403, "No token");
  switch (path) {
    case "/meters":
      return json({ site: { timezone: ZONE, language: "de", currency: CURRENCY }, meters });
    case "/latest":
      return json(latest());
    case "/history":
      return json(history(url.searchParams));
    case "/energy":
      return json(energy(url.searchParams));
    case "/state":
      return json(state());
    case "/fast": {
      const { interval_s = 2, duration_s = 300 } = JSON.parse(body || "{}");
      if (interval_s < 1 || duration_s > 3600) return problem(422, "Out of bounds");
      Object.assign(fast, { active: true, interval_s, until: iso(Date.now() + duration_s * 1000) });
      tell("fast", fast);
      return json({ ...fast, ...fastBounds });
    }
    case "/events":
      response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
      send(response, "latest", latest());
      send(response, "fast", fast);
      send(response, "alarms", { alarms });
      streams.add(response);
      request.on("close", () => streams.delete(response));
      return undefined;
    default:
      return problem(404, "Not found");
  }
}).listen(Number(PORT), "127.0.0.1", () => console.log(`http://127.0.0.1:${PORT}/`));
