/** State: how measuring itself fares, and the fast interval. */

import { type Fast, getState, startFast, type State } from "../api.ts";
import type { App, Mounted } from "../app.ts";
import { everySecond, nowMs } from "../clock.ts";
import { type Child, h, hidden, replace, setText } from "../dom.ts";
import { amount, bytes, countdown, lasting, NO_VALUE, number } from "../format.ts";
import { inLanguage, language, t } from "../i18n.ts";
import { icon } from "../icons.ts";
import { errorBox, errorText, table } from "../parts.ts";
import { MINUTE_MS, SECOND_MS } from "../zone.ts";

// Whatever comes by the stream is the occasion to look again, but not more often.
const AGAIN_MS = 10 * SECOND_MS;

export function stateView(app: App): Mounted {
  return new StateView(app);
}

class StateView implements Mounted {
  readonly element = h("div", { class: "view state" });
  readonly #app: App;
  readonly #alarms = h("section", { class: "card" });
  readonly #body = h("div", { class: "view" });
  readonly #fast: FastForm;
  readonly #endings: (() => void)[];
  #isLoading = false;
  #loadedMs = 0;
  #isThere = false;

  constructor(app: App) {
    this.#app = app;
    this.#fast = new FastForm(app);
    this.#endings = [app.live.listen(() => this.#again()), everySecond(() => this.#fast.tick()), app.listen(() => this.#fast.tick())];
    replace(this.element, h("h1", { class: "sr" }, t("state")), this.#body);
    void this.#load();
  }

  update(): void {}

  destroy(): void {
    for (const end of this.#endings) end();
  }

  #again(): void {
    if (!document.hidden && nowMs() - this.#loadedMs > AGAIN_MS) void this.#load();
  }

  async #load(): Promise<void> {
    if (this.#isLoading) return;
    this.#isLoading = true;
    try {
      this.#show(await getState());
    } catch (error) {
      if (!this.#isThere) replace(this.#body, errorBox(error, () => void this.#load()));
    } finally {
      this.#isLoading = false;
      this.#loadedMs = nowMs();
    }
  }

  #show(state: State): void {
    this.#app.alarms = state.alarms;
    const { times } = this.#app;
    const near = (time: string | null): string => (time === null ? t("never") : times.near(Date.parse(time), nowMs()));
    this.#fast.show(state.fast);
    this.#showAlarms(state, near);
    const sections = [this.#buses(state), this.#meters(state, near), this.#sinks(state, near), this.#journal(state), this.#program(state)];
    if (!this.#isThere) {
      replace(this.#body, h("div", { class: "beside" }, this.#alarms, this.#fast.element), ...sections);
      this.#isThere = true;
      return;
    }
    // What is scrolled or has the focus in the first ones stays as it is.
    const old = [...this.#body.children].slice(1);
    const focused = old.findIndex((each) => each.contains(document.activeElement));
    sections.forEach((section, index) => {
      old[index]?.replaceWith(section);
      if (index === focused) section.querySelector<HTMLElement>("[tabindex]")?.focus({ preventScroll: true });
    });
  }

  #showAlarms(state: State, near: (time: string | null) => string): void {
    this.#alarms.classList.toggle("alarming", state.alarms.length > 0);
    replace(
      this.#alarms,
      h("h2", {}, t("alarms")),
      state.alarms.length === 0
        ? h("p", { class: "fine" }, icon("check"), t("no_alarms"))
        : h(
            "ul",
            { class: "alarms" },
            ...state.alarms.map(({ text, since, subject }) =>
              h("li", {}, icon("warning"), h("span", {}, h("strong", {}, inLanguage(text)), subject && !inLanguage(text).includes(subject) ? ` (${subject})` : ""), h("span", { class: "dim" }, t("since", { time: near(since) }))),
            ),
          ),
    );
  }

  #buses({ buses }: State): HTMLElement {
    const rows = buses.map((bus): Child[] => [
      h("span", {}, bus.name, h("span", { class: "dim block" }, bus.port)),
      bus.trouble === null ? good(t("fine")) : bad(bus.trouble),
      bus.load === null ? NO_VALUE : load(bus.load),
      number(bus.requests, 0, language()),
      count(bus.failures),
      bus.answer_ms === null ? NO_VALUE : amount(bus.answer_ms, 0, "ms", language()),
    ]);
    const columns = [
      { head: t("bus") },
      { head: t("status") },
      { head: t("load"), number: true },
      { head: t("requests"), number: true },
      { head: t("failures"), number: true },
      { head: t("answer_time"), number: true },
    ];
    return section(t("buses"), table(t("buses"), columns, rows, { stacks: true }));
  }

  #meters({ meters }: State, near: (time: string | null) => string): HTMLElement {
    const rows = meters.map((meter): Child[] => {
      const failures = Object.entries(meter.failures).filter(([, number]) => number > 0);
      const sum = failures.reduce((total, [, each]) => total + each, 0);
      const kinds = failures.map(([name, each]) => `${name.replace(/Error$/, "")} ${number(each, 0, language())}`).join(", ");
      return [
        h("span", {}, meter.name, h("span", { class: "dim block" }, `${meter.bus}, ${t("address")} ${meter.address}`)),
        meter.silent_since === null ? good(t("fine")) : bad(t("silent_since", { time: near(meter.silent_since) })),
        near(meter.last),
        number(meter.readings, 0, language()),
        count(meter.skipped),
        h("span", {}, count(sum), kinds && h("span", { class: "dim block" }, kinds)),
      ];
    });
    const columns = [
      { head: t("meter") },
      { head: t("status") },
      { head: t("last_reading"), number: true },
      { head: t("readings"), number: true },
      { head: t("skipped"), number: true },
      { head: t("failures"), number: true },
    ];
    return section(t("meters"), table(t("meters"), columns, rows, { stacks: true }));
  }

  #sinks({ sinks }: State, near: (time: string | null) => string): HTMLElement {
    if (sinks.length === 0) return section(t("sinks"), h("p", { class: "dim" }, t("no_sinks")));
    const rows = sinks.map((sink): Child[] => [
      sink.name,
      sink.error === null ? good(t("fine")) : bad(sink.error),
      number(sink.backlog, 0, language()),
      near(sink.last_success),
      number(sink.shipped, 0, language()),
      count(sink.refused),
    ]);
    const columns = [
      { head: t("sink") },
      { head: t("status") },
      { head: t("backlog"), number: true },
      { head: t("last_success"), number: true },
      { head: t("shipped"), number: true },
      { head: t("refused"), number: true },
    ];
    return section(t("sinks"), table(t("sinks"), columns, rows, { stacks: true }));
  }

  #journal({ journal }: State): HTMLElement {
    const used = journal.disk_used_percent;
    return section(
      t("journal"),
      facts([
        [t("size"), bytes(journal.bytes, language())],
        [t("written_per_day"), bytes(journal.written_bytes_per_day, language())],
        [
          t("disk_free"),
          h(
            "span",
            {},
            bytes(journal.disk_free_bytes, language()),
            used === null ? null : h("span", { class: "dim block" }, t("disk_used", { percent: amount(used, 0, "%", language()) })),
          ),
        ],
        [t("file"), h("span", { class: "path" }, journal.path)],
      ]),
    );
  }

  #program(state: State): HTMLElement {
    const { times } = this.#app;
    return section(
      t("program"),
      facts([
        [t("version"), state.version],
        [t("runs_since"), lasting(state.uptime_s * 1000)],
        [t("started"), times.moment(Date.parse(state.started))],
        [t("memory"), bytes(state.memory_bytes, language())],
        [t("site_zone"), this.#app.house.site.timezone],
      ]),
      h("p", { class: "dim" }, t("as_of", { time: times.clockSecond(Date.parse(state.time)) })),
    );
  }
}

const section = (title: string, ...children: Child[]): HTMLElement => h("section", { class: "card" }, h("h2", {}, title), ...children);

const good = (text: string): HTMLElement => h("span", { class: "good" }, icon("check"), text);
const bad = (text: string): HTMLElement => h("span", { class: "bad" }, icon("warning"), text);

/** A number that should be none. */
const count = (value: number): HTMLElement => h("span", { class: value > 0 ? "some" : "dim" }, number(value, 0, language()));

function load(share: number): HTMLElement {
  const percent = Math.round(share * 100);
  return h(
    "span",
    { class: "load" },
    h("meter", { min: 0, max: 100, high: 80, value: percent, "aria-label": t("load") }),
    amount(percent, 0, "%", language()),
  );
}

function facts(entries: readonly (readonly [string, Child])[]): HTMLElement {
  return h("dl", { class: "facts wide" }, ...entries.map(([name, value]) => h("div", { class: "fact" }, h("dt", {}, name), h("dd", {}, value))));
}

/** The button for the fast interval, and what is left of it. */
class FastForm {
  readonly element: HTMLElement;
  readonly #app: App;
  readonly #interval = h("input", { type: "number", required: true, step: "any", inputmode: "decimal" });
  readonly #duration = h("input", { type: "number", required: true, min: 1, step: 1, inputmode: "numeric" });
  readonly #button = h("button", { type: "submit", class: "button primary" }, icon("fast"));
  readonly #buttonText = h("span", {});
  readonly #status = h("p", { class: "fast-status" });
  readonly #error = h("p", { class: "error", role: "alert" });
  #fast: Fast | null = null;
  #isFilled = false;

  constructor(app: App) {
    this.#app = app;
    this.#button.append(this.#buttonText);
    this.element = h(
      "section",
      { class: "card" },
      h("h2", {}, t("fast")),
      h("p", { class: "dim" }, t("fast_explained")),
      h(
        "form",
        {
          class: "fast-form",
          onsubmit: (event: SubmitEvent) => {
            event.preventDefault();
            void this.#start();
          },
        },
        h("label", {}, t("fast_every"), " ", this.#interval, " ", t("seconds")),
        h("label", {}, t("fast_for"), " ", this.#duration, " ", t("minutes")),
        this.#button,
      ),
      this.#status,
      this.#error,
    );
  }

  show(fast: Fast): void {
    this.#fast = fast;
    this.#app.fast = fast;
    if (!this.#isFilled) {
      this.#isFilled = true;
      this.#interval.value = String(fast.default_interval_s);
      this.#interval.min = String(fast.shortest_interval_s);
      this.#duration.value = String(Math.max(1, Math.round(fast.default_duration_s / 60)));
      this.#duration.max = String(Math.floor(fast.longest_duration_s / 60));
    }
    this.tick();
  }

  tick(): void {
    const fast = this.#app.fast ?? this.#fast;
    const left = fast?.active && fast.until !== null ? Date.parse(fast.until) - nowMs() : null;
    const isActive = fast?.active === true && (left === null || left > 0);
    setText(this.#buttonText, t(isActive ? "fast_longer" : "fast_start"));
    setText(
      this.#status,
      isActive && fast && fast.interval_s !== null
        ? t("fast_active", { interval: amount(fast.interval_s, Number.isInteger(fast.interval_s) ? 0 : 1, "s", language()), time: left === null ? "" : countdown(left) })
        : t("fast_inactive"),
    );
    this.#status.classList.toggle("active", isActive);
  }

  async #start(): Promise<void> {
    this.#button.disabled = true;
    replace(this.#error);
    try {
      const fast = await startFast(Number(this.#interval.value), Math.round(Number(this.#duration.value) * (MINUTE_MS / SECOND_MS)));
      this.#app.fast = fast;
      this.tick();
      this.#app.announce(this.#status.textContent ?? "");
    } catch (error) {
      replace(this.#error, errorText(error), hidden("."));
    } finally {
      this.#button.disabled = false;
    }
  }
}
