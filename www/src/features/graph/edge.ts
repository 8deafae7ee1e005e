/**
 * Edges: solid blue for a positive weight, dashed orange with a minus badge for a negative one, grey for a contribution below the threshold,
 * thin and dotted with a gap for one that is off.
 */
import { nothing, svg, type SVGTemplateResult } from 'lit';
import type { EdgeEnds } from '../../domain/edges';
import type { Layout, PlacedEdge } from '../../domain/layout/layout';
import { curve, pointAt, through } from '../../domain/layout/paths';
import { edgeWidth, type Flow } from '../../domain/flow';
import { graph as text } from '../../text/en';

export interface EdgeLook {
  width: number;
  inactive: boolean;
  faded: boolean;
  off: boolean;
  badge: [number, number] | null;
  badgeRadius: number;
  enter(): void;
  leave(): void;
  pick(): void;
}

export function edgeGlyph(edge: PlacedEdge, look: EdgeLook): SVGTemplateResult {
  const path = through(edge.points);
  if (look.off) return offEdge(edge, path, edgeMiddle(edge.points), look);
  const sign = edge.weight < 0 ? 'neg' : 'pos';
  const quiet = look.inactive || look.faded ? 'dim' : '';
  return svg`<g class="edge-group ${look.faded ? 'faded' : ''}">
    <path class="edge ${sign} ${quiet}" d=${path} stroke-width=${look.width.toFixed(2)} data-from=${edge.from} data-to=${edge.to}/>
    ${look.badge ? minus(look.badge, look.badgeRadius, quiet) : nothing}
    <path class="edge-hit" d=${path} @pointerenter=${look.enter} @pointerleave=${look.leave} @click=${look.pick}/>
  </g>`;
}

/** An edge that is off. The gap is in the middle. */
function offEdge(edge: EdgeEnds, path: string, [x, y]: [number, number], look: Pick<EdgeLook, 'faded' | 'enter' | 'leave' | 'pick'>): SVGTemplateResult {
  return svg`<g class="edge-group ${look.faded ? 'faded' : ''}">
    <path class="edge cut" d=${path} data-from=${edge.from} data-to=${edge.to} data-off="true"/>
    <g class="gap" transform="translate(${x.toFixed(1)} ${y.toFixed(1)})"><circle r="7"/><path d="M-4-5V5M4-5V5"/></g>
    <path class="edge-hit" d=${path} @pointerenter=${look.enter} @pointerleave=${look.leave} @click=${look.pick}/>
  </g>`;
}

/** An edge through the residual stream that is off: it has a curve of its own from its source to its target. */
export function offLink(edge: EdgeEnds, from: [number, number], to: [number, number], look: Pick<EdgeLook, 'faded' | 'enter' | 'leave' | 'pick'>): SVGTemplateResult {
  return offEdge(edge, curve(from, to), pointAt(from, to, 0.5), look);
}

/** The point where an edge has its tip and its gap. */
export function edgeMiddle(points: [number, number][]): [number, number] {
  const [first, second] = points as [[number, number], [number, number]];
  return points.length === 2 ? pointAt(first, second, 0.5) : points[Math.floor(points.length / 2)]!;
}

export function edgeHalo(edge: PlacedEdge): SVGTemplateResult {
  return svg`<path class="ehalo" d=${through(edge.points)} stroke-width="13"/>`;
}

function minus([x, y]: [number, number], radius: number, quiet: string): SVGTemplateResult {
  const arm = radius * 0.5;
  return svg`<g class="badge ${quiet}" transform="translate(${x.toFixed(1)} ${y.toFixed(1)})"><circle r=${radius}/><path d="M${-arm} 0H${arm}"/></g>`;
}

/** Lines from the marked token to the lanes whose channels the circuit reads directly from the embedding. A click opens the embedding. */
export function embedLinks(plan: Layout, flow: Flow, pick: () => void): SVGTemplateResult[] {
  const { embed } = plan;
  const largest = Math.max(1e-6, ...flow.embedding.values(), ...[...flow.embedding.values()].map((value) => -value));
  const from: [number, number] = [embed.x + embed.width / 2, embed.y];
  return plan.lanes.filter((lane) => lane.embedded).map((lane) => {
    const value = flow.embedding.get(lane.lane.channel) ?? 0;
    const to: [number, number] = [lane.x0, lane.y];
    if (Math.abs(value) < 1e-6) return svg`<path class="edge dim" d=${curve(from, to)} stroke-width="1"/>`;
    return link(from, to, value, edgeWidth(value, largest, 4), { words: text.embedded(value), pick });
  });
}

/** Unembedding weights below this fraction of the largest are not drawn. */
const FAINT = 0.05;

/** Lines from the ends of the lanes to the candidates, one for each large unembedding weight. A click opens the logit. */
export function logitLinks(plan: Layout, pick: (candidate: number) => void): SVGTemplateResult[] {
  const written = plan.lanes.filter((lane) => lane.lane.writes.length > 0);
  const largest = Math.max(1e-6, ...written.flatMap((lane) => lane.lane.toLogits.map(Math.abs)));
  const links = written.flatMap((lane) => plan.logits.map((spot, index) => ({ lane, spot, index, weight: lane.lane.toLogits[index as 0 | 1] })))
    .filter(({ weight }) => Math.abs(weight) >= largest * FAINT);
  // With many lines, badges would overlap. The dashes still show the sign.
  const badge = links.filter(({ weight }) => weight < 0).length <= 4;
  return links.map(({ lane, spot, index, weight }) =>
    link([lane.x1, lane.y], [spot.x - spot.width / 2, spot.y], weight, edgeWidth(weight, largest, 4), { words: text.weight(weight), pick: () => pick(index) }, badge));
}

function link(from: [number, number], to: [number, number], weight: number, width: number, does: { words: string; pick(): void }, badge = true): SVGTemplateResult {
  const path = curve(from, to);
  return svg`<path class="edge ${weight < 0 ? 'neg' : 'pos'}" d=${path} stroke-width=${width.toFixed(2)}/>
    <path class="edge-hit" d=${path} @click=${does.pick}><title>${does.words}</title></path>
    ${badge && weight < 0 ? minus(pointAt(from, to, 0.5), 4.5, '') : nothing}`;
}
