import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { restoreTheme, toggleTheme } from './theme';

const stored = new Map<string, string>();
let theme: DOMStringMap;

/** A page on a system that prefers `dark` or light colours. */
function page(dark: boolean, storage: Partial<Storage> = {}): void {
  theme = {};
  vi.stubGlobal('document', { documentElement: { dataset: theme } });
  vi.stubGlobal('matchMedia', () => ({ matches: dark }));
  vi.stubGlobal('localStorage', { getItem: (key: string) => stored.get(key) ?? null, setItem: (key: string, value: string) => stored.set(key, value), ...storage });
}

beforeEach(() => stored.clear());
afterEach(() => vi.unstubAllGlobals());

it('follows the system until the user chooses, then changes with each click', () => {
  for (const dark of [false, true]) {
    page(dark);
    restoreTheme();
    expect(theme['theme']).toBeUndefined();
    const [first, second] = dark ? ['light', 'dark'] : ['dark', 'light'];
    toggleTheme();
    expect(theme['theme']).toBe(first);
    toggleTheme();
    expect(theme['theme']).toBe(second);
    stored.clear();
  }
});

it('comes back with the page', () => {
  page(false);
  toggleTheme();
  page(false);
  restoreTheme();
  expect(theme['theme']).toBe('dark');
});

it('takes nothing else from the storage', () => {
  page(false);
  toggleTheme();
  for (const key of stored.keys()) stored.set(key, 'sepia');
  page(false);
  restoreTheme();
  expect(theme['theme']).toBeUndefined();
});

it('keeps the choice until the page closes if storage is blocked', () => {
  const closed = () => {
    throw new Error('no storage');
  };
  page(false, { getItem: closed, setItem: closed });
  restoreTheme();
  toggleTheme();
  expect(theme['theme']).toBe('dark');
});
