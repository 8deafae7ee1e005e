/** The graph as a nested list of layers, hooks, nodes and outgoing edges, with the same content, for keyboards and screen readers. */
import { html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { edgeId, parseEdge } from '../../domain/edges';
import { contribution, entering, flowOf } from '../../domain/flow';
import type { Selection } from '../../domain/selection';
import type { Hover, Snapshot } from '../../state/screen';
import { doingOf, list as text } from '../../text/en';
import { decimalsFor, factor, signed } from '../../text/format';
import { nameOfTarget, placedName, tokenName } from '../../text/names';
import type { TermKey } from '../../text/glossary';
import { linked, plainText, type RichText } from '../../text/rich-text';
import type { EdgeId, NodeId, NodeInfo } from '../../engine/protocol';
import { badgeOf } from './node';
import { Light } from '../common/light';
import { richText } from '../common/rich-text';
import { styles } from '../common/styles';

@customElement('sc-node-list')
export class NodeList extends Light {
  @property({ attribute: false }) snapshot: Snapshot | null = null;
  @property({ attribute: false }) hover: Hover | null = null;
  @property() selected: NodeId | null = null;
  /** False: the list is hidden behind the graph, for screen readers only, without tab stops. */
  @property({ type: Boolean }) shown = false;

  /** Behind the graph, update the list later, so that it does not slow down typing. */
  protected override async scheduleUpdate(): Promise<void> {
    if (!this.shown && this.hasUpdated) await new Promise((done) => setTimeout(done, 400));
    super.scheduleUpdate();
  }

  protected override shouldUpdate(changes: PropertyValues<this>): boolean {
    // Do not highlight nodes behind the graph.
    return this.shown || changes.size > 1 || !changes.has('hover');
  }

  protected override render(): TemplateResult | typeof nothing {
    const { snapshot, selected, hover, shown } = this;
    if (!snapshot) return nothing;
    const send = (name: string, detail: unknown) => this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true }));
    return list(snapshot, selected, hover, shown, { pick: (selection) => send('pick', selection), point: (to) => send('point', to) });
  }
}

interface ListActions {
  pick(selection: Selection): void;
  point(hover: Hover | null): void;
}

function list(snapshot: Snapshot, selected: NodeId | null, hover: Hover | null, shown: boolean, actions: ListActions): TemplateResult {
  const { circuit } = snapshot.task;
  const flow = flowOf(snapshot);
  const hooks = new Map<string, NodeInfo[]>();
  for (const info of circuit.nodes) {
    const hook = `${info.layer}.${info.site}`;
    hooks.set(hook, [...(hooks.get(hook) ?? []), info]);
  }
  const layers = [...new Set(circuit.nodes.map((info) => info.layer))].sort((left, right) => left - right);

  const edges = (info: NodeInfo) => {
    const out = circuit.edges.filter((edge) => edge.from === info.node);
    // Edges through the residual stream are listed where they are off.
    const residual = snapshot.result.edits.offEdges.flatMap((id) => parseEdge(id) ?? []).filter(({ from, to }) => from === info.node && !out.some((edge) => edge.to === to));
    if (out.length + residual.length === 0) return nothing;
    const button = (id: string, name: string) => html`<button class="plain" tabindex=${shown ? 0 : -1} aria-pressed=${selected === id} data-edge=${shown ? id : nothing} @click=${() => actions.pick(id)}>${text.to(name)}</button>${
      flow.off.has(id as EdgeId) ? html` <span class="tag">${text.edgeOff}</span>` : nothing}`;
    return html`<ul class="edges">
      ${out.map((edge) => {
        const to = circuit.nodes.find((one) => one.node === edge.to);
        const value = entering(flow, edge);
        const passed = contribution(flow, edge);
        const lit = hover?.kind === 'edge' && hover.from === edge.from && hover.to === edge.to;
        return html`<li class=${lit ? 'hov' : ''}>
          <i class="sw ${edge.weight < 0 ? 'sn' : 'sp'}"></i>${button(edgeId(edge), to ? placedName(to) : edge.to)}
          <span class="num">${factor(edge.weight)}${value === null ? '' : html` × ${factor(value)} = <b>${signed(passed!, decimalsFor([passed!]))}</b>`}</span>
        </li>`;
      })}
      ${residual.map((ends) => html`<li><i class="sw"></i>${button(edgeId(ends), nameOfTarget(circuit, ends.to, 0, snapshot.task.candidates))}</li>`)}
    </ul>`;
  };

  const item = (info: NodeInfo) => {
    const value = flow.value.get(info.node) ?? 0;
    const on = !snapshot.doc.edits.off.includes(info.node) && snapshot.doc.edits.mode !== 'removed';
    const badge = badgeOf(snapshot, info.node);
    const token = flow.at.get(info.node) ?? 0;
    const lit = hover?.kind === 'node' && hover.node === info.node;
    return html`<li>
      <button
        class="row ${lit ? 'hov' : ''}"
        tabindex=${shown ? 0 : -1}
        aria-pressed=${selected === info.node}
        data-node=${shown ? info.node : nothing}
        data-activation=${shown ? value : nothing}
        data-token-index=${shown ? token : nothing}
        data-on=${shown ? String(on) : nothing}
        @click=${() => actions.pick(info.node)}
        @pointerenter=${() => actions.point({ kind: 'node', node: info.node })}
        @pointerleave=${() => actions.point(null)}
      >
        <span class="meter ${value < 0 ? 'minus' : ''}" aria-hidden="true"><i ${styles({ '--a': `${Math.round((Math.abs(value) / flow.scale) * 100)}%` })}></i></span>
        <b>${placedName(info)}</b> <code>${info.node}</code>${doingOf(info).length > 0 ? html` <span class="mut">${richText(doingOf(info))}</span>` : nothing}
        <span class="num">${signed(value)} <span class="mut">${text.at} <code>${tokenName(snapshot.result.a, token)}</code></span></span>
        ${badge ? html`<span class="tag">${badge.words}</span>` : nothing}
      </button>
      ${edges(info)}
    </li>`;
  };

  // Behind the graph nothing must take the focus.
  const seen = new Set<TermKey>();
  const heading = (words: RichText) => (shown ? richText(linked(words, seen)) : plainText(words));
  return html`<div class="list ${shown ? '' : 'vh'}" data-testid="node-list">
    <ul aria-label=${text.label}>
      ${layers.map(
        (layer) => html`<li>
          <h2>${heading([text.layer(layer)])}</h2>
          <ul>
            ${[...hooks].filter(([, infos]) => infos[0]!.layer === layer).map(
              ([hook, infos]) => html`<li><h3>${heading(text.sites[infos[0]!.site])} <code>${hook}</code></h3><ul>${infos.map(item)}</ul></li>`,
            )}
          </ul>
        </li>`,
      )}
    </ul>
  </div>`;
}
