/** The frame around the views: name, navigation, how the connection is, language, appearance. */

import type { App } from "./app.ts";
import { everySecond, nowMs } from "./clock.ts";
import { h, hidden, replace, setAttribute, setText } from "./dom.ts";
import { age, countdown } from "./format.ts";
import { language, t } from "./i18n.ts";
import { icon } from "./icons.ts";
import { address, type View, VIEWS } from "./router.ts";
import { keepTheme, theme, THEMES } from "./theme.ts";

export interface Shell {
  element: HTMLElement;
  main: HTMLElement;
  show(view: View): void;
  destroy(): void;
}

export interface ShellActions {
  switchLanguage(): void;
  /** Null where nobody has to log in. */
  logout: (() => void) | null;
}

// A connection that comes back at once is no news.
const LOST_AFTER_MS = 4000;

export function makeShell(app: App, actions: ShellActions): Shell {
  const links = new Map(
    VIEWS.map((view) => [view, h("a", { href: address(view) }, icon(view), h("span", {}, t(view)))] as const),
  );
  const badge = h("span", { class: "badge", hidden: true });
  links.get("state")?.append(badge);
  const status = h("span", { class: "status" });
  const left = h("span", {});
  const fast = h("a", { class: "fast", href: address("state"), title: t("fast"), hidden: true }, icon("fast"), hidden(`${t("fast")}: `), left);
  const banner = h("p", { class: "banner", hidden: true });
  const main = h("main", { id: "main", tabindex: "-1" });

  const themeButton = h("button", { type: "button", class: "button quiet square" });
  const showTheme = (): void => {
    const label = `${t("theme")}: ${t(`theme_${theme()}`)}`;
    setAttribute(themeButton, "aria-label", label);
    setAttribute(themeButton, "title", label);
    replace(themeButton, icon(theme()));
  };
  themeButton.addEventListener("click", () => {
    keepTheme(THEMES[(THEMES.indexOf(theme()) + 1) % THEMES.length] ?? "auto");
    showTheme();
    app.announce(`${t("theme")}: ${t(`theme_${theme()}`)}`);
  });
  showTheme();

  const other = language() === "en" ? "de" : "en";
  const languageButton = h(
    "button",
    { type: "button", class: "button quiet square", lang: other, title: t(other === "de" ? "to_german" : "to_english"), onclick: actions.switchLanguage },
    other.toUpperCase(),
    hidden(` – ${t(other === "de" ? "to_german" : "to_english")}`),
  );

  let lostSinceMs: number | null = null;
  let shown = app.connection;
  const tick = (): void => {
    const now = Date.now();
    lostSinceMs = app.connection === "open" ? null : (lostSinceMs ?? now);
    const isLost = lostSinceMs !== null && now - lostSinceMs >= LOST_AFTER_MS;
    const connection = isLost ? "lost" : app.connection === "open" ? "open" : "connecting";
    setAttribute(document.documentElement, "data-connection", connection);
    setText(status, connection === "open" ? t("live") : connection === "lost" ? t("lost") : t("connecting"));
    setAttribute(status, "data-connection", connection);
    banner.hidden = !isLost;
    if (lostSinceMs !== null) setText(banner, t("lost_detail", { age: age(now - lostSinceMs) }));
    if (isLost && shown !== "lost") app.announce(t("lost"));
    if (shown === "lost" && connection === "open") app.announce(t("back"));
    if (isLost || connection === "open") shown = connection;

    const untilMs = app.fast?.active && app.fast.until !== null ? Date.parse(app.fast.until) : null;
    fast.hidden = !app.fast?.active;
    setText(left, untilMs === null ? "" : countdown(untilMs - nowMs()));
    badge.hidden = !app.alarms?.length;
    if (app.alarms?.length) replace(badge, String(app.alarms.length), hidden(` ${t("alarms")}`));
  };
  tick();
  const endings = [everySecond(tick), app.listen(tick)];

  const element = h(
    "div",
    { class: "frame" },
    h("a", { class: "skip", href: "#main", onclick: (event: Event) => { event.preventDefault(); main.focus(); } }, t("skip")),
    h(
      "header",
      {},
      h("a", { class: "name", href: address("now") }, icon("now"), h("span", {}, "Smartmeter")),
      h("nav", { "aria-label": t("views") }, ...links.values()),
      h(
        "div",
        { class: "tools" },
        fast,
        status,
        languageButton,
        themeButton,
        actions.logout
          ? h("button", { type: "button", class: "button quiet square", title: t("log_out"), "aria-label": t("log_out"), onclick: actions.logout }, icon("logout"))
          : null,
      ),
    ),
    banner,
    main,
  );
  return {
    element,
    main,
    show: (view) => {
      for (const [each, link] of links) setAttribute(link, "aria-current", each === view ? "page" : null);
    },
    destroy: () => {
      for (const end of endings) end();
    },
  };
}
