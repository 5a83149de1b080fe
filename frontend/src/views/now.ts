/** Now: a card for each meter. */

import type { App, Mounted } from "../app.ts";
import { everySecond } from "../clock.ts";
import { h } from "../dom.ts";
import { t } from "../i18n.ts";
import { Card } from "./card.ts";

export function nowView(app: App): Mounted {
  const cards = new Map(app.house.meters.map((meter) => [meter.name, new Card(app, meter)]));
  const byElement = new Map([...cards.values()].map((card) => [card.element as Element, card]));
  // Thirty meters are not all on the screen: what has to be asked for is asked for when it comes into sight.
  const observer = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) byElement.get(target)?.setVisible(isIntersecting);
    },
    { rootMargin: "200px" },
  );
  for (const card of cards.values()) observer.observe(card.element);
  const endings = [
    app.live.listen((name) => cards.get(name)?.show()),
    everySecond(() => {
      for (const card of cards.values()) card.tick();
    }),
  ];
  return {
    element: h(
      "div",
      { class: "view" },
      h("h1", { class: "sr" }, t("now")),
      cards.size === 0 ? h("p", { class: "notice" }, t("no_meters")) : null,
      h("div", { class: cards.size === 1 ? "cards single" : "cards" }, ...[...cards.values()].map((card) => card.element)),
    ),
    update: () => {},
    destroy: () => {
      observer.disconnect();
      for (const end of endings) end();
    },
  };
}
