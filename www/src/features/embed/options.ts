/** The look of an embedded circuit, from its hash: `view=bars|graph|all` and `theme=light|dark|auto`. Other values mean the default. */

export const VIEWS = ['all', 'bars', 'graph'] as const;
export type EmbedView = (typeof VIEWS)[number];

export const THEMES = ['auto', 'light', 'dark'] as const;
export type EmbedTheme = (typeof THEMES)[number];

export interface EmbedOptions {
  view: EmbedView;
  theme: EmbedTheme;
}

export function embedOptions(hash: string): EmbedOptions {
  const fields = new URLSearchParams(hash.replace(/^#/, ''));
  return {
    view: VIEWS.find((view) => view === fields.get('view')) ?? 'all',
    theme: THEMES.find((theme) => theme === fields.get('theme')) ?? 'auto',
  };
}
