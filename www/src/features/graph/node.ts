/**
 * The glyph of a node: a square on a lane, or a circle between lanes. The fill starts at the middle and goes up for positive values and
 * down for negative ones.
 */
import { nothing, svg, type SVGTemplateResult } from 'lit';
import { fillHeight, type Flow } from '../../domain/flow';
import type { PlacedGroup, PlacedNode } from '../../domain/layout/layout';
import { changeOf } from '../../domain/edits';
import type { Snapshot } from '../../state/screen';
import { givenName, kind, nameOf, placedName } from '../../text/names';
import { badges as badgeText, graph as text } from '../../text/en';
import { signed } from '../../text/format';
import { flips } from '../prediction/summary';

export interface NodeLook {
  snapshot: Snapshot;
  flow: Flow;
  /** Values without edits, by the node's place in the circuit; null if there are no edits. */
  before: number[] | null;
  compact: boolean;
  /** Whether columns are close together, so that numbers are smaller. */
  dense: boolean;
  selected: boolean;
  hovered: boolean;
  /** Whether the node is the tab stop. */
  stop: boolean;
  enter(): void;
  leave(): void;
  pick(): void;
  focus(): void;
}

export function nodeGlyph(node: PlacedNode, look: NodeLook): SVGTemplateResult {
  const { info, half } = node;
  const { flow, before, snapshot } = look;
  const value = flow.value.get(info.node) ?? 0;
  const was = before?.[snapshot.task.circuit.nodes.indexOf(info)];
  const on = !snapshot.doc.edits.off.includes(info.node) && snapshot.doc.edits.mode !== 'removed';
  const badge = badgeOf(snapshot, info.node);
  const inactive = Math.abs(value) < 1e-6;
  const ghost = was !== undefined && signed(was) !== signed(value) ? -Math.sign(was) * fillHeight(was, flow.scale, half) : null;
  const name = placedName(info);
  const canFlip = snapshot.task.circuit.flipNodes.includes(info.node);
  const label = text.node(name, info.node, value, flow.at.get(info.node) ?? 0, badge?.words ?? null);
  return svg`<g
    class="node ${on ? '' : 'off'} ${inactive ? 'inactive' : ''} ${look.hovered ? 'hovered' : ''}"
    transform="translate(${node.x} ${node.y})"
    data-node=${info.node}
    data-activation=${value}
    data-token-index=${flow.at.get(info.node) ?? 0}
    data-on=${on ? 'true' : 'false'}
    role="button"
    tabindex=${look.stop ? 0 : -1}
    aria-label=${label}
    aria-pressed=${look.selected ? 'true' : 'false'}
    @pointerenter=${look.enter}
    @pointerleave=${look.leave}
    @click=${look.pick}
    @focus=${look.focus}
    @blur=${look.leave}
  >
    ${look.selected ? shape(node, 'selring', RING) : nothing}
    <rect class="hit" x=${-half - 8} y=${-node.reach} width=${2 * half + 16} height=${2 * node.reach}/>
    ${look.hovered ? shape(node, 'nhalo', 6) : nothing}
    ${shape(node, 'ng', 0)}
    ${fill(value, flow.scale, node)}
    <path class="mid" d="M${-half} 0H${half}"/>
    ${ghost === null ? nothing : svg`<path class="gh" d="M${-half + 2} ${ghost}H${half - 2}"/>`}
    ${shape(node, canFlip ? 'no flips' : 'no', 0)}
    ${badge ? svg`<g transform="translate(${badgeAt(half, badge.sign).join(' ')})">${badgeShape(badge.sign)}</g>` : nothing}
    ${words(node, value, look)}
  </g>`;
}

function shape(node: PlacedNode, name: string, more: number): SVGTemplateResult {
  const half = node.half + more;
  return node.shape === 'circle'
    ? svg`<circle class=${name} r=${half}/>`
    : svg`<rect class=${name} x=${-half} y=${-half} width=${2 * half} height=${2 * half} rx=${3 + more / 2}/>`;
}

function fill(value: number, scale: number, node: PlacedNode): SVGTemplateResult | typeof nothing {
  const height = fillHeight(value, scale, node.half);
  if (height === 0) return nothing;
  const path = filled(node.shape, node.half, height, value > 0);
  return value > 0 ? svg`<path class="fp" d=${path}/>` : svg`<path class="fn" d=${path}/><path fill="url(#hatch)" d=${path}/>`;
}

/**
 * The part of a shape between its middle and this height above or below it. It is a path, because a clip path would make a
 * compositing layer for each node.
 */
function filled(shape: PlacedNode['shape'], half: number, height: number, up: boolean): string {
  const sign = up ? -1 : 1;
  const turn = up ? 1 : 0;
  const at = (value: number) => value.toFixed(2);
  if (shape === 'circle') {
    const x = Math.sqrt(Math.max(0, half * half - height * height));
    return `M${-half} 0A${half} ${half} 0 0 ${turn} ${at(-x)} ${at(sign * height)}H${at(x)}A${half} ${half} 0 0 ${turn} ${half} 0Z`;
  }
  // Stay within the rounded corner.
  const round = Math.max(0, height - (half - 3));
  const y = sign * height;
  return `M${-half} 0V${at(y - sign * round)}Q${-half} ${at(y)} ${at(round - half)} ${at(y)}H${at(half - round)}Q${half} ${at(y)} ${half} ${at(y - sign * round)}V0Z`;
}

/** Pixels from the glyph to the ring of the selected node. */
const RING = 5;

/** Name above, value below, if there is room for it. A square has a name only if the circuit file gives one; its lane shows the channel. */
function words(node: PlacedNode, value: number, look: NodeLook): SVGTemplateResult | typeof nothing {
  if (node.words === 'none') return nothing;
  const { info, half } = node;
  const gap = look.selected ? RING : 0;
  const under = (look.dense ? 11 : 13) + gap;
  const name = givenName(info) ?? (node.shape === 'square' ? '' : look.compact ? (/^attn/.test(info.site) ? kind(info.site) : String(info.index)) : nameOf(info));
  const lines = node.words === 'all' ? fitLines(name, Math.floor(node.span / LETTER)) ?? [givenName(info) ? name : String(info.index)] : [];
  const inline = node.words === 'value' && name !== '' && name.length < 9 && /^attn/.test(info.site);
  return svg`
    ${lines.map((line, index) => svg`<text class="nl name ${look.selected ? 'strong' : ''}" y=${-half - 6 - gap - 13 * (lines.length - 1 - index)}>${line}</text>`)}
    ${look.compact || (node.shape === 'square' && under > node.below) ? nothing : svg`<text class="val mid-anchor ${Math.abs(value) < 0.005 ? 'zero' : ''} ${inline ? 'named' : ''}" y=${half + under}>${
      inline ? svg`<tspan class="inline-name">${node.roomy ? name : name[0]} </tspan>` : nothing}${signed(value)}</text>`}`;
}

/** Width of a letter of a node's name. */
const LETTER = 6.6;

/** Splits a name into one or two lines of at most `letters` letters; null if it does not fit. */
export function fitLines(name: string, letters: number): string[] | null {
  if (name.length <= letters) return name === '' ? [] : [name];
  const words = name.split(/[ \u00a0]/);
  for (let first = 1; first < words.length; first++) {
    const lines = [words.slice(0, first), words.slice(first)].map((line) => line.join(' '));
    if (lines.every((line) => line.length <= letters)) return lines;
  }
  return null;
}

/** Places the badge on the edge of a large glyph, and next to a small one so that it stays visible. A word is on the right, below the node's name. */
function badgeAt(half: number, sign: string): [number, number] {
  if (sign.length > 1) return [half + badgeHalf(sign) - 2, -half / 2];
  const at = half > 9 ? half * 0.8 : half + 4;
  return [at, -at];
}

/** Half the width of a badge: a disc for one letter, longer for a word. */
export function badgeHalf(sign: string): number {
  return sign.length === 1 ? 7 : 4 + 3 * sign.length;
}

export function badgeShape(sign: string): SVGTemplateResult {
  const half = badgeHalf(sign);
  return svg`<rect class="pb" x=${-half} y="-7" width=${2 * half} height="14" rx="7"/><text class="pbt" y="3.6">${sign}</text>`;
}

/** The badge of a changed node, and its text for screen readers. */
export function badgeOf(snapshot: Snapshot, node: string): { sign: string; words: string } | null {
  const { edits } = snapshot.result;
  const change = changeOf(edits, node);
  if (change?.kind === 'off') return { sign: badgeText.offSign, words: badgeText.off };
  if (change?.kind === 'set') return { sign: '=', words: badgeText.set(change.value) };
  if (change?.kind === 'scale') return { sign: '×', words: badgeText.scaled(change.factor) };
  if (change?.kind === 'patch' || flips(snapshot, node)) return { sign: 'B', words: badgeText.patched };
  return null;
}

/** A collapsed group, drawn as a count; `active` of its nodes are active at these tokens. */
export function groupGlyph(group: PlacedGroup, active: number, expand: () => void): SVGTemplateResult {
  const count = text.more(group.members.length);
  const width = 14 + count.length * 7;
  const words = text.group(group.members.length, group.id, active);
  const activate = (event: KeyboardEvent) => {
    if (event.key !== 'Enter' && event.key !== ' ') return;
    event.preventDefault();
    event.stopPropagation();
    expand();
  };
  return svg`<g class="group ${active > 0 ? 'active' : ''}" role="button" tabindex="0" transform="translate(${group.x} ${group.y})"
    aria-label=${words} @click=${expand} @keydown=${activate}>
    <title>${words}</title>
    <rect class="chip" x=${-width / 2} y="-10" width=${width} height="20" rx="10"/><text class="chipt" y="4">${count}</text>
  </g>`;
}
