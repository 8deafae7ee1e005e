/** Draws the circuit. `domain/layout` computes positions, `domain/flow` the values; `node`, `edge` and `head` draw the glyphs. */
import { html, nothing, svg, type PropertyValues, type SVGTemplateResult, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { layout, type Layout, type PlacedEdge, type PlacedNode, type Room } from '../../domain/layout/layout';
import { edgeId, parseEdge, type EdgeEnds } from '../../domain/edges';
import { contribution, edgeWidth, entering, flowOf, type Flow } from '../../domain/flow';
import { badges } from '../../domain/layout/paths';
import { hookOf } from '../../domain/nodes';
import { changedNodes, noEdits } from '../../domain/edits';
import type { Hover, Snapshot } from '../../state/screen';
import { doingOf, graph as text } from '../../text/en';
import { percent, percentDigits, showToken, signed } from '../../text/format';
import { EMBEDDING, headSelection, selectedEdge, selectedLogit, type Selection } from '../../domain/selection';
import { likelier } from '../prediction/answer';
import { placedName, tokenName } from '../../text/names';
import type { TermKey } from '../../text/glossary';
import { plainText } from '../../text/rich-text';
import type { CircuitInfo, NodeId, ResidualLane } from '../../engine/protocol';
import { edgeGlyph, edgeHalo, edgeMiddle, embedLinks, logitLinks, offLink } from './edge';
import { headGlyph } from './head';
import { groupGlyph, nodeGlyph } from './node';
import { Light } from '../common/light';
import { styles } from '../common/styles';

/** Width of a character under the drawing, in pixels. */
const CHARACTER = 6.6;

/** Centre and size of a chip. */
type Box = Layout['embed'];

@customElement('sc-graph')
export class Graph extends Light {
  @property({ attribute: false }) snapshot: Snapshot | null = null;
  @property({ attribute: false }) hover: Hover | null = null;
  @property() selected: NodeId | null = null;
  /** Whether nodes that are inactive on the task's example are drawn. */
  @property({ type: Boolean }) whole = false;
  /** The size in CSS pixels; null: that of the element. */
  @property({ attribute: false }) fixed: { width: number; height: number } | null = null;
  @state() private room = { width: 0, height: 0 };
  @state() private expanded: ReadonlySet<string> = new Set();
  @state() private tabStop: NodeId | null = null;
  private observer: ResizeObserver | null = null;
  private circuit: unknown = null;
  private spots: { plan: Layout; of: Map<PlacedEdge, [number, number]> } | null = null;
  private plan: { circuit: CircuitInfo; key: string; layout: Layout } | null = null;

  override connectedCallback(): void {
    super.connectedCallback();
    if (this.fixed) {
      this.room = this.fixed;
      return;
    }
    this.observer = new ResizeObserver(([entry]) => {
      const { width, height } = entry!.contentRect;
      if (Math.abs(width - this.room.width) >= 1 || Math.abs(height - this.room.height) >= 1) this.room = { width, height };
    });
    this.observer.observe(this);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.observer?.disconnect();
  }

  protected override willUpdate(changes: PropertyValues<this>): void {
    const task = this.snapshot?.task;
    if (task?.circuit !== this.circuit) {
      this.circuit = task?.circuit;
      this.expanded = new Set();
      this.tabStop = null;
    }
    if (changes.has('whole')) this.expanded = new Set(this.whole ? task?.inactive.map(hookOf) : []);
    // Always draw the selected node and the changed nodes, and the ends of such edges.
    const edits = this.snapshot?.doc.edits ?? noEdits('full');
    const ends = [selectedEdge(this.selected), ...edits.offEdges.map(parseEdge)].flatMap((edge) => (edge ? [edge.from, edge.to] : []));
    const wanted = [this.selected ?? '', ...changedNodes(edits), ...ends];
    const hidden = wanted.filter((node) => task?.inactive.includes(node) && !this.expanded.has(hookOf(node)));
    if (hidden.length > 0) this.expanded = new Set([...this.expanded, ...hidden.map(hookOf)]);
  }

  protected override render(): TemplateResult {
    const { snapshot } = this;
    if (!snapshot || this.room.width === 0) return html`<div class="graph-wait"></div>`;
    const compact = this.room.width < 560;
    const flow = flowOf(snapshot);
    const before = snapshot.result.view.untouched?.values ?? null;
    // Use the candidates only: positions must not change while the user types.
    const chipChars = Math.min(8, Math.max(compact ? 3 : 5, ...snapshot.task.candidates.map((text) => showToken(text).length)));
    const height = compact ? Math.max(360, this.room.height) : this.room.height;
    const plan = this.planFor(snapshot, { width: this.room.width, height, compact, chipChars });
    return html`${this.drawing(plan, snapshot, flow, before, compact)}${this.tip(plan, snapshot, flow)}`;
  }

  /** Positions depend on the circuit and the available size only, not on values or the pointer. */
  private planFor(snapshot: Snapshot, room: Room): Layout {
    const { circuit } = snapshot.task;
    const key = JSON.stringify([room, [...this.expanded]]);
    if (!this.plan || this.plan.circuit !== circuit || this.plan.key !== key) this.plan = { circuit, key, layout: layout(circuit, room, new Set(snapshot.task.inactive), this.expanded) };
    return this.plan.layout;
  }

  private spotsFor(plan: Layout, radius: number): Map<PlacedEdge, [number, number]> {
    if (this.spots?.plan !== plan) {
      const negative = plan.edges.filter((edge) => edge.weight < 0);
      const places = badges(negative.map((edge) => edge.points), radius, plan.nodes.map((node) => [node.x, node.y]));
      this.spots = { plan, of: new Map(negative.map((edge, index) => [edge, places[index]!])) };
    }
    return this.spots.of;
  }

  private drawing(plan: Layout, snapshot: Snapshot, flow: Flow, before: number[] | null, compact: boolean): TemplateResult {
    const { circuit } = snapshot.task;
    const largest = circuit.edges.reduce((max, edge) => Math.max(max, Math.abs(edge.weight)), 0);
    const busy = plan.edges.length > 24;
    const dense = plan.step < 62;
    const most = plan.edges.length > 40 ? 4 : 5.5;
    const hovered = this.hover;
    const near = hovered?.kind === 'node' ? hovered.node : null;
    const widths = plan.edges.map((edge) => edgeWidth(edge.weight, largest, most));
    const badgeRadius = compact || plan.edges.length > 30 ? 4.5 : 6;
    const badgeOf = this.spotsFor(plan, badgeRadius);
    const stop = this.stopOf(plan);
    const word = titleWords();
    // A channel that no node reads or writes at these tokens.
    const quiet = (lane: ResidualLane) => [...lane.writes, ...lane.reads].every((node) => Math.abs(flow.value.get(node) ?? 0) < flow.scale * 0.003);
    return html`<svg
      class="graph ${dense ? 'dense' : ''} ${busy ? 'busy' : ''} ${plan.crowded ? 'crowded' : ''}"
      width=${plan.width}
      height=${plan.height}
      viewBox="0 0 ${plan.width} ${plan.height}"
      role="group"
      aria-label=${text.label(circuit.nodes.length, circuit.edges.length)}
      @keydown=${(event: KeyboardEvent) => this.key(event, plan)}
    >
      ${plan.blocks.map((block) => this.block(block, plan, compact, word))}
      ${plan.lanes.map(
        (lane) => svg`<path class="lane" d="M${lane.x0} ${lane.y}H${lane.x1}"/>${
          lane.used ? svg`<path class="lane-on ${quiet(lane.lane) ? 'quiet' : ''}" d="M${lane.used[0]} ${lane.y}H${lane.used[1]}"/>` : nothing
        }${compact ? nothing : plan.crowded
          ? svg`<text class="ch inline" x=${lane.x0 + 13} y=${lane.y + 3.3}>${lane.lane.channel}<title>${text.channelHint(lane.lane.channel)}</title></text>`
          : svg`<text class="ch" x=${lane.x0 + 4} y=${lane.y - 5}>${text.channel(lane.lane.channel)}</text>`}`,
      )}
      ${embedLinks(plan, flow, () => this.pick(EMBEDDING))}${logitLinks(plan, (candidate) => this.pick(`logit.${candidate}`))}
      ${plan.heads.map((head) => headGlyph(head, plan, snapshot, compact, { selected: this.selected === headSelection(head.layer, head.head), pick: () => this.pick(headSelection(head.layer, head.head)) }))}
      ${plan.edges.map((edge) => (isHovered(hovered, edge) || this.selected === edgeId(edge) ? edgeHalo(edge) : nothing))}
      ${plan.edges.map((edge, index) => {
        const passed = contribution(flow, edge);
        const inactive = passed !== null && Math.abs(passed) < flow.threshold;
        // With many lines, only dashes show the sign; badges appear for hovered and selected nodes.
        const lit = isHovered(hovered, edge) || [edge.from, edge.to].some((end) => end === near || end === this.selected);
        return edgeGlyph(edge, {
          width: widths[index]!,
          inactive,
          badge: busy && !lit ? null : (badgeOf.get(edge) ?? null),
          badgeRadius,
          off: flow.off.has(edgeId(edge)),
          ...this.handlers(edge, near),
        });
      })}
      ${this.offLinks(plan, flow, near)}
      ${plan.heads.flatMap((head) => head.gates.map((gate) => svg`<g class="times" transform="translate(${gate.x} ${gate.y})" @click=${() => this.pick(headSelection(head.layer, head.head))}><circle r="8"/><path d="M-3-3 3 3M3-3-3 3"/></g>`))}
      ${plan.nodes.map((node) => nodeGlyph(node, {
        snapshot, flow, before, compact, dense,
        selected: node.info.node === this.selected,
        hovered: touches(hovered, node.info.node),
        stop: node.info.node === stop,
        enter: () => this.point({ kind: 'node', node: node.info.node }),
        leave: () => this.point(null),
        pick: () => this.pick(node.info.node),
        focus: () => {
          this.tabStop = node.info.node;
          this.point({ kind: 'node', node: node.info.node });
        },
      }))}
      ${plan.groups.map((group) => groupGlyph(group, group.members.filter((info) => Math.abs(flow.value.get(info.node) ?? 0) >= 0.005).length, () => (this.expanded = new Set([...this.expanded, group.id]))))}
      ${this.ends(plan, snapshot, flow, compact, word)}
    </svg>`;
  }

  private handlers(edge: EdgeEnds, near: NodeId | null) {
    return {
      faded: near !== null && edge.from !== near && edge.to !== near,
      enter: () => this.point({ kind: 'edge', from: edge.from, to: edge.to }),
      leave: () => this.point(null),
      pick: () => this.pick(edgeId(edge)),
    };
  }

  /** Edges that are off and that no line of the drawing shows: those through the residual stream. */
  private offLinks(plan: Layout, flow: Flow, near: NodeId | null): SVGTemplateResult[] {
    const place = (node: string): [number, number] | null => {
      const candidate = selectedLogit(node);
      const spot = candidate === null ? plan.nodes.find((one) => one.info.node === node) : plan.logits[candidate];
      return spot ? [spot.x, spot.y] : null;
    };
    return [...flow.off].flatMap((id) => {
      const edge = parseEdge(id);
      if (!edge || plan.edges.some((one) => one.from === edge.from && one.to === edge.to)) return [];
      const [from, to] = [place(edge.from), place(edge.to)];
      return from && to ? [offLink(edge, from, to, this.handlers(edge, near))] : [];
    });
  }

  private block(block: Layout['blocks'][number], plan: Layout, compact: boolean, word: TitleWords): SVGTemplateResult {
    const short = compact || block.x1 - block.x0 < 130;
    const one = block.heads.length === 1 && block.x1 - block.x0 > 190 ? block.heads[0] : undefined;
    const part = block.part === 'mlp' ? word('mlp', text.mlp) : word('attention', short ? text.attentionShort : one === undefined ? text.attention : text.attentionHead(one));
    const name = svg`<tspan class="strong">${word('layer', short ? text.layerShort(block.layer) : text.layer(block.layer))}</tspan>`;
    const title = compact
      ? svg`<tspan x=${block.x0} dy="-12">${name}</tspan><tspan x=${block.x0} dy="12">${part}</tspan>`
      : svg`${name} ${part}`;
    return svg`<rect class="block" x=${block.x0} y=${plan.top} width=${block.x1 - block.x0} height=${plan.bottom - plan.top} rx="10"/>
      <text class="bt" x=${block.x0 + (short ? 0 : 10)} y=${plan.top - 9}>${title}</text>
`;
  }

  /** The marked token on the left, the candidates on the right. */
  private ends(plan: Layout, snapshot: Snapshot, flow: Flow, compact: boolean, word: TitleWords): SVGTemplateResult {
    const { embed, logits } = plan;
    const { a, view } = snapshot.result;
    const best = likelier(view.p);
    const chip = (spot: Box, words: string, win: boolean, selection: Selection) => svg`<g class="end-chip" role="button" tabindex="0" data-selection=${selection}
        aria-label=${text.openEnd(words)} aria-pressed=${this.selected === selection} @click=${() => this.pick(selection)} @keydown=${(event: KeyboardEvent) => this.activate(event, selection)}>
      ${this.selected === selection ? svg`<rect class="selring" x=${spot.x - spot.width / 2 - 4} y=${spot.y - spot.height / 2 - 4} width=${spot.width + 8} height=${spot.height + 8} rx="9"/>` : nothing}
      <rect class="chip ${win ? 'win' : ''}" x=${spot.x - spot.width / 2} y=${spot.y - spot.height / 2} width=${spot.width} height=${spot.height} rx="6"/>
      <text class="chipt ${win ? 'win' : ''}" x=${spot.x} y=${spot.y + 4.5}>${clip(words, plan.chipChars)}</text></g>`;
    const place = text.token(flow.marked, false);
    return svg`<g class="ends">
      ${compact ? nothing : svg`<text class="bt strong" x=${embed.x - embed.width / 2} y=${plan.top - 9}>${word('embedding', text.embedding)}</text>
        <text class="bt strong end" x=${plan.width - 8} y=${plan.top - 9}>${word('logit', text.logits)}</text>`}
      ${chip(embed, tokenName(a, flow.marked), false, EMBEDDING)}
      <text class="nl" x=${embed.x - embed.width / 2} y=${embed.y + embed.height / 2 + 16}>${compact ? nothing : place}</text>
      ${logits.map((spot, index) => svg`${chip(spot, showToken(snapshot.task.candidates[index as 0 | 1]), index === best, `logit.${index}`)}
        ${compact ? nothing : svg`<text class="val end" x=${spot.x + spot.width / 2} y=${spot.y + spot.height / 2 + 16} data-testid="logit-${index}" data-value=${view.logits[index as 0 | 1]}>${signed(view.logits[index as 0 | 1])}</text>`}`)}
      ${this.score(plan, snapshot, compact)}${compact ? nothing : this.places(plan, snapshot, flow)}
    </g>`;
  }

  /** Between the candidates: what their logits come to. In circuit mode a box, because the score is calibrated. */
  private score(plan: Layout, snapshot: Snapshot, compact: boolean): SVGTemplateResult {
    const { view, edits } = snapshot.result;
    const [upper, lower] = plan.logits as [Box, Box];
    const right = upper.x + upper.width / 2;
    const middle = (upper.y + lower.y) / 2 + (compact ? 0 : 8);
    const calibrated = edits.mode === 'circuit';
    const best = likelier(view.p);
    if (compact && !calibrated) return svg`<g data-testid="score" data-value=${view.score} data-p=${view.p[0]}></g>`;
    if (!calibrated) {
      return svg`<g data-testid="score" data-value=${view.score} data-p=${view.p[0]}>
        <text class="sm end" x=${right} y=${middle - 4}>${text.apart(view.score)}</text><text class="sm end" x=${right} y=${middle + 10}>= ${percent(view.p[best])}</text></g>`;
    }
    const width = Math.max(upper.width, compact ? 50 : 56);
    const half = compact ? 13 : 17;
    const selection = 'logit.0';
    return svg`<path class="neu" d="M${right + 2} ${upper.y}H${right + 6}V${lower.y}H${right + 2}"/>
      <g class="end-chip" role="button" tabindex="0" data-testid="score" data-value=${view.score} data-p=${view.p[0]} aria-label=${text.openScore(view.score)}
        @click=${() => this.pick(selection)} @keydown=${(event: KeyboardEvent) => this.activate(event, selection)}>
        <rect class="chip score-chip" x=${right - width} y=${middle - half} width=${width} height=${2 * half} rx="6"/>
        <text class="sm mid-anchor strong" x=${right - width / 2} y=${middle - (compact ? 1 : 3)}>${signed(view.score)}</text>
        <text class="sm mid-anchor" x=${right - width / 2} y=${middle + (compact ? 10 : 11)}>${percentDigits(view.p[0])} %</text>
        <title>${text.openScore(view.score)}</title>
      </g>`;
  }

  /** Brackets under the drawing: the tokens at which its columns are read. A narrow bracket has only their numbers. */
  private places(plan: Layout, snapshot: Snapshot, flow: Flow): SVGTemplateResult[] {
    const columns = [...new Set(plan.nodes.map((node) => node.x))].sort((left, right) => left - right);
    const spans: { x0: number; x1: number; at: number[] }[] = [];
    for (const x of columns) {
      const at = [...new Set(plan.nodes.filter((node) => node.x === x).map((node) => flow.at.get(node.info.node) ?? flow.last))].sort((left, right) => left - right);
      const last = spans.at(-1);
      if (last?.at.join() === at.join()) last.x1 = x;
      else spans.push({ x0: x, x1: x, at });
    }
    const y = plan.bottom + 6;
    // Half way to the neighbour.
    const ends = spans.map(({ x0, x1 }, index) => [
      index === 0 ? plan.embed.x : (spans[index - 1]!.x1 + x0) / 2 + 4, index === spans.length - 1 ? plan.width - 8 : (x1 + spans[index + 1]!.x0) / 2 - 4,
    ] as const);
    return spans.map(({ at }, index) => {
      const [from, to] = ends[index]!;
      const [only] = at;
      const name = at.length === 1 ? tokenName(snapshot.result.a, only!).slice(0, 10) : '';
      const isLast = at.length === 1 && only === flow.last ? text.isLast : '';
      const words = text.readAt(at);
      const fits = (words.length + name.length + isLast.length) * CHARACTER < to - from;
      return svg`<g data-testid="read-at" data-tokens=${at.join()}><path class="bracket" d="M${from} ${y}v5H${to}v-5"/>
        <text class="nl sm mid-anchor" x=${(from + to) / 2} y=${y + 19}>${fits ? svg`${words}<tspan class="mono">${name === '' ? '' : ` ${name}`}</tspan>${isLast}` : text.readAtShort(at)}<title>${words}</title></text></g>`;
    });
  }

  private activate(event: KeyboardEvent, selection: Selection): void {
    if (event.key !== 'Enter' && event.key !== ' ') return;
    event.preventDefault();
    event.stopPropagation();
    this.pick(selection);
  }

  private tip(plan: Layout, snapshot: Snapshot, flow: Flow): TemplateResult | typeof nothing {
    const { hover } = this;
    if (!hover) return nothing;
    if (hover.kind === 'edge') {
      const edge = plan.edges.find((one) => isHovered(hover, one));
      if (!edge) return nothing;
      const value = entering(flow, edge);
      const name = (node: NodeId) => placedName(snapshot.task.circuit.nodes.find((info) => info.node === node)!);
      const [x, y] = edgeMiddle(edge.points);
      const sum = value === null ? text.weight(edge.weight) : text.product(edge.weight, value);
      return tipAt(plan, x, y, text.edge(name(edge.from), name(edge.to), flow.off.has(edgeId(edge))), sum);
    }
    const node = plan.nodes.find((one) => one.info.node === hover.node);
    if (!node || node.words === 'all' || hover.node === this.selected || this.room.width < 560) return nothing;
    return tipAt(plan, node.x, node.y - node.half, text.nodeHint(placedName(node.info), plainText(doingOf(node.info)), node.info.node), signed(flow.value.get(node.info.node) ?? 0));
  }

  private stopOf(plan: Layout): NodeId | null {
    const has = (node: NodeId | null) => node !== null && plan.nodes.some((one) => one.info.node === node);
    return has(this.tabStop) ? this.tabStop : has(this.selected) ? this.selected : (plan.nodes[0]?.info.node ?? null);
  }

  private point(hover: Hover | null): void {
    this.dispatchEvent(new CustomEvent<Hover | null>('point', { detail: hover, bubbles: true }));
  }

  private pick(node: Selection): void {
    this.dispatchEvent(new CustomEvent<NodeId>('pick', { detail: node, bubbles: true }));
  }

  private focusNode(node: PlacedNode): void {
    this.querySelector<SVGElement>(`[data-node="${node.info.node}"]`)?.focus();
  }

  private key(event: KeyboardEvent, plan: Layout): void {
    const direction = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    const here = plan.nodes.find((node) => node.info.node === this.stopOf(plan));
    if (!here || (event.target as Element).closest('.term')) return;
    if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      this.pick(here.info.node);
    } else if (direction) {
      event.preventDefault();
      const next = nearest(here, plan.nodes, direction[0]!, direction[1]!);
      if (next) this.focusNode(next);
    } else if (event.key === 'Home' || event.key === 'End') {
      event.preventDefault();
      this.focusNode(plan.nodes.at(event.key === 'Home' ? 0 : -1)!);
    }
  }
}

type TitleWords = (key: TermKey, words: string) => SVGTemplateResult;

/** Words of the titles. The first of each kind is a word of the glossary with its tip. */
function titleWords(): TitleWords {
  const seen = new Set<TermKey>();
  return (key, words) => {
    if (seen.has(key)) return svg`${words}`;
    seen.add(key);
    return svg`<tspan class="term" role="button" tabindex="0" data-term=${key} aria-haspopup="true">${words}</tspan>`;
  };
}

/** The next node in a direction: the nearest one, with a penalty for sideways distance. */
function nearest(from: PlacedNode, nodes: PlacedNode[], dx: number, dy: number): PlacedNode | null {
  let best: PlacedNode | null = null;
  let least = Infinity;
  for (const node of nodes) {
    const along = (node.x - from.x) * dx + (node.y - from.y) * dy;
    if (along < 1) continue;
    const off = Math.abs((node.x - from.x) * dy) + Math.abs((node.y - from.y) * dx);
    const far = along + 2 * off;
    if (far < least) [best, least] = [node, far];
  }
  return best;
}

function isHovered(hover: Hover | null, edge: { from: NodeId; to: NodeId }): boolean {
  return hover?.kind === 'edge' && hover.from === edge.from && hover.to === edge.to;
}

function touches(hover: Hover | null, node: NodeId): boolean {
  return hover?.kind === 'node' ? hover.node === node : hover !== null && (hover.from === node || hover.to === node);
}

function clip(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}

function tipAt(plan: Layout, x: number, y: number, line: string, sum: string): TemplateResult {
  const side = x > plan.width / 2 ? 'left' : 'right';
  return html`<div class="tip ${side}" ${styles({ left: `${x.toFixed(0)}px`, top: `${y.toFixed(0)}px` })} aria-hidden="true"><span>${line}</span><b>${sum}</b></div>`;
}
