/** Tables of terms: weight × norm scale × value = contribution. With the bias and the remaining terms they add up to the value. */
import { html, nothing, type TemplateResult } from 'lit';
import type { Selection } from '../../domain/selection';
import type { Hover } from '../../state/screen';
import { terms as text } from '../../text/en';
import { decimalsFor, factor, signed } from '../../text/format';
import { tokenName } from '../../text/names';
import type { RichText } from '../../text/rich-text';
import { edgeId, parseEdge, type EdgeEnds } from '../../domain/edges';
import type { Mode, NodeDetail, NodeId, Prompt, Term } from '../../engine/protocol';
import { richText } from '../common/rich-text';

export interface TermActions {
  inCircuit(node: NodeId): boolean;
  mode: Mode;
  name(term: Term): string;
  point(hover: Hover | null): void;
  /** Opens the panel of a node or of an edge. */
  open(selection: Selection): void;
  hover: Hover | null;
  /** Whether the factors do not lead to the edge, because its panel is open. */
  plain?: boolean;
}

type Side = 'in' | 'out';

/** Terms of at least this share of the largest show how attention mixes their value. */
const NOTABLE = 0.2;

/** What goes in: the shown contributions, the bias and a row for the rounding add up to the shown sum. */
export function incoming(detail: NodeDetail, a: Prompt, actions: TermActions): TemplateResult {
  const decimals = decimalsFor([...detail.incoming.map((term) => term.contribution), detail.bias, detail.sum]);
  const terms = folded(detail.incoming, decimals, actions.inCircuit);
  const largest = Math.max(...terms.map((term) => Math.abs(term.contribution)));
  const misses = missing([...terms.map((term) => term.contribution), detail.bias], detail.sum, decimals);
  const last = (label: unknown, value: number, attributes: unknown = nothing) =>
    html`<tr class="after" data-row=${attributes}><th scope="row">${label}</th><td class="con">${signed(value, decimals)}</td></tr>`;
  return html`<section class="terms" data-testid="terms-in">
    <h3>${text.in} <span class="mut">${richText(hint(terms, true))}</span></h3>
    <table>
      ${grouped(terms, actions, (term) => row(term, decimals, detail.target, 'in', a, actions, Math.abs(term.contribution) >= largest * NOTABLE))}
      ${detail.bias === 0 ? nothing : html`<tr><th scope="row"><i class="sw"></i>${text.bias}</th><td class="con">${signed(detail.bias, decimals)}</td></tr>`}
      ${misses === 0 ? nothing : html`<tr data-row="rounding"><th scope="row"><i class="sw"></i>${text.rounding}</th><td class="con">${signed(misses, decimals)}</td></tr>`}
      <tr class="sum"><th scope="row">${text.sum}</th><td class="con" data-testid="sum">${signed(detail.sum, decimals)}</td></tr>
      ${detail.notes.length === 0 ? nothing : last(richText(text.notes(detail.notes)), detail.computed)}
      ${signed(detail.value, decimals) === signed(detail.computed, decimals) ? nothing : last(text.afterChange, detail.value)}
    </table>
  </section>`;
}

/** The term of one edge in the sum of its target. */
export function edgeTerm(detail: NodeDetail, from: NodeId, a: Prompt, actions: TermActions): TemplateResult {
  const term = detail.incoming.find(({ source }) => source.kind === 'node' && source.node === from);
  if (!term) return html`<section class="terms" data-testid="edge-term"><p class="tiny">${text.unlisted}</p></section>`;
  return html`<section class="terms" data-testid="edge-term" data-off=${term.off === true} data-contribution=${term.contribution}>
    <h3>${text.passes} <span class="mut">${richText(hint([term], true))}</span></h3>
    <table>${row(term, decimalsFor([term.contribution]), detail.target, 'in', a, { ...actions, plain: true }, true)}</table>
  </section>`;
}

export function outgoing(detail: NodeDetail, a: Prompt, actions: TermActions): TemplateResult | typeof nothing {
  if (detail.outgoing.length === 0) return nothing;
  const decimals = decimalsFor(detail.outgoing.map((term) => term.contribution));
  return html`<section class="terms" data-testid="terms-out">
    <h3>${text.out} <span class="mut">${richText(hint(detail.outgoing, false))}</span></h3>
    <table>
      ${grouped(detail.outgoing, actions, (term) => row(term, decimals, detail.target, 'out', a, actions, term === detail.outgoing[0]))}
    </table>
  </section>`;
}

/** Whether a term is a sum of many, which has no factors of its own. */
function isBundle({ weight, activation }: Term): boolean {
  return weight === 0 && activation === 0;
}

/** The factors that the rows show. */
function hint(terms: Term[], mixed: boolean): RichText {
  const shown = terms.filter((term) => !isBundle(term));
  return text.inHint(shown.some(({ weight }) => weight !== 1), shown.some(({ scale }) => scale !== null), mixed && shown.some((term) => term.mixed !== null));
}

/** The rows of the terms. A row above the first node of the circuit, and above the first one outside of it, says so. */
function grouped(terms: Term[], { inCircuit, mode }: TermActions, rowOf: (term: Term) => TemplateResult): TemplateResult[] {
  const inside = ({ source }: Term) => (source.kind === 'node' ? inCircuit(source.node) : null);
  return terms.map((term, index) => {
    const group = inside(term);
    if (group === null || terms.slice(0, index).some((other) => inside(other) === group)) return rowOf(term);
    const fixed = mode === (group ? 'removed' : 'circuit');
    return html`<tr class="group after" data-group=${group ? 'inside' : 'outside'} data-fixed=${fixed}><td colspan="2">${richText(text.group(group, fixed))}</td></tr>${rowOf(term)}`;
  });
}

/** By how much the rounded parts miss the rounded whole. */
function missing(parts: number[], whole: number, decimals: number): number {
  const rounded = (value: number) => Math.round(Math.abs(value) * 10 ** decimals) * Math.sign(value);
  return (rounded(whole) - parts.reduce((sum, part) => sum + rounded(part), 0)) / 10 ** decimals;
}

/** Terms from outside the circuit that would be shown as zero join the bundle of the others: fewer rows, the same sum. */
export function folded(terms: Term[], decimals: number, inCircuit: (node: NodeId) => boolean): Term[] {
  const small = ({ source, contribution, off }: Term) => !off && source.kind === 'node' && !inCircuit(source.node) && Math.abs(contribution) < 0.5 / 10 ** decimals;
  const bundle = terms.find((term) => term.source.kind === 'others');
  const joined = terms.filter(small);
  if (joined.length < 2) return terms;
  const count = joined.length + (bundle?.source.kind === 'others' ? bundle.source.count : 0);
  const contribution = joined.reduce((sum, term) => sum + term.contribution, bundle?.contribution ?? 0);
  const rest = terms.filter((term) => term !== bundle && !joined.includes(term));
  return [...rest, { source: { kind: 'others', count }, weight: 0, scale: null, activation: 0, contribution, mixed: null }];
}

/** The norm's scale has no sign to show: it is positive unless the gain is negative. */
function scaleFactor(value: number): string {
  return factor(value, 0).replace('+', '');
}

function row(term: Term, decimals: number, target: string, side: Side, a: Prompt, actions: TermActions, split: boolean): TemplateResult {
  const other = term.source.kind === 'node' ? term.source.node : null;
  const edge: Hover | null = other === null ? null : { kind: 'edge', from: side === 'in' ? other : target, to: side === 'in' ? target : other };
  // Other rows would double the tab stops of the panel.
  const leads = !actions.plain && (term.source.kind === 'logit' || (other !== null && actions.inCircuit(other)));
  const ends = leads ? endsOf(term, target, side) : null;
  const lit = edge !== null && sameEdge(actions.hover, edge);
  const bundled = isBundle(term);
  // What a token or its position writes is a weight of the model, as the drawing shows it.
  const own = term.source.kind === 'embedding' || term.source.kind === 'position';
  const sign = bundled ? '' : (own ? term.weight * term.activation : term.weight) < 0 ? 'sn' : 'sp';
  const name = actions.name(term);
  // Two factors have room for one more digit than three.
  const more = term.scale === null ? 1 : 0;
  const factors = bundled ? '' : [...(term.weight === 1 ? [] : [factor(term.weight, more)]), ...(term.scale === null ? [] : [scaleFactor(term.scale)]), factor(term.activation, more)].join(' × ');
  return html`<tr
      class=${lit ? 'hov' : ''}
      title=${bundled ? nothing : text.exact(term.weight, term.scale, term.activation, term.contribution)}
      @pointerenter=${() => edge && actions.point(edge)}
      @pointerleave=${() => edge && actions.point(null)}
    >
      <th scope="row">
        <i class="sw ${sign}"></i>${other === null
          ? html`<span>${name}</span>`
          : html`<button class="plain ${actions.inCircuit(other) ? '' : 'outside'}" @click=${() => actions.open(other)} @focus=${() => actions.point(edge)} @blur=${() => actions.point(null)}>${name}</button>`}
        ${ends === null || factors === ''
          ? html`<span class="factors">${factors}</span>`
          : html`<button class="plain factors" data-edge=${edgeId(ends)} title=${text.openEdge} @click=${() => actions.open(edgeId(ends))} @focus=${() => edge && actions.point(edge)} @blur=${() => edge && actions.point(null)}>${factors}</button>`}
        ${term.off ? html`<span class="tag" data-testid="edge-is-off">${text.off}</span>` : nothing}
      </th>
      <td class="con">${signed(term.contribution, decimals)}</td>
    </tr>
    ${split ? mixedRow(term, side, a) : nothing}`;
}

/** The edge of a term; null if it cannot be switched off. */
function endsOf({ source }: Term, target: string, side: Side): EdgeEnds | null {
  const other = source.kind === 'node' ? source.node : source.kind === 'logit' ? `logit.${source.candidate}` : '';
  return parseEdge(side === 'in' ? `${other}:${target}` : `${target}:${other}`);
}

/** How attention makes the value of a term from the values at single tokens. */
function mixedRow({ mixed, activation }: Term, side: Side, a: Prompt): TemplateResult | typeof nothing {
  if (!mixed || Math.abs(activation) < 1e-9) return nothing;
  const token = tokenName(a, mixed.token);
  return html`<tr class="mixed after"><td colspan="2">${richText(text.mixed(mixed, token, side === 'in' ? activation : null))}</td></tr>`;
}

function sameEdge(hover: Hover | null, edge: Hover & { kind?: string }): boolean {
  return hover?.kind === 'edge' && edge.kind === 'edge' && hover.from === edge.from && hover.to === edge.to;
}
