/** Off, Set, Scale, Patch: none pressed is "as computed"; a pressed one opens one control below. */
import { html, type TemplateResult } from 'lit';
import { LIMIT, type Change } from '../../domain/edits';
import { decimalsFor, plain, signed } from '../../text/format';
import type { NodeDetail } from '../../engine/protocol';

export interface ChangeLook {
  detail: NodeDetail;
  change: Change | null;
  /** Largest magnitude that the node takes over the tokens: the reach of the slider for Set. */
  reach: number;
  /** Whether the mode holds this node at its mean. */
  held: boolean;
  /** Whether Flip takes this node's values from prompt B. */
  flipped: boolean;
  /** Whether there is a prompt B to patch from, and why not. */
  noPatch: string | null;
  apply(change: Change | null, kind: string): void;
}

export function changeControl(look: ChangeLook): TemplateResult {
  const { change, detail, apply } = look;
  const press = (kind: Change['kind'], make: () => Change) => apply(change?.kind === kind ? null : make(), `node-${kind}`);
  const button = (kind: Change['kind'], name: string, make: () => Change, disabled = false) => html`<button
    data-testid="node-${kind}"
    aria-pressed=${change?.kind === kind}
    ?disabled=${disabled && change?.kind !== kind}
    @click=${() => press(kind, make)}
  >
    ${name}
  </button>`;
  return html`<section class="ctl">
    <div class="seg4" role="group" aria-label="Change this node">
      ${button('off', 'Off', () => ({ kind: 'off' }))}
      ${button('set', 'Set', () => ({ kind: 'set', value: Number(detail.value.toPrecision(3)) }))}
      ${button('scale', 'Scale', () => ({ kind: 'scale', factor: 1 }))}
      ${button('patch', 'Patch', () => ({ kind: 'patch' }), look.noPatch !== null)}
    </div>
    ${below(look)}
  </section>`;
}

function below(look: ChangeLook): TemplateResult {
  const { change, detail } = look;
  const mean = detail.mean === null ? 'which this model does not have' : signed(detail.mean);
  const otherwise = look.held ? `The mode holds it at its mean, ${mean}` : `Computed here: ${signed(detail.computed)}`;
  if (!change) {
    if (look.held) return html`<p class="tiny">This mode holds it at its mean, ${mean}, on prompt B too. Computed here: ${signed(detail.computed)}.</p>`;
    if (look.flipped) {
      return html`<p class="tiny">Flip gives it prompt B's values, token by token from the end. Here ${signed(detail.value)}; computed ${signed(detail.computed)}.</p>`;
    }
    const patch = look.noPatch ? html` ${look.noPatch}` : '';
    return html`<p class="tiny">As computed. Off would hold it at its mean, ${mean}.${patch}</p>`;
  }
  if (change.kind === 'off') return html`<p class="tiny">Held at its mean over ordinary code, ${mean}, at every token. Computed here: ${signed(detail.computed)}.</p>`;
  if (change.kind === 'patch') {
    if (look.noPatch) return html`<p class="tiny">Rests: ${look.noPatch[0]!.toLowerCase()}${look.noPatch.slice(1)}</p>`;
    if (look.held) return html`<p class="tiny">Takes its values from prompt B, where this mode holds it at its mean, ${mean}, too.</p>`;
    return html`<p class="tiny">Takes its values from prompt B, token by token from the end. Here ${signed(detail.value)}; computed ${signed(detail.computed)}.</p>`;
  }
  if (change.kind === 'set') {
    const reach = Math.max(1, Math.ceil(look.reach * 1.5));
    return slider(change.value, -reach, reach, 0.01, 'Value at every token', (value) => look.apply({ kind: 'set', value }, 'slider'), '',
      `The same value at every token. ${otherwise}.`);
  }
  return slider(change.factor, -1, 3, 0.05, 'Factor', (factor) => look.apply({ kind: 'scale', factor }, 'slider'), '× ',
    look.held ? `${otherwise}; here ${signed(detail.value)}.` : `${signed(detail.computed)} becomes ${signed(detail.value)} here.`);
}

function slider(value: number, min: number, max: number, step: number, label: string, change: (value: number) => void, unit: string, note: string): TemplateResult {
  const low = Math.min(min, value);
  const high = Math.max(max, value);
  const read = (event: Event) => {
    const number = (event.target as HTMLInputElement).valueAsNumber;
    if (Number.isFinite(number)) change(Math.max(-LIMIT, Math.min(LIMIT, number)));
  };
  return html`<div class="sl">
      <input type="range" aria-label=${label} min=${low} max=${high} step=${step} .value=${String(value)} style="--at:${((100 * (value - low)) / (high - low)).toFixed(1)}%" @input=${read} />
      <label class="num">${unit}<input type="number" aria-label="${label}, as a number" step=${step} min=${-LIMIT} max=${LIMIT} .value=${plain(value, decimalsFor([value])).replace('−', '-')} @change=${read} /></label>
    </div>
    <p class="tiny">${note}</p>`;
}
