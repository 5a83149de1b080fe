/** The page's language, and the words in both. */

import type { Language, Translated } from "./api.ts";
import { WORDS, type Word } from "./words.ts";

const KEY = "smartmeter.language";

let current: Language = "en";

export const language = (): Language => current;

export function setLanguage(to: Language): void {
  current = to;
}

/** The one that was chosen on this page, else the first of the browser's that there is. */
export function preferredLanguage(): Language {
  const kept = localStorage.getItem(KEY);
  if (kept === "en" || kept === "de") return kept;
  for (const tag of navigator.languages) {
    const primary = tag.slice(0, 2).toLowerCase();
    if (primary === "de" || primary === "en") return primary;
  }
  return "en";
}

export function keepLanguage(chosen: Language): void {
  localStorage.setItem(KEY, chosen);
  setLanguage(chosen);
}

/** The words for this, with the values in their places. */
export function t(word: Word, values: Record<string, string | number> = {}): string {
  const text = WORDS[word][current === "en" ? 0 : 1];
  return text.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ""));
}

export const inLanguage = (text: Translated): string => text[current] || text.en;
