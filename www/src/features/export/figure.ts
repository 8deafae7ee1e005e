/** The figure that Export saves: title, prompt, bars, sentence, drawing and legend, of a fixed size on every screen. */
import { html, nothing, render, type TemplateResult } from 'lit';
import { changeOf, changedNodes } from '../../domain/edits';
import type { OpenModel } from '../../engine/protocol';
import type { Snapshot } from '../../state/screen';
import { encode } from '../../state/url';
import { prediction } from '../../text/en';
import { figure as text } from '../../text/en/export';
import { percent, showToken } from '../../text/format';
import { nameOfId } from '../../text/names';
import { plainText } from '../../text/rich-text';
import { richText } from '../common/rich-text';
import { styles } from '../common/styles';
import { Graph } from '../graph/graph';
import { hatch } from '../graph/hatch';
import { legend } from '../graph/legend';
import { answerOf } from '../prediction/answer';
import { look } from '../prediction/bars';
import { summary } from '../prediction/summary';
import { serialized, toSvg } from './picture';

/** From Cargo.toml. The build defines it. */
declare const __VERSION__: string;

export const THEMES = ['light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

/** Of the drawing, in CSS pixels. */
const WIDTH = 1072;
const HEIGHT = 470;
/** From lane to lane, so that every value fits, and above and below all lanes. */
const LANE = 40;
const REST = 182;
/** The last lines of a prompt, and the characters of a line. */
const LINES = 8;
const CHARACTERS = 110;

/** The text of the SVG file. It is drawn outside the screen, in this theme. */
export async function figureSvg(snapshot: Snapshot, model: OpenModel, theme: Theme): Promise<string> {
  const stage = document.createElement('div');
  stage.className = 'stage';
  stage.dataset['theme'] = theme;
  stage.inert = true;
  document.body.append(stage);
  try {
    const { text: sentence } = summary(snapshot, model.headWidth);
    render(figure(snapshot, model), stage);
    const graph = stage.querySelector<Graph>('sc-graph')!;
    await graph.updateComplete;
    const description = `${plainText(sentence)} ${text.state(encode(snapshot.doc))}`;
    return serialized(toSvg(stage.querySelector<HTMLElement>('.figure')!, titleOf(snapshot), description));
  } finally {
    stage.remove();
  }
}

const titleOf = ({ task, result }: Snapshot) => `${task.sentence} ${prediction.who[result.edits.mode]}`;

function figure(snapshot: Snapshot, model: OpenModel): TemplateResult {
  const { task, doc, result } = snapshot;
  const answer = answerOf(snapshot);
  const changes = changesOf(snapshot, model.headWidth);
  return html`<div class="figure">
    ${hatch}
    <h2>${task.sentence} <span>${prediction.who[result.edits.mode]}</span></h2>
    <div class="fig-top">
      <div><p class="fig-label">${text.prompt}</p><pre>${shortened(result.a.text)}</pre>${changes.length > 0 ? html`<p>${text.changed(changes)}</p>` : nothing}</div>
      <div class="fig-bars"><p class="fig-label">${prediction.label}</p>${([0, 1] as const).map((index) => bar(task.candidates[index], look(answer, index)))}</div>
    </div>
    <p class="fig-sentence">${richText(summary(snapshot, model.headWidth).text)}</p>
    <sc-graph .snapshot=${snapshot} .fixed=${roomOf(snapshot)} .whole=${doc.all}></sc-graph>
    ${legend(snapshot, result.view.untouched != null)}
    <p class="fig-source">${text.source(__VERSION__, model.file, model.fingerprint ?? null, task.name)}</p>
  </div>`;
}

/** The page leaves out values where it has no room. A picture can be high enough for all. */
function roomOf({ task: { circuit, inactive }, doc }: Snapshot): { width: number; height: number } {
  const drawn = circuit.lanes.filter(({ writes, reads }) => doc.all || [...writes, ...reads].some((node) => !inactive.includes(node)));
  return { width: WIDTH, height: Math.max(HEIGHT, REST + LANE * (drawn.length - 1)) };
}

function bar(token: string, { p, win, wrong, was, full }: ReturnType<typeof look>): TemplateResult {
  const notes = [...(wrong ? [prediction.wrong] : []), ...(was === null || was === undefined ? [] : [prediction.was(was)]), ...(full === null || full === undefined ? [] : [prediction.fullModel(full)])];
  return html`<div class="fig-bar ${win ? 'win' : ''}">
    <code>${showToken(token)}</code><span class="fig-track"><i ${styles({ width: `${(p * 100).toFixed(2)}%` })}></i></span><b>${percent(p)}</b><small>${notes.join(', ')}</small>
  </div>`;
}

/** The end of a prompt, which decides. */
function shortened(prompt: string): string {
  const all = prompt.split('\n');
  const last = all.slice(-LINES).map((line) => (line.length > CHARACTERS ? `…${line.slice(-CHARACTERS)}` : line));
  return [...(all.length > LINES ? ['…'] : []), ...last].join('\n');
}

/** What the user has changed, one text each. */
function changesOf({ task, result: { edits } }: Snapshot, headWidth: number): string[] {
  const nodes = changedNodes(edits).map((node) => {
    const change = changeOf(edits, node)!;
    const name = nameOfId(task.circuit, node, headWidth);
    return change.kind === 'set' ? text.set(name, change.value) : change.kind === 'scale' ? text.scaled(name, change.factor) : change.kind === 'off' ? text.off(name) : text.patched(name);
  });
  return [...(edits.flip ? [text.flipped] : []), ...nodes, ...(edits.offEdges.length > 0 ? [text.edgesOff(edits.offEdges.length)] : [])];
}
