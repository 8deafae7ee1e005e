/** Tables of terms that visibly sum: weight × activation = contribution, bias and all the rest included. */
import { html, nothing, type TemplateResult } from 'lit';
import type { Hover } from '../../state/screen';
import { terms as text } from '../../text/en';
import { decimalsFor, roundedToSum, signed } from '../../text/format';
import type { NodeDetail, NodeId, Term } from '../../engine/protocol';

export interface TermActions {
  inCircuit(node: NodeId): boolean;
  name(term: Term): string;
  point(hover: Hover | null): void;
  open(node: NodeId): void;
  hover: Hover | null;
}

/** What goes in: the shown contributions and the bias add up to the shown sum. */
export function incoming(detail: NodeDetail, actions: TermActions): TemplateResult {
  const decimals = decimalsFor([...detail.incoming.map((term) => term.contribution), detail.bias, detail.sum]);
  const terms = folded(detail.incoming, decimals, actions.inCircuit);
  const parts = [...terms.map((term) => term.contribution), detail.bias];
  const shown = roundedToSum(parts, detail.sum, decimals);
  const digits = places(terms);
  return html`<section class="terms">
    <h3>${text.in} <span class="mut">${text.inHint}</span></h3>
    <table>
      ${terms.map((term, index) => row(term, shown[index]!, decimals, digits, detail.target, 'in', actions))}
      <tr><th scope="row"><i class="sw"></i>${text.bias}</th><td></td><td></td><td></td><td></td><td class="con">${signed(shown.at(-1)!, decimals)}</td></tr>
      <tr class="sum"><th scope="row" colspan="4">${text.sum}</th><td class="op">=</td><td class="con" data-testid="sum">${signed(detail.sum, decimals)}</td></tr>
      <tr class="after"><th scope="row" colspan="4">${text.notes(detail.notes)}</th><td></td><td class="con">${signed(detail.computed, decimals)}</td></tr>
      ${signed(detail.value, decimals) === signed(detail.computed, decimals)
        ? nothing
        : html`<tr class="after"><th scope="row" colspan="4">${text.afterChange}</th><td></td><td class="con">${signed(detail.value, decimals)}</td></tr>`}
    </table>
  </section>`;
}

export function outgoing(detail: NodeDetail, actions: TermActions): TemplateResult | typeof nothing {
  if (detail.outgoing.length === 0) return nothing;
  const decimals = decimalsFor(detail.outgoing.map((term) => term.contribution));
  return html`<section class="terms">
    <h3>${text.out} <span class="mut">${text.outHint}</span></h3>
    <table>
      ${detail.outgoing.map((term) => row(term, term.contribution, decimals, places(detail.outgoing), detail.target, 'out', actions))}
    </table>
  </section>`;
}

/** Terms from outside the circuit that would read as zero join the bundle of the others: fewer rows, the same sum. */
export function folded(terms: Term[], decimals: number, inCircuit: (node: NodeId) => boolean): Term[] {
  const small = ({ source, contribution }: Term) => source.kind === 'node' && !inCircuit(source.node) && Math.abs(contribution) < 0.5 / 10 ** decimals;
  const bundle = terms.find((term) => term.source.kind === 'others');
  const joined = terms.filter(small);
  if (joined.length < 2) return terms;
  const count = joined.length + (bundle?.source.kind === 'others' ? bundle.source.count : 0);
  const contribution = joined.reduce((sum, term) => sum + term.contribution, bundle?.contribution ?? 0);
  const rest = terms.filter((term) => term !== bundle && !joined.includes(term));
  return [...rest, { source: { kind: 'others', count }, weight: 0, scale: null, activation: 0, contribution, mixed: null }];
}

/** Activations of one table share their decimals; small ones would read as zero with two. */
function places(terms: Term[]): number {
  return decimalsFor(terms.map((term) => term.activation));
}

function row(term: Term, contribution: number, decimals: number, digits: number, node: NodeId, side: 'in' | 'out', actions: TermActions): TemplateResult {
  const other = term.source.kind === 'node' ? term.source.node : null;
  const edge: Hover | null = other === null ? null : { kind: 'edge', from: side === 'in' ? other : node, to: side === 'in' ? node : other };
  const lit = edge !== null && sameEdge(actions.hover, edge);
  const weight = term.weight * (term.scale ?? 1);
  const exact = text.exact(weight, term.activation, term.contribution);
  const sign = other === null && term.weight === 0 ? '' : term.weight < 0 ? 'sn' : 'sp';
  const name = actions.name(term);
  return html`<tr
    class=${lit ? 'hov' : ''}
    title=${exact}
    @pointerenter=${() => edge && actions.point(edge)}
    @pointerleave=${() => edge && actions.point(null)}
  >
    <th scope="row">
      <i class="sw ${sign}"></i>${other === null
        ? html`<span>${name}</span>`
        : html`<button class="plain" @click=${() => actions.open(other)} @focus=${() => actions.point(edge)} @blur=${() => actions.point(null)}>${name}</button>`}
    </th>
    ${other === null && term.weight === 0
      ? html`<td></td><td></td><td></td><td></td>`
      : html`<td>${signed(weight)}</td><td class="op">×</td><td>${signed(term.activation, digits)}</td><td class="op">=</td>`}
    <td class="con">${signed(contribution, decimals)}</td>
  </tr>`;
}

function sameEdge(hover: Hover | null, edge: Hover & { kind?: string }): boolean {
  return hover?.kind === 'edge' && edge.kind === 'edge' && hover.from === edge.from && hover.to === edge.to;
}
