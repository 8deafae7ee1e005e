/** Links to the source, the paper and the files that are published next to the page. */
import { html, nothing, type TemplateResult } from 'lit';
import { links as text } from '../../text/en';

/** From Cargo.toml. The build defines them; the address is null where the manifest has none. */
declare const __VERSION__: string;
declare const __REPOSITORY__: string | null;

/** Gao et al. 2025, Weight-sparse transformers have interpretable circuits. */
const PAPER = 'https://arxiv.org/abs/2511.13653';

export function links(): TemplateResult {
  const link = (href: string, words: string) => html`<a href=${href} target="_blank" rel="noopener noreferrer">${words}</a>`;
  return html`${__REPOSITORY__ === null ? nothing : link(__REPOSITORY__, text.source)}
    ${link(PAPER, text.paper)} ${link('./models/MODEL_CARD.md', text.card)} ${link('./docs/circuits.md', text.docs)}
    ${link('./licenses/LICENSE.txt', text.version(__VERSION__))}`;
}
