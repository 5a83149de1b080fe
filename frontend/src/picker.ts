/** The choice of measurands: grouped, searchable. */

import type { Measurand } from "./api.ts";
import { h, replace } from "./dom.ts";
import { inLanguage, t } from "./i18n.ts";
import { iconButton } from "./parts.ts";
import { grouped } from "./measurands.ts";

export const AT_MOST = 20;

export interface PickerEvents {
  choose(ids: string[]): void;
  close(): void;
}

/** The texts that a word must be in for a measurand to be found: its names in both languages, its id and its group. */
export function isFound(measurand: Measurand, group: string, search: string): boolean {
  const text = `${measurand.label.en} ${measurand.label.de} ${measurand.id} ${group}`.toLowerCase();
  return search.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

export function picker(measurands: readonly Measurand[], chosen: readonly string[], events: PickerEvents): HTMLElement {
  const ids = new Set(chosen);
  const boxes = new Map<string, HTMLInputElement>();
  const list = h("div", { class: "groups" });
  const note = h("p", { class: "dim", role: "status" });
  const changed = (): void => {
    for (const [id, box] of boxes) {
      box.checked = ids.has(id);
      box.disabled = !box.checked && ids.size >= AT_MOST;
    }
    note.textContent = ids.size >= AT_MOST ? t("at_most", { number: AT_MOST }) : "";
    // In the order of the vocabulary, so that colours do not depend on the order of clicks.
    events.choose(measurands.filter(({ id }) => ids.has(id)).map(({ id }) => id));
  };
  const search = h("input", { type: "search", placeholder: t("search"), "aria-label": t("search"), autocomplete: "off", spellcheck: "false" });
  const fill = (): void => {
    boxes.clear();
    const groups = grouped(measurands)
      .map(([group, members]) => [group, members.filter((each) => isFound(each, t(group), search.value))] as const)
      .filter(([, members]) => members.length > 0);
    replace(list, ...groups.map(([group, members]) => fieldset(t(group), members)), groups.length === 0 && h("p", { class: "dim" }, t("nothing_found")));
  };
  const fieldset = (title: string, members: readonly Measurand[]): HTMLElement => {
    const all = h(
      "button",
      {
        type: "button",
        class: "link",
        "aria-label": `${title}: ${t("all_of")} / ${t("none_of")}`,
        onclick: () => {
          const isAll = members.every(({ id }) => ids.has(id));
          for (const { id } of members) {
            if (isAll) ids.delete(id);
            else if (ids.size < AT_MOST) ids.add(id);
          }
          changed();
        },
      },
      `${t("all_of")} / ${t("none_of")}`,
    );
    return h(
      "fieldset",
      {},
      h("legend", {}, title, " ", members.length > 1 ? all : null),
      ...members.map((measurand) => {
        const box = h("input", { type: "checkbox" });
        box.checked = ids.has(measurand.id);
        box.disabled = !box.checked && ids.size >= AT_MOST;
        box.addEventListener("change", () => {
          if (box.checked) ids.add(measurand.id);
          else ids.delete(measurand.id);
          changed();
        });
        boxes.set(measurand.id, box);
        return h("label", {}, box, h("span", {}, inLanguage(measurand.label)), h("span", { class: "dim" }, measurand.unit));
      }),
    );
  };
  search.addEventListener("input", fill);
  fill();
  const element = h(
    "section",
    {
      class: "card picker",
      "aria-label": t("choose"),
      onkeydown: (event: KeyboardEvent) => {
        if (event.key === "Escape") events.close();
      },
    },
    h("div", { class: "picker-head" }, search, iconButton("cross", t("close"), events.close)),
    note,
    list,
  );
  queueMicrotask(() => search.focus());
  return element;
}
