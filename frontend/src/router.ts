/** Views and their parameters in the address: "#/history?meter=house&span=day". */

export const VIEWS = ["now", "history", "energy", "state"] as const;
export type View = (typeof VIEWS)[number];

export interface Route {
  view: View;
  parameters: URLSearchParams;
}

export function parseRoute(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?");
  const view = VIEWS.find((each) => each === path) ?? "now";
  return { view, parameters: new URLSearchParams(query) };
}

export function address(view: View, parameters?: URLSearchParams | Record<string, string>): string {
  const query = new URLSearchParams(parameters).toString();
  return `#/${view}${query ? `?${query}` : ""}`;
}

/** Goes there; `replace` leaves no step to go back to. */
export function go(to: string, replace = false): void {
  if (to === location.hash) return;
  if (replace) {
    history.replaceState(null, "", to);
    window.dispatchEvent(new HashChangeEvent("hashchange"));
  } else location.hash = to;
}
