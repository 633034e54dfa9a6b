/** Light, dark, or as the system has it. Kept in the browser; set before anything is drawn, so that nothing flashes. */
import { Store } from "./store.ts";

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const KEY = "lineshaft.theme";
const isDark = matchMedia("(prefers-color-scheme: dark)");

export const theme = new Store<Theme>(kept());

/** Changes whenever other colours are to be seen. */
export const isDarkNow = new Store(wantsDark());

export function choose(name: Theme): void {
  try {
    localStorage.setItem(KEY, name);
  } catch {
    // a browser that keeps nothing for a page; then it holds until the page is left
  }
  theme.set(name);
  apply();
}

export function apply(): void {
  document.documentElement.dataset["theme"] = theme.value;
  isDarkNow.set(wantsDark());
}

isDark.addEventListener("change", apply);

function kept(): Theme {
  try {
    const name = localStorage.getItem(KEY);
    return THEMES.find((known) => known === name) ?? "system";
  } catch {
    return "system";
  }
}

function wantsDark(): boolean {
  return theme.value === "dark" || (theme.value === "system" && isDark.matches);
}
