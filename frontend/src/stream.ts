/** The daemon's events, and whether they still come. */

import { eventsAddress, getSession, type Alarm, type FastEvent, type Latest, type MeterEvent, type ReadingEvent } from "./api.ts";
import { atLeast, setDaemonTime } from "./clock.ts";

export type Connection = "connecting" | "open" | "lost";

export interface Handlers {
  latest(event: Latest): void;
  reading(event: ReadingEvent): void;
  meter(event: MeterEvent): void;
  fast(event: FastEvent): void;
  alarms(event: { alarms: Alarm[] }): void;
  connection(connection: Connection): void;
  loggedOut(): void;
}

// The daemon says something at least every 15 s.
const SILENCE_MS = 40_000;
const CHECK_EVERY_MS = 5000;
// A browser allows six connections to a host: a page that nobody sees must not hold one.
const HIDDEN_MS = 60_000;
const RETRY_MS = [1000, 2000, 5000, 10_000];

export class Stream {
  readonly #handlers: Handlers;
  #source: EventSource | null = null;
  #heardMs = 0;
  #tries = 0;
  #retry: number | undefined;
  #hide: number | undefined;
  readonly #check: number;
  readonly #onVisibility = (): void => this.#visibility();

  constructor(handlers: Handlers) {
    this.#handlers = handlers;
    this.#check = window.setInterval(() => this.#lookWhetherHeard(), CHECK_EVERY_MS);
    document.addEventListener("visibilitychange", this.#onVisibility);
    window.addEventListener("online", this.#onVisibility);
    handlers.connection("connecting");
    this.#open();
  }

  close(): void {
    this.#drop();
    window.clearInterval(this.#check);
    window.clearTimeout(this.#hide);
    document.removeEventListener("visibilitychange", this.#onVisibility);
    window.removeEventListener("online", this.#onVisibility);
  }

  #drop(): void {
    window.clearTimeout(this.#retry);
    this.#source?.close();
    this.#source = null;
  }

  #open(): void {
    this.#drop();
    const source = new EventSource(eventsAddress);
    this.#source = source;
    this.#heardMs = Date.now();
    source.addEventListener("open", () => this.#heard());
    source.addEventListener("error", () => this.#failed());
    this.#on<Latest>(source, "latest", (event) => {
      setDaemonTime(Date.parse(event.time));
      this.#handlers.latest(event);
    });
    this.#on<ReadingEvent>(source, "reading", (event) => {
      atLeast(Date.parse(event.time));
      this.#handlers.reading(event);
    });
    this.#on<MeterEvent>(source, "meter", (event) => this.#handlers.meter(event));
    this.#on<FastEvent>(source, "fast", (event) => this.#handlers.fast(event));
    this.#on<{ alarms: Alarm[] }>(source, "alarms", (event) => this.#handlers.alarms(event));
    // Comments reach no script, so a sign of life has to be an event.
    this.#on<{ time: string }>(source, "alive", (event) => {
      setDaemonTime(Date.parse(event.time));
    });
  }

  #on<T>(source: EventSource, name: string, handle: (event: T) => void): void {
    source.addEventListener(name, (event) => {
      this.#heard();
      handle(JSON.parse((event as MessageEvent<string>).data) as T);
    });
  }

  #heard(): void {
    this.#heardMs = Date.now();
    this.#tries = 0;
    this.#handlers.connection("open");
  }

  #failed(): void {
    if (document.hidden && this.#source === null) return;
    this.#handlers.connection("lost");
    this.#drop();
    const wait = RETRY_MS[Math.min(this.#tries, RETRY_MS.length - 1)];
    this.#tries += 1;
    this.#retry = window.setTimeout(() => void this.#again(), wait);
  }

  async #again(): Promise<void> {
    // An event source does not say why it failed; the session does.
    try {
      const { login_required, authenticated } = await getSession();
      if (login_required && !authenticated) this.#handlers.loggedOut();
      else this.#open();
    } catch {
      this.#failed();
    }
  }

  #lookWhetherHeard(): void {
    if (this.#source && Date.now() - this.#heardMs > SILENCE_MS) this.#failed();
  }

  #visibility(): void {
    window.clearTimeout(this.#hide);
    if (document.hidden) this.#hide = window.setTimeout(() => this.#drop(), HIDDEN_MS);
    else if (this.#source === null || Date.now() - this.#heardMs > SILENCE_MS) this.#open();
  }
}
