/** A chart of P(other candidate) over the strength, with random directions and the circuit's other channels at full strength. They have different shapes, not only colours. */
import { html, nothing, svg, type TemplateResult } from 'lit';
import type { TwinSnapshot } from './twin-runner';
import { twin as text } from '../../text/en';
import { showToken } from '../../text/format';
import { nameOfId } from '../../text/names';
import { otherOf } from './steering';
import type { CircuitInfo } from '../../engine/protocol';

const [LEFT, RIGHT, TOP, BOTTOM] = [30, 244, 26, 134];
/** Middles of the two columns of dots. */
const [RANDOM_AT, OTHERS_AT] = [302, 364];

export function twinChart(snapshot: TwinSnapshot, candidates: [string, string], circuit: CircuitInfo, headWidth: number): TemplateResult | typeof nothing {
  const { curve } = snapshot;
  if (!curve) return nothing;
  const other = otherOf(snapshot);
  const x = (strength: number) => LEFT + strength * (RIGHT - LEFT);
  const y = (p: number) => BOTTOM - p * (BOTTOM - TOP);
  const token = showToken(candidates[other]);
  const points = curve.map(({ strength, p }) => `${x(strength).toFixed(1)} ${y(p[other]).toFixed(1)}`);
  const random = snapshot.random ?? [];
  const others = snapshot.others ?? [];
  const name = (node: string) => nameOfId(circuit, node, headWidth);
  const label = text.chart(candidates[other], curve.map(({ strength, p }) => ({ strength, p: p[other] })));
  const [randomAbove, randomBelow] = text.chartRandom(random.length);
  const [othersAbove, othersBelow] = text.chartOthers(others.length);
  return html`<svg class="tchart" viewBox="0 0 400 168" role="img" aria-label=${label}>
    ${[0, 0.5, 1].map(
      (p) => svg`<path class="grid" d="M${LEFT} ${y(p)}H${OTHERS_AT + 28}" /><text class="tick" x=${LEFT - 6} y=${y(p) + 4} text-anchor="end">${p * 100}</text>`,
    )}
    ${[0, 0.5, 1].map((s) => svg`<text class="tick" x=${x(s)} y=${BOTTOM + 15} text-anchor="middle">${s * 100}</text>`)}
    <text class="axis" x=${(LEFT + RIGHT) / 2} y=${BOTTOM + 30} text-anchor="middle">${text.chartStrength}</text>
    <text class="axis" x="4" y="12">${text.chartProbability[0]}<tspan class="tok">${token}</tspan>${text.chartProbability[1]}</text>
    <text class="axis" x=${RANDOM_AT} y=${BOTTOM + 15} text-anchor="middle">${randomAbove}</text>
    <text class="axis" x=${RANDOM_AT} y=${BOTTOM + 30} text-anchor="middle">${randomBelow}</text>
    ${others.length > 0
      ? svg`<text class="axis" x=${OTHERS_AT} y=${BOTTOM + 15} text-anchor="middle">${othersAbove}</text>
          <text class="axis" x=${OTHERS_AT} y=${BOTTOM + 30} text-anchor="middle">${othersBelow}</text>`
      : nothing}
    <path class="rest" d="M${LEFT} ${y(snapshot.before[other])}H${OTHERS_AT + 28}" />
    <path class="curve" d="M${points.join('L')}" />
    ${random.map((p, index) => svg`<circle class="rdot" cx=${RANDOM_AT + scatter(index)} cy=${y(p[other])} r="2.2"><title>${text.randomDot(p[other])}</title></circle>`)}
    ${others.map(({ node, p }, index) => {
      const [cx, cy] = [OTHERS_AT + scatter(index), y(p[other])];
      return svg`<path class="odot" d="M${cx} ${cy - 4.5}l4.5 4.5l-4.5 4.5l-4.5 -4.5z"><title>${text.otherDot(name(node), node, p[other])}</title></path>`;
    })}
    <circle class="now" cx=${x(snapshot.steer)} cy=${y(snapshot.p[other])} r="5.5"><title>${text.nowDot(snapshot.p[other])}</title></circle>
  </svg>`;
}

/** Spreads the dots of a column sideways. The offset depends only on the index. */
function scatter(index: number): number {
  return ((index * 0.618034) % 1) * 36 - 18;
}
