/** Off, Set, Scale, Patch: none pressed is "as computed"; a pressed one opens one control below. */
import { html, nothing, type TemplateResult } from 'lit';
import { LIMIT, type Change } from '../../domain/edits';
import { change as text } from '../../text/en';
import type { RichText } from '../../text/rich-text';
import type { NodeDetail } from '../../engine/protocol';
import { numberField } from '../common/number-field';
import { richText } from '../common/rich-text';
import { styles } from '../common/styles';

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
  const button = (kind: Change['kind'], make: () => Change, disabled = false) => html`<button
    data-testid="node-${kind}"
    aria-pressed=${change?.kind === kind}
    title=${change?.kind === kind ? text.undo : nothing}
    ?disabled=${disabled && change?.kind !== kind}
    @click=${() => press(kind, make)}
  >
    ${text.names[kind]}
  </button>`;
  return html`<section class="ctl">
    <div class="seg4" role="group" aria-label=${text.label}>
      ${button('off', () => ({ kind: 'off' }))}
      ${button('set', () => ({ kind: 'set', value: Number(detail.value.toPrecision(3)) }))}
      ${button('scale', () => ({ kind: 'scale', factor: 1 }))}
      ${button('patch', () => ({ kind: 'patch' }), look.noPatch !== null)}
    </div>
    ${below(look)}
  </section>`;
}

function below(look: ChangeLook): TemplateResult {
  const { change, detail: { mean, computed, value }, held, noPatch } = look;
  const note = (words: RichText) => html`<p class="tiny" data-change=${change?.kind ?? 'none'} data-held=${held} data-flipped=${look.flipped} data-patch=${noPatch === null}>${richText(words)}</p>`;
  switch (change?.kind) {
    case undefined:
      return note(held ? text.held(mean, computed) : look.flipped ? text.flipped(value, computed) : text.none(mean, noPatch));
    case 'off':
      return note(text.off(mean, computed));
    case 'patch':
      return note(noPatch ? text.patchUnavailable(noPatch) : held ? text.patchHeld(mean) : text.patched(value, computed));
    case 'set': {
      const reach = Math.max(1, Math.ceil(look.reach * 1.5));
      return html`${slider(change.value, -reach, reach, 0.01, text.setLabel, (next) => look.apply({ kind: 'set', value: next }, 'slider'))}
        ${note(text.set(held, mean, computed))}`;
    }
    case 'scale':
      return html`${slider(change.factor, -1, 3, 0.05, text.scaleLabel, (next) => look.apply({ kind: 'scale', factor: next }, 'slider'), text.times)}
        ${note(text.scaled(held, mean, computed, value))}`;
  }
}

function slider(value: number, min: number, max: number, step: number, label: string, change: (value: number) => void, unit = ''): TemplateResult {
  const low = Math.min(min, value);
  const high = Math.max(max, value);
  const set = (number: number) => change(Math.max(-LIMIT, Math.min(LIMIT, number)));
  const read = (event: Event) => set((event.target as HTMLInputElement).valueAsNumber);
  return html`<div class="sl">
      <input type="range" aria-label=${label} min=${low} max=${high} step=${step} .value=${String(value)} ${styles({ '--at': `${((100 * (value - low)) / (high - low)).toFixed(1)}%` })} @input=${read} />
      <label class="num">${unit}<input type="number" aria-label=${text.asNumber(label)} step=${step} min=${-LIMIT} max=${LIMIT} ${numberField(Number(value.toPrecision(6)), set)} /></label>
    </div>`;
}
