/** Light, dark, or as the system says. */

const KEY = "smartmeter.theme";
export const THEMES = ["auto", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

export function theme(): Theme {
  const kept = localStorage.getItem(KEY);
  return THEMES.find((each) => each === kept) ?? "auto";
}

export function applyTheme(chosen: Theme = theme()): void {
  if (chosen === "auto") document.documentElement.removeAttribute("data-theme");
  else document.documentElement.setAttribute("data-theme", chosen);
}

export function keepTheme(chosen: Theme): void {
  localStorage.setItem(KEY, chosen);
  applyTheme(chosen);
  window.dispatchEvent(new Event("themechange"));
}

/** Calls back when colours change, by whatever. Gives what ends that. */
export function whenThemeChanges(callback: () => void): () => void {
  const media = matchMedia("(prefers-color-scheme: dark)");
  media.addEventListener("change", callback);
  window.addEventListener("themechange", callback);
  return () => {
    media.removeEventListener("change", callback);
    window.removeEventListener("themechange", callback);
  };
}

/** A colour of the style sheet, for what is drawn on a canvas. */
export const colour = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
