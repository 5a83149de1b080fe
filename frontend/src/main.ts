/** The page's beginning: who is there, what the house has, and then one view at a time. */

import "./style/page.css";
import { ApiError, getHouse, getLatest, getSession, type House, logout, type Session, whenLoggedOut } from "./api.ts";
import type { App, MakeView, Mounted } from "./app.ts";
import { setDaemonTime } from "./clock.ts";
import { h, replace, setText } from "./dom.ts";
import { Times } from "./format.ts";
import { keepLanguage, language, preferredLanguage, setLanguage, t } from "./i18n.ts";
import { Live } from "./live.ts";
import { loginForm } from "./login.ts";
import { errorBox } from "./parts.ts";
import { parseRoute, type Route, type View } from "./router.ts";
import { makeShell, type Shell } from "./shell.ts";
import { Stream } from "./stream.ts";
import { applyTheme } from "./theme.ts";
import { energyView } from "./views/energy.ts";
import { nowView } from "./views/now.ts";
import { stateView } from "./views/state.ts";
import { Zone } from "./zone.ts";

const root = document.getElementById("app") as HTMLElement;
const announcer = h("div", { class: "sr", role: "status", "aria-live": "polite" });
root.after(announcer);

// The charts of history are the largest part of the page, and not needed at first.
const LOADERS: Record<View, () => MakeView | Promise<MakeView>> = {
  now: () => nowView,
  history: async () => (await import("./views/history.ts")).historyView,
  energy: () => energyView,
  state: () => stateView,
};

let stop: () => void = () => {};

function showLanguage(): void {
  document.documentElement.lang = language();
}

async function begin(): Promise<void> {
  stop();
  stop = () => {};
  try {
    const live = new Live();
    const [session, house, latest] = await Promise.all([getSession(), orLoggedOut(getHouse()), orLoggedOut(getLatest())]);
    if (house === null || latest === null || (session.login_required && !session.authenticated)) {
      showLogin();
      return;
    }
    setDaemonTime(Date.parse(latest.time));
    live.latest(latest);
    run(session, house, live);
  } catch (error) {
    replace(root, h("main", { class: "alone" }, errorBox(error, () => void begin())));
  }
}

/** Null where nobody is logged in. */
async function orLoggedOut<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return null;
    throw error;
  }
}

function showLogin(): void {
  stop();
  stop = () => {};
  // Several requests may be refused, one after the other; what was typed meanwhile stays.
  if (root.querySelector("form.login")) return;
  document.title = `${t("log_in")} – Smartmeter`;
  replace(root, h("main", { class: "alone" }, loginForm(() => void begin())));
}

function run(session: Session, house: House, live: Live): void {
  const listeners = new Set<() => void>();
  const tell = (): void => {
    for (const listener of listeners) listener();
  };
  const zone = new Zone(house.site.timezone);
  const app: App = {
    house,
    zone,
    times: new Times(zone, language()),
    live,
    fast: null,
    alarms: null,
    connection: "connecting",
    listen: (callback) => {
      listeners.add(callback);
      return () => listeners.delete(callback);
    },
    announce: (text) => {
      setText(announcer, "");
      window.setTimeout(() => setText(announcer, text), 50);
    },
  };
  let shell: Shell | null = null;
  let mounted: Mounted | null = null;
  let shown: Route | null = null;

  const show = async (): Promise<void> => {
    if (shell === null) return;
    const route = parseRoute(location.hash);
    if (mounted && shown?.view === route.view) {
      shown = route;
      mounted.update(route.parameters);
      return;
    }
    const isFirst = shown === null;
    shown = route;
    mounted?.destroy();
    mounted = null;
    shell.show(route.view);
    document.title = `${t(route.view)} – Smartmeter`;
    let make: MakeView;
    try {
      make = await LOADERS[route.view]();
    } catch (error) {
      // Not there any more after an update of the daemon; the new page knows the new name.
      if (shown === route && shell !== null) replace(shell.main, errorBox(new ApiError(0, String(error)), () => location.reload()));
      return;
    }
    // The reader may have gone on while it was loading.
    if (shown !== route || shell === null) return;
    mounted = make(app, route.parameters);
    replace(shell.main, mounted.element);
    if (!isFirst) {
      window.scrollTo(0, 0);
      const heading = shell.main.querySelector("h1");
      heading?.setAttribute("tabindex", "-1");
      heading?.focus({ preventScroll: true });
    }
  };
  const onhashchange = (): void => void show();
  const frame = (): void => {
    mounted?.destroy();
    mounted = null;
    shown = null;
    shell?.destroy();
    showLanguage();
    app.times = new Times(zone, language());
    shell = makeShell(app, {
      switchLanguage: () => {
        keepLanguage(language() === "en" ? "de" : "en");
        frame();
        root.querySelector<HTMLElement>("button[lang]")?.focus();
      },
      logout: session.login_required ? () => void logout().finally(() => void begin()) : null,
    });
    replace(root, shell.element);
    void show();
  };
  frame();

  const stream = new Stream({
    latest: (event) => live.latest(event),
    reading: (event) => live.reading(event),
    meter: (event) => live.silence(event),
    fast: (event) => {
      app.fast = event;
      tell();
    },
    alarms: ({ alarms }) => {
      app.alarms = alarms;
      tell();
    },
    loggedOut: showLogin,
    connection: (connection) => {
      if (app.connection === connection) return;
      app.connection = connection;
      tell();
    },
  });
  window.addEventListener("hashchange", onhashchange);
  stop = () => {
    stream.close();
    window.removeEventListener("hashchange", onhashchange);
    mounted?.destroy();
    shell?.destroy();
    shell = null;
  };
}

applyTheme();
setLanguage(preferredLanguage());
showLanguage();
whenLoggedOut(showLogin);
void begin();
