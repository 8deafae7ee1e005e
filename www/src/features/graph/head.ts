/** An attention head: the attention pattern of the last token as a small bar chart, with dotted lines from its queries and keys and to its values' gates (×). */
import { nothing, svg, type SVGTemplateResult } from 'lit';
import { row } from '../../domain/flow';
import { hasCaption, type Layout, type PlacedHead } from '../../domain/layout/layout';
import { curve } from '../../domain/layout/paths';
import type { Snapshot } from '../../state/screen';
import { graph as text } from '../../text/en';
import { tokenName } from '../../text/names';

export function headGlyph(head: PlacedHead, plan: Layout, snapshot: Snapshot, compact: boolean, look: { selected: boolean; pick(): void }): SVGTemplateResult {
  const { view } = snapshot.result;
  const index = view.heads.findIndex((one) => one.layer === head.layer && one.head === head.head);
  const pattern = view.heads[index];
  const weights = pattern ? [...row(view.attention, view, index)] : [];
  const { a } = snapshot.result;
  const peak = weights.reduce((best, weight, index) => (weight > (weights[best] ?? 0) ? index : best), 0);
  const middle: [number, number] = [head.x, head.y + head.height / 2];
  const nodes = head.inputs.map((id) => plan.nodes.find((node) => node.info.node === id)).filter((node) => node !== undefined);
  const most = compact ? 24 : 48;
  const shown = weights.slice(-most);
  const skipped = weights.length - shown.length;
  // A hollow bar before the first token shows the attention of the sink.
  const lead = pattern && pattern.sink > 0 ? 7 : 0;
  const inner = head.width - 8 - lead;
  const slot = inner / Math.max(1, shown.length);
  const foot = head.y + head.height - 5;
  const full = head.height - 12;
  // Scale the largest bar (the hollow one included) to the height of the box.
  const largest = Math.max(0.05, pattern?.sink ?? 0, ...weights);
  const high = (weight: number) => Math.max(1, (weight / largest) * full);
  const wide = Math.max(1, slot - (slot > 4 ? 2 : 0.6));
  // All bars are one path, because every key press changes all of them.
  const bar = (weight: number, index: number) => `M${(head.x + 4 + lead + index * slot).toFixed(1)} ${foot}v${(-high(weight)).toFixed(1)}h${wide.toFixed(1)}V${foot}z`;
  const title = text.head(head.head, weights.map((weight, index) => ({ token: tokenName(a, index), weight })), pattern?.sink ?? null);
  return svg`<g class="head">
    ${nodes.map((node) => svg`<path class="neu" d=${curve([node.x + node.half, node.y], middle)}/>`)}
    ${head.gates.map((gate) => {
      const above = gate.y < head.y;
      const from = above ? head.y : head.y + head.height + (hasCaption(head.width) ? 19 : 0);
      return svg`<path class="neu" d="M${gate.x} ${from}V${above ? gate.y + 8 : gate.y - 8}"/>`;
    })}
    <g class="end-chip" role="button" tabindex="0" data-head="${head.layer}.${head.head}" aria-label=${text.openHead(head.layer, head.head)} aria-pressed=${look.selected} @click=${look.pick}
      @keydown=${(event: KeyboardEvent) => {
        if (event.key !== 'Enter' && event.key !== ' ') return;
        event.preventDefault();
        event.stopPropagation();
        look.pick();
      }}>
    ${look.selected ? svg`<rect class="selring" x=${head.x - 4} y=${head.y - 4} width=${head.width + 8} height=${head.height + 8} rx="8"/>` : nothing}
    <rect class="attbox" x=${head.x} y=${head.y} width=${head.width} height=${head.height} rx="5"/>
    ${lead > 0 ? svg`<rect class="sink" x=${head.x + 4.5} y=${(foot - high(pattern!.sink)).toFixed(1)} width="4" height=${high(pattern!.sink).toFixed(1)}/>` : nothing}
    <path class="ab" d=${shown.map((weight, index) => (index + skipped === peak ? '' : bar(weight, index))).join('')}/>
    <path class="ab hi" d=${peak >= skipped && shown.length > 0 ? bar(weights[peak]!, peak - skipped) : ''}/>
    <title>${title}</title>
    </g>
    ${!hasCaption(head.width) || weights.length === 0 ? nothing : svg`<text class="nl mid-anchor" x=${head.x + head.width / 2} y=${head.y + head.height + 14}>${
      text.peak(weights[peak] ?? 0)}<tspan class="mono">${tokenName(a, peak).slice(0, 8)}</tspan></text>`}
  </g>`;
}
