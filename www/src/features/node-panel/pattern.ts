/** The panel of an attention head: the whole pattern, one row for each query and one column for each key. */
import { html, nothing, svg, type TemplateResult } from 'lit';
import type { Prompt, View } from '../../engine/protocol';
import { pattern as text } from '../../text/en';
import { tokenName } from '../../text/names';

/** Largest width and height of the drawing, and of a cell, in pixels. */
const SIZE = 296;
const CELL = 22;
/** Width of the tokens' names, where there is room for them. */
const NAMES = 64;

export function pattern(view: View, a: Prompt, selected: number, pick: (token: number) => void): TemplateResult | typeof nothing {
  const { pattern: table } = view;
  if (!table) return nothing;
  const count = view.tokens;
  const cell = Math.min(CELL, (SIZE - NAMES) / count);
  const named = cell >= 9;
  const left = named ? NAMES : 0;
  const name = (token: number) => tokenName(a, token);
  const rows = Array.from({ length: count }, (_, query) => query);
  return html`<svg class="pattern" data-testid="pattern" width=${left + count * cell} height=${count * cell} role="img" aria-label=${text.label(count)}>
    ${rows.map((query) => svg`<g class="query ${query === selected ? 'on' : ''}" @click=${() => pick(query)}>
      <rect class="queryrow" x="0" y=${query * cell} width=${left + count * cell} height=${cell}/>
      ${named ? svg`<text x=${left - 5} y=${query * cell + cell / 2 + 4}>${name(query).slice(0, 8)}</text>` : nothing}
      ${rows.slice(0, query + 1).map((key) => {
        const weight = table[query * count + key] ?? 0;
        return svg`<rect class="cell" x=${left + key * cell + 0.5} y=${query * cell + 0.5} width=${Math.max(0.5, cell - 1)} height=${Math.max(0.5, cell - 1)} fill-opacity=${weight.toFixed(3)}><title>${text.cell(name(query), name(key), weight)}</title></rect>`;
      })}
    </g>`)}
  </svg>`;
}
