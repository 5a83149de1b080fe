/** Pieces that several views are made of. */

import { ApiError, type Meter } from "./api.ts";
import { type Child, h, hidden } from "./dom.ts";
import { t } from "./i18n.ts";
import { icon, type Icon } from "./icons.ts";

export function iconButton(name: Icon, label: string, onclick: () => void): HTMLButtonElement {
  return h("button", { type: "button", class: "button square", title: label, "aria-label": label, onclick }, icon(name));
}

/** Buttons of which one is pressed. */
export function choice<T extends string>(
  label: string,
  options: readonly (readonly [T, string])[],
  chosen: T | null,
  onchoose: (option: T) => void,
): HTMLElement {
  return h(
    "div",
    { class: "choice", role: "group", "aria-label": label },
    ...options.map(([option, text]) =>
      h("button", { type: "button", "aria-pressed": option === chosen ? "true" : "false", onclick: () => onchoose(option) }, text),
    ),
  );
}

export function meterChoice(meters: readonly Meter[], chosen: string, onchoose: (name: string) => void): Child {
  if (meters.length < 2) return null;
  const select = h(
    "select",
    { onchange: () => onchoose(select.value) },
    ...meters.map(({ name }) => h("option", { value: name, selected: name === chosen }, name)),
  );
  return h("label", { class: "field" }, hidden(t("meter")), select);
}

export const csvLink = (href: string): HTMLAnchorElement =>
  h("a", { class: "button download", href, download: "", title: t("csv_download") }, icon("download"), h("span", {}, t("csv")), hidden(` – ${t("csv_download")}`));

/** What to say of an error that the daemon or the way to it gave. */
export function errorText(error: unknown): string {
  if (error instanceof ApiError) return error.status === 0 ? t("no_answer") : t("failed", { text: error.message });
  return t("failed", { text: String(error) });
}

export function errorBox(error: unknown, retry: () => void): HTMLElement {
  return h(
    "div",
    { class: "notice bad", role: "alert" },
    icon("warning"),
    h("p", {}, errorText(error)),
    h("button", { type: "button", class: "button", onclick: retry }, t("retry")),
  );
}

export interface Column {
  head: string;
  number?: boolean;
}

export interface TableOptions {
  foot?: readonly Child[];
  /** On a narrow screen every row is a block of its own, with its heads beside the values. */
  stacks?: boolean;
}

/**
 * A table with a head; the first column has the heads of rows. Where there is no room it scrolls sideways by itself.
 * Roles are written out, because browsers forget them where style makes blocks of rows.
 */
export function table(caption: string, columns: readonly Column[], rows: readonly (readonly Child[])[], { foot, stacks }: TableOptions = {}): HTMLElement {
  const cell = (child: Child, index: number): HTMLElement =>
    index === 0
      ? h("th", { scope: "row", role: "rowheader" }, child)
      : h("td", { role: "cell", class: columns[index]?.number ? "number" : null, "data-head": columns[index]?.head }, child);
  const line = (cells: readonly Child[]): HTMLElement => h("tr", { role: "row" }, ...cells.map(cell));
  const heads = columns.map(({ head, number }) => h("th", { scope: "col", role: "columnheader", class: number ? "number" : null }, head));
  return h(
    "div",
    { class: stacks ? "scroll stacks" : "scroll", tabindex: "0", role: "region", "aria-label": caption },
    h(
      "table",
      { role: "table" },
      h("caption", { class: "sr" }, caption),
      h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, ...heads)),
      h("tbody", { role: "rowgroup" }, ...rows.map(line)),
      foot ? h("tfoot", { role: "rowgroup" }, line(foot)) : null,
    ),
  );
}
