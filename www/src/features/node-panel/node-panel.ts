/** The node panel: name, activation over the prompt, changes, what goes in and out, attention for queries, keys and values. */
import { html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { findNode } from '../../domain/nodes';
import { changeOf, type Change } from '../../domain/edits';
import type { Playground } from '../../state/playground';
import type { Screen, Snapshot } from '../../state/screen';
import { flowOf } from '../../domain/flow';
import { edgeId, type EdgeEnds } from '../../domain/edges';
import { isSpecial, selectedEdge, selectedHead, selectedLogit, type Selection } from '../../domain/selection';
import { change as changeText, doingOf, embedding as embeddingText, graph as graphText, logit as logitText, panel as text, pattern as patternText, terms } from '../../text/en';
import { capital, showToken, signed } from '../../text/format';
import type { TermKey } from '../../text/glossary';
import { longName, nameOfId, nameOfTarget, placeOf, tokenName } from '../../text/names';
import { linked } from '../../text/rich-text';
import { flips } from '../prediction/summary';
import type { NodeDetail, Prompt } from '../../engine/protocol';
import { changeControl } from './change';
import { edgeBody, edgeHeading } from './edge-panel';
import { icons } from '../common/icons';
import { Light } from '../common/light';
import { richText } from '../common/rich-text';
import { styles } from '../common/styles';
import { steps } from './logit-panel';
import { pattern } from './pattern';
import { incoming, outgoing, type TermActions } from './terms';

/** What the panel shows of a screen; typing changes none of it until the numbers come. */
function sameForPanel(one: Screen | null, two: Screen | null): boolean {
  if (!one || !two) return one === two;
  return one.snapshot === two.snapshot && one.hover === two.hover && one.placeholder === two.placeholder && one.model === two.model
    && one.doc.node === two.doc.node && one.doc.token === two.doc.token && one.doc.edits === two.doc.edits && one.doc.task === two.doc.task;
}

/** From this many tokens on the chips may not all be in sight. */
const MANY = 24;
/** Scroll the chips this many milliseconds after the last key press, so that typing does not wait for layout. */
const SETTLED = 150;
/** Below this every value reads as 0.00, and a tint would show what the number does not. */
const SHOWN = 0.005;

/** From this share of the largest value on, a chip has light text on full colour. */
const FULL = 0.62;

/** Colour of a chip in percent. Between the two ranges neither dark nor light text would have enough contrast. */
function tint(share: number): number {
  return Math.round(share > FULL ? 80 + ((share - FULL) / (1 - FULL)) * 12 : (share / FULL) * 42);
}

/** The panel of the selected node, with the numbers that the graph shows. */
export function nodePanel({ screen }: Playground): TemplateResult {
  return html`<sc-panel .screen=${{ ...screen, snapshot: screen.painted }}></sc-panel>`;
}

@customElement('sc-panel')
export class Panel extends Light {
  @property({ attribute: false, hasChanged: (next: Screen | null, before: Screen | null) => !sameForPanel(next, before) }) screen: Screen | null = null;
  /** On a phone: how far the sheet is expanded. */
  @state() private open = false;
  /** The node, the token and the length of the text that the chips were last scrolled for. */
  private read = '';
  private scrolling: ReturnType<typeof setTimeout> | undefined;
  private drag: { y: number; moved: boolean } | null = null;

  protected override willUpdate(changes: PropertyValues<this>): void {
    const before = changes.get('screen') as Screen | null | undefined;
    if (before && this.screen && before.doc.task !== this.screen.doc.task) this.open = false;
  }

  /** The chips of a long prompt scroll so that the selected token is visible. */
  protected override updated(): void {
    const detail = this.screen?.snapshot?.result.view.detail;
    if (!detail || detail.values.length < MANY) return;
    const read = `${detail.target} ${detail.token} ${detail.values.length}`;
    if (read === this.read) return;
    this.read = read;
    clearTimeout(this.scrolling);
    this.scrolling = setTimeout(() => this.showRead(), SETTLED);
  }

  private showRead(): void {
    const chip = this.querySelector<HTMLElement>('.at[aria-pressed=true]');
    const list = chip?.parentElement;
    if (!chip || !list) return;
    const [inner, outer] = [chip.getBoundingClientRect(), list.getBoundingClientRect()];
    list.scrollBy(inner.x + inner.width / 2 - outer.x - outer.width / 2, inner.y + inner.height / 2 - outer.y - outer.height / 2);
  }

  protected override render(): TemplateResult | typeof nothing {
    const { screen } = this;
    const snapshot = screen?.snapshot;
    const node = screen?.doc.node;
    if (!screen || !snapshot || !node) return nothing;
    const { view } = snapshot.result;
    const edge = selectedEdge(node);
    const detail = view.detail?.target === (edge?.to ?? node) ? view.detail : null;
    if (edge) return this.edge(screen, snapshot, edge, detail);
    if (isSpecial(node)) return this.frame(node, this.heading(snapshot, node), this.special(screen, snapshot, node, detail));
    const info = snapshot.task.circuit.nodes.find((one) => one.node === node);
    const place = findNode(snapshot.task.circuit, node, screen.model?.headWidth ?? 0);
    const seen = new Set<TermKey>();
    return this.frame(node, html`<h2>${place ? richText(linked([capital(longName(place, false))], seen)) : node}</h2>
        <p>${place ? richText(linked([placeOf(place)], seen)) : ''}${info ? '' : richText(linked([text.outside], seen))} · <code>${node}</code></p>
        ${info && doingOf(info).length > 0 ? html`<p class="doing">${richText(doingOf(info))}</p>` : nothing}`,
      detail ? this.body(screen, detail, snapshot.result.a) : html`<p class="tiny">${text.pending}</p>`);
  }

  /** The panel with its handle, its close button and its title. */
  private frame(selection: Selection, heading: TemplateResult, body: unknown): TemplateResult {
    return html`<aside class="card panel ${this.open ? 'open' : ''}" data-testid="node-panel" data-selection=${selection} aria-label=${text.label(selection)}>
      <button
        class="grab"
        aria-label=${this.open ? text.down : text.up}
        aria-expanded=${this.open}
        @pointerdown=${this.down}
        @pointermove=${this.move}
        @pointerup=${this.up}
        @click=${this.tap}
      ></button>
      <div class="ph">
        ${heading}
        <button class="quiet icon close" aria-label=${text.close} @click=${(event: MouseEvent) => this.send('shut', event.detail === 0)}>${icons.close}</button>
      </div>
      ${body}
    </aside>`;
  }

  private heading({ task, result: { view, a } }: Snapshot, selection: Selection): TemplateResult {
    const candidate = selectedLogit(selection);
    if (candidate !== null) return html`<h2>${richText(logitText.title(showToken(task.candidates[candidate])))}</h2><p>${logitText.place}</p>`;
    const head = selectedHead(selection);
    if (head) return html`<h2>${richText(linked([patternText.title(...head)]))}</h2><p class="tiny">${richText(linked([patternText.hint], new Set(['attention'])))}</p>`;
    const seen = new Set<TermKey>();
    return html`<h2>${richText(linked([embeddingText.title], seen))}</h2><p>${richText(linked([embeddingText.place(view.marked)], seen))}<code>${tokenName(a, view.marked)}</code></p>
      <p class="tiny">${richText(linked([embeddingText.hint], seen))}</p>`;
  }

  /** The panel of a logit, of a head or of the embedding. */
  private special(screen: Screen, snapshot: Snapshot, selection: Selection, detail: NodeDetail | null): TemplateResult | typeof nothing {
    const { view, a } = snapshot.result;
    if (selectedLogit(selection) !== null) {
      return html`${screen.placeholder ? nothing : steps(snapshot, (candidate) => this.send('pick', `logit.${candidate}`))}
        ${detail ? incoming(detail, a, this.actions(screen, snapshot)) : html`<p class="tiny">${text.pending}</p>`}`;
    }
    if (selectedHead(selection)) return pattern(view, a, screen.doc.token ?? view.tokens - 1, (token) => this.send('pick-token', token));
    const flow = flowOf(snapshot);
    return html`<section class="terms"><h3>${embeddingText.value}</h3><table>
      ${snapshot.task.circuit.lanes.map((lane) => {
        const value = flow.embedding.get(lane.channel) ?? 0;
        return html`<tr><th scope="row"><i class="sw ${value < 0 ? 'sn' : 'sp'}"></i>${graphText.channelHint(lane.channel)}</th><td class="con">${signed(value, 3)}</td></tr>`;
      })}
    </table></section>`;
  }

  private edge(screen: Screen, snapshot: Snapshot, ends: EdgeEnds, detail: NodeDetail | null): TemplateResult {
    const { circuit, candidates } = snapshot.task;
    const width = screen.model?.headWidth ?? 0;
    const id = edgeId(ends);
    const names = { from: nameOfId(circuit, ends.from, width), to: nameOfTarget(circuit, ends.to, width, candidates) };
    return this.frame(id, edgeHeading({ names }, id), edgeBody({
      ends, names, detail,
      off: screen.doc.edits.offEdges.includes(id),
      mean: circuit.nodes.find((one) => one.node === ends.from)?.mean ?? null,
      a: snapshot.result.a,
      placeholder: screen.placeholder,
      actions: this.actions(screen, snapshot),
      press: (off) => this.send('switch-edge', { edge: id, off }),
    }));
  }

  private actions(screen: Screen, { task }: Snapshot): TermActions {
    const heads = screen.model?.headWidth ?? 0;
    const known = new Set(task.circuit.nodes.map((one) => one.node));
    return {
      inCircuit: (node) => known.has(node),
      mode: screen.snapshot!.result.edits.mode,
      name: ({ source }) => (source.kind === 'node' ? nameOfId(task.circuit, source.node, heads) : terms.source(source, task.candidates)),
      point: (hover) => this.send('point', hover),
      open: (selection) => this.send('pick', selection),
      hover: screen.hover,
    };
  }

  private body(screen: Screen, detail: NodeDetail, a: Prompt): TemplateResult {
    const snapshot = screen.snapshot!;
    const change = changeOf(screen.doc.edits, detail.target);
    const reach = detail.values.reduce((max, value) => Math.max(max, Math.abs(value)), Math.abs(detail.mean ?? 0));
    const known = new Set(snapshot.task.circuit.nodes.map((one) => one.node));
    const actions = this.actions(screen, snapshot);
    const held = snapshot.result.edits.mode === 'removed' ? known.has(detail.target) : snapshot.result.edits.mode === 'circuit' && !known.has(detail.target);
    // A node with the same value everywhere has no range of its own. The drawing's keeps a small value pale.
    const tinted = held || change?.kind === 'off' || change?.kind === 'set' ? Math.max(reach, Math.abs(detail.computed), flowOf(snapshot).scale) : reach;
    return html`
      <section>
        <h3>${richText(linked([text.activation]))} <span class="num">${text.valueAt(detail.value)}<code>${tokenName(a, detail.token)}</code></span></h3>
        ${this.chips(a, detail.values, detail.token, tinted, screen.doc.token)}
      </section>
      ${screen.placeholder
        ? nothing
        : changeControl({
            detail,
            change,
            reach,
            held,
            flipped: flips(snapshot, detail.target),
            noPatch: snapshot.result.b ? null : changeText.noPromptB,
            apply: (next: Change | null, kind: string) => {
              // On a phone the control would be below the edge of the sheet.
              if (next?.kind === 'set' || next?.kind === 'scale') this.open = true;
              this.send('change-node', { node: detail.target, change: next, kind });
            },
          })}
      ${incoming(detail, a, actions)} ${outgoing(detail, a, actions)} ${this.attention(detail, a)}
    `;
  }

  /** The prompt's tokens, tinted by sign and size of the values; a click reads the graph at that token. */
  private chips(a: Prompt, values: Float32Array, selected: number, reach: number, picked: number | null): TemplateResult {
    return html`<div class="ats" role="group" aria-label=${text.tokens} @keydown=${this.walk}>
      ${a.tokens.map((_, index) => {
        const value = values[index] ?? 0;
        const share = reach >= SHOWN ? Math.min(1, Math.abs(value) / reach) : 0;
        return html`<button
          class="at ${value < 0 && share > 0.02 ? 'minus' : ''} ${share > FULL ? 'full' : ''}"
          ${styles({ '--a': `${tint(share)}%` })}
          tabindex=${index === selected ? 0 : -1}
          aria-pressed=${index === selected}
          aria-label=${text.token(tokenName(a, index), value)}
          title=${text.tokenHint(tokenName(a, index), value)}
          @click=${() => this.send('pick-token', picked === index ? null : index)}
          >${tokenName(a, index)}</button
        >`;
      })}
    </div>`;
  }

  /** The chips are one tab stop. Arrows, Home and End go from chip to chip. */
  private walk = (event: KeyboardEvent): void => {
    const chips = [...(event.currentTarget as HTMLElement).children] as HTMLElement[];
    const at = chips.indexOf(event.target as HTMLElement);
    const next = { ArrowLeft: chips[at - 1], ArrowRight: chips[at + 1], Home: chips[0], End: chips.at(-1) }[event.key];
    if (!next) return;
    event.preventDefault();
    next.focus();
  };

  private attention(detail: NodeDetail, a: Prompt): TemplateResult | typeof nothing {
    const { attention } = detail;
    if (!attention) return nothing;
    const weights = [...attention.weights];
    const scores = attention.channelScore;
    const most = scores ? scores.reduce((max, value) => Math.max(max, Math.abs(value)), 0) : 0;
    return html`<section>
      <h3>${richText(linked([text.attention(attention.head)]))} <span class="mut">${richText(linked([text.attentionFrom(attention.sink)], new Set(['token'])))}</span></h3>
      <ol class="attn" aria-label=${text.attentionList}>
        ${weights.map((weight, index) => {
          const score = scores?.[index] ?? 0;
          return html`<li title=${text.attentionHint(tokenName(a, index), weight)}>
            <code>${tokenName(a, index)}</code><span class="abar"><i ${styles({ width: `${(weight * 100).toFixed(1)}%` })}></i></span><span>${text.attentionShare(weight)}</span>
            ${scores ? html`<span class="score ${score < 0 ? 'minus' : ''}" ${styles({ '--a': `${most > 0 ? Math.round((Math.abs(score) / most) * 60) : 0}%` })}>${signed(score)}</span>` : nothing}
          </li>`;
        })}
      </ol>
      ${scores ? html`<p class="tiny">${richText(text.score)}</p>` : nothing}
    </section>`;
  }

  private send(name: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true }));
  }

  private down = (event: PointerEvent): void => {
    (event.target as HTMLElement).setPointerCapture(event.pointerId);
    this.drag = { y: event.clientY, moved: false };
  };

  private move = (event: PointerEvent): void => {
    if (!this.drag || Math.abs(event.clientY - this.drag.y) < 24) return;
    const up = event.clientY < this.drag.y;
    this.drag = { y: event.clientY, moved: true };
    if (!up && !this.open) {
      this.send('shut', false);
      this.drag = null;
    } else this.open = up;
  };

  private up = (): void => {
    // A drag is not a tap: the click that follows it is swallowed by `tap`.
    if (this.drag && !this.drag.moved) this.drag = null;
  };

  private tap = (): void => {
    if (this.drag?.moved) this.drag = null;
    else this.open = !this.open;
  };
}
