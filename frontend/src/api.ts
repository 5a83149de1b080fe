/** The daemon's API, version 1: what it answers, and how it is asked. */

export type Language = "en" | "de";
export type Kind = "instantaneous" | "counter" | "demand" | "maximum";
export type Translated = Record<Language, string>;

export interface Session {
  authenticated: boolean;
  login_required: boolean;
  csrf: string | null;
}

export interface Measurand {
  id: string;
  label: Translated;
  unit: string;
  kind: Kind;
  interval_s: number;
  decimals: number;
}

export interface Meter {
  name: string;
  model: string;
  bus: string;
  address: number;
  phases: number;
  first: string | null;
  measurands: Measurand[];
}

export interface Site {
  timezone: string;
  language: Language;
  currency: string | null;
}

export interface House {
  site: Site;
  meters: Meter[];
}

export interface LatestValue {
  value: number | null;
  time: string;
}

export interface LatestMeter {
  name: string;
  silent_since: string | null;
  values: Record<string, LatestValue>;
}

export interface Latest {
  time: string;
  meters: LatestMeter[];
}

export interface ReadingEvent {
  meter: string;
  time: string;
  values: Record<string, number | null>;
}

export interface MeterEvent {
  meter: string;
  silent_since: string | null;
}

export interface FastEvent {
  active: boolean;
  /** Null while it is not active. */
  interval_s: number | null;
  until: string | null;
}

export interface Fast extends FastEvent {
  default_interval_s: number;
  default_duration_s: number;
  shortest_interval_s: number;
  longest_duration_s: number;
}

export type Numbers = (number | null)[];

export interface Series {
  mean: Numbers;
  min: Numbers | null;
  max: Numbers | null;
}

export interface History {
  meter: string;
  from: string;
  until: string;
  source: "readings" | "15m" | "1h" | "1d";
  step_s: number | null;
  times: number[];
  series: Record<string, Series>;
}

export type Span = "day" | "week" | "month" | "year" | "all";

export interface Amount {
  energy: number;
  gap_energy: number;
  is_part: boolean;
  cost: number | null;
  unpriced: number;
}

export type Amounts = Record<string, Amount | null>;

export interface EnergyRow {
  from: string;
  until: string;
  label: string;
  amounts: Amounts;
}

export interface Gap {
  from: string;
  until: string;
  energies: Record<string, number>;
}

export interface Energy {
  meter: string;
  span: Span;
  from: string;
  until: string;
  now: string;
  currency: string | null;
  base_cost: number | null;
  counters: string[];
  unit: string;
  rows: EnergyRow[];
  totals: Amounts;
  gaps: Gap[];
  previous: string | null;
  next: string | null;
}

export interface BusState {
  name: string;
  port: string;
  trouble: string | null;
  load: number | null;
  requests: number;
  failures: number;
  answer_ms: number | null;
}

export interface MeterState {
  name: string;
  bus: string;
  address: number;
  readings: number;
  skipped: number;
  failures: Record<string, number>;
  silent_since: string | null;
  last: string | null;
}

export interface SinkState {
  name: string;
  backlog: number;
  error: string | null;
  last_success: string | null;
  shipped: number;
  refused: number;
}

export interface JournalState {
  path: string;
  bytes: number | null;
  written_bytes_per_day: number | null;
  disk_free_bytes: number | null;
  disk_used_percent: number | null;
}

export interface Alarm {
  name: string;
  subject: string;
  text: Translated;
  since: string;
}

export interface State {
  version: string;
  started: string;
  uptime_s: number;
  time: string;
  buses: BusState[];
  meters: MeterState[];
  sinks: SinkState[];
  journal: JournalState;
  memory_bytes: number | null;
  alarms: Alarm[];
  fast: Fast;
}

const BASE = "/api/v1";
// A year of energy takes a small computer a while; for ever is no answer.
const PATIENCE_MS = 30_000;

/** What the daemon did not answer as wished; `status` 0: it did not answer at all. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly retryAfterS: number | null = null,
  ) {
    super(message);
  }
}

let csrf: string | null = null;
let onLoggedOut: () => void = () => {};

/** Calls back when an answer says that nobody is logged in any more. */
export function whenLoggedOut(callback: () => void): void {
  onLoggedOut = callback;
}

async function request<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  const headers: Record<string, string> = { Accept: "application/json" };
  if (method !== "GET") {
    headers["Content-Type"] = "application/json";
    if (csrf !== null) headers["X-CSRF-Token"] = csrf;
  }
  const init: RequestInit = { method, headers, credentials: "same-origin", cache: "no-store" };
  if (body !== undefined) init.body = JSON.stringify(body);
  const abort = new AbortController();
  const giveUp = (): void => abort.abort();
  const timer = setTimeout(giveUp, PATIENCE_MS);
  signal?.addEventListener("abort", giveUp);
  init.signal = abort.signal;
  try {
    const response = await fetch(BASE + path, init);
    if (!response.ok) {
      if (response.status === 401 && path !== "/session") onLoggedOut();
      throw await problem(response);
    }
    return (await response.json()) as T;
  } catch (error) {
    if (error instanceof ApiError || signal?.aborted) throw error;
    throw new ApiError(0, "");
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", giveUp);
  }
}

async function problem(response: Response): Promise<ApiError> {
  const retryAfter = Number(response.headers.get("Retry-After") ?? Number.NaN);
  let text = response.statusText;
  try {
    const body = (await response.json()) as { detail?: unknown; title?: unknown };
    if (typeof body.detail === "string") text = body.detail;
    else if (typeof body.title === "string") text = body.title;
  } catch {
    // Not every proxy's error page is JSON.
  }
  return new ApiError(response.status, text, Number.isNaN(retryAfter) ? null : retryAfter);
}

async function session(method: "GET" | "POST" | "DELETE", body?: unknown): Promise<Session> {
  const answer = await request<Session>(method, "/session", body);
  csrf = answer.csrf;
  return answer;
}

export const getSession = (): Promise<Session> => session("GET");
export const login = (password: string): Promise<Session> => session("POST", { password });
export const logout = (): Promise<Session> => session("DELETE", {});
export const getHouse = (): Promise<House> => request("GET", "/meters");
export const getLatest = (): Promise<Latest> => request("GET", "/latest");
export const getState = (): Promise<State> => request("GET", "/state");
export const startFast = (interval_s: number, duration_s: number): Promise<FastEvent> =>
  request("POST", "/fast", { interval_s, duration_s });

export interface HistoryQuery {
  meter: string;
  measurands: readonly string[];
  fromMs: number;
  untilMs: number;
  points: number;
}

function historyPath(query: HistoryQuery): string {
  const parameters = new URLSearchParams({ meter: query.meter });
  for (const id of query.measurands) parameters.append("measurand", id);
  parameters.set("from", new Date(query.fromMs).toISOString());
  parameters.set("until", new Date(query.untilMs).toISOString());
  parameters.set("points", String(query.points));
  return `/history?${parameters}`;
}

export const getHistory = (query: HistoryQuery, signal?: AbortSignal): Promise<History> =>
  request("GET", historyPath(query), undefined, signal);
export const historyCsv = (query: HistoryQuery): string => `${BASE}${historyPath(query)}&format=csv`;

export interface EnergyQuery {
  meter: string;
  span: Span;
  date: string | null;
}

function energyPath(query: EnergyQuery): string {
  const parameters = new URLSearchParams({ meter: query.meter, span: query.span });
  if (query.date !== null) parameters.set("date", query.date);
  return `/energy?${parameters}`;
}

export const getEnergy = (query: EnergyQuery, signal?: AbortSignal): Promise<Energy> =>
  request("GET", energyPath(query), undefined, signal);
export const energyCsv = (query: EnergyQuery): string => `${BASE}${energyPath(query)}&format=csv`;

export const eventsAddress = `${BASE}/events`;
