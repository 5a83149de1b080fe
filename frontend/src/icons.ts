/** Small drawings of lines, in the colour of the text around. Screen readers do not see them. */

import { s } from "./dom.ts";

const PATHS = {
  now: "M13 2 4 14h7l-1 8 9-12h-7z",
  history: "M3 3v18h18M7 15l4-5 3 3 5-7",
  energy: "M4 20V10M10 20V4M16 20v-7M22 20H2",
  state: "M2 12h4l3-8 5 16 3-8h5",
  left: "m15 5-7 7 7 7",
  right: "m9 5 7 7-7 7",
  down: "M12 4v15m-6-6 6 6 6-6",
  up: "M12 20V5M6 11l6-6 6 6",
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  cross: "M6 6l12 12M18 6 6 18",
  chevron: "m6 9 6 6 6-6",
  download: "M12 3v12m-5-5 5 5 5-5M4 21h16",
  light: "M12 7a5 5 0 1 0 0 10 5 5 0 0 0 0-10M12 1v2M12 21v2M4 4l1.5 1.5M18.5 18.5 20 20M1 12h2M21 12h2M4 20l1.5-1.5M18.5 5.5 20 4",
  dark: "M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.500 10.500z",
  auto: "M12 3a9 9 0 1 0 0 18zM12 3a9 9 0 0 1 0 18",
  logout: "M10 4H4v16h6M15 8l4 4-4 4M19 12H9",
  warning: "M12 3 2 20h20zM12 10v4M12 17v.5",
  check: "m5 12 5 5 9-10",
  fast: "M4 6l7 6-7 6zM12 6l7 6-7 6z",
} as const;

export type Icon = keyof typeof PATHS;

export function icon(name: Icon): SVGSVGElement {
  return s("svg", { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true", focusable: "false" }, s("path", { d: PATHS[name] }));
}
