/** Dark or light: as the system says, until somebody chooses. */
const KEY = "ntc-theme";
const root = document.documentElement;

function apply(theme: string | null): void {
  if (theme === null) delete root.dataset["theme"];
  else root.dataset["theme"] = theme;
}

function stored(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null; // a browser may forbid it
  }
}

export function restoreTheme(): void {
  apply(stored());
}

export function toggleTheme(): void {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const now = root.dataset["theme"] ?? (dark ? "dark" : "light");
  const theme = now === "dark" ? "light" : "dark";
  apply(theme);
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // it holds until the page is closed
  }
}
