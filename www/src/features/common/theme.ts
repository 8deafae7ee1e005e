/** Light or dark: the system's choice until the user makes one. Storage may be closed to us (an embed); then the choice lasts for the page. */

const KEY = 'sparse-circuits.theme';

export function restoreTheme(): void {
  try {
    const theme = localStorage.getItem(KEY);
    if (theme === 'light' || theme === 'dark') document.documentElement.dataset['theme'] = theme;
  } catch {
    // No storage: the system's choice.
  }
}

export function toggleTheme(): void {
  const root = document.documentElement;
  const dark = root.dataset['theme'] ? root.dataset['theme'] === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  root.dataset['theme'] = dark ? 'light' : 'dark';
  try {
    localStorage.setItem(KEY, root.dataset['theme']);
  } catch {
    // Kept for this page only.
  }
}
